"""Dilated towers: the receptive field grows by a factor a repeat, the length stays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras

from whelp.layers import Scale, Symmetrize2D
from whelp.models.blocks.common import Tensor, derive
from whelp.models.blocks.convolution import conv_block, conv_block_2d, conv_nac
from whelp.models.builder import GraphBuilder
from whelp.models.roles import Role
from whelp.specs import blocks as specs


def rates(s: Any) -> Iterator[int]:
    """Yields the dilation rate of each repeat, from 1, multiplied by `rate_mult` and rounded."""
    rate = 1.0
    for _ in range(s.repeat):
        yield round(rate)
        rate *= s.rate_mult
        if getattr(s, "round", False):
            rate = float(round(rate))


def dilated_dense(g: GraphBuilder, x: Tensor, s: specs.DilatedDense) -> Tensor:
    """Dilated convolutions, each concatenated to all before it."""
    for i, rate in enumerate(rates(s)):
        with g.scope(i):
            inner = derive(specs.ConvBlock, s, without=("dropout",), dilation_rate=rate)
            x = g.layer(keras.layers.Concatenate, "concat")([x, conv_block(g, x, inner)])
    return x


def dilated_residual(g: GraphBuilder, x: Tensor, s: specs.DilatedResidual) -> Tensor:
    """Dilated convolution and a width-1 return, added to the input.

    The return starts at 0: by the initial gamma of its norm, or by a learned scale without norm.
    """
    for i, rate in enumerate(rates(s)):
        dilate = derive(
            specs.ConvBlock, s, without=("dropout",), dilation_rate=rate, norm_gamma="ones"
        )
        back = derive(
            specs.ConvBlock,
            s,
            without=("kernel_size", "conv_type"),
            filters=x.shape[-1],
            norm_gamma="zeros",
        )
        with g.scope(i):
            current = _there_and_back(g, x, conv_block, dilate, back)
            if s.norm_type is None:
                current = g.layer(Scale, "scale", Role.SCALE)(current)
            x = g.add(x, current)
    return x


def dilated_residual_nac(g: GraphBuilder, x: Tensor, s: specs.DilatedResidualNac) -> Tensor:
    """As `dilated_residual`, with normalisation and activation before each convolution."""
    for i, rate in enumerate(rates(s)):
        dilate = derive(specs.ConvNac, s, without=("dropout",), dilation_rate=rate)
        back = derive(specs.ConvNac, s, without=("kernel_size",), filters=x.shape[-1])
        with g.scope(i):
            x = g.add(x, _there_and_back(g, x, conv_nac, dilate, back))
    return x


def dilated_residual_2d(g: GraphBuilder, x: Tensor, s: specs.DilatedResidual2d) -> Tensor:
    """As `dilated_residual`, over a contact map; each sum is made symmetric unless told not to."""
    for i, rate in enumerate(rates(s)):
        dilate = derive(
            specs.ConvBlock2d,
            s,
            without=("dropout", "symmetric"),
            dilation_rate=rate,
            norm_gamma="ones",
        )
        back = derive(
            specs.ConvBlock2d,
            s,
            without=("kernel_size", "symmetric"),
            filters=x.shape[-1],
            norm_gamma="zeros",
        )
        with g.scope(i):
            x = g.add(x, _there_and_back(g, x, conv_block_2d, dilate, back))
            if s.symmetric:
                x = g.layer(Symmetrize2D, "symmetrize")(x)
    return x


def _there_and_back(g: GraphBuilder, x: Tensor, block: Any, dilate: Any, back: Any) -> Tensor:
    with g.scope("dilate"):
        x = block(g, x, dilate)
    with g.scope("return"):
        return block(g, x, back)
