"""Convolution blocks, 1-D and 2-D."""

from __future__ import annotations

from typing import Any

import keras

from whelp.layers import Scale, SqueezeExcite, Symmetrize2D
from whelp.models.blocks.common import Tensor, convolve, dense, derive, l1_l2, normalize, pool
from whelp.models.builder import GraphBuilder
from whelp.models.roles import Role
from whelp.specs import blocks as specs


def conv_block(g: GraphBuilder, x: Tensor, s: specs.ConvBlock) -> Tensor:
    """Activation, convolution, normalisation, pooling; optionally residual.

    Args:
      g: The graph under construction.
      x: `(batch, length, channels)`.
      s: The block's spec.

    Returns:
      `(batch, length / (stride * pool_size), filters)`.
    """
    current = g.dropout(_activated_convolution(g, x, s), s.dropout)
    if s.residual:
        current = g.add(x, current)
    current = g.activate(current, s.activation_end)
    return pool(g, current, s.pool_size, s.pool_type, s.padding)


def conv_dna(g: GraphBuilder, x: Tensor, s: specs.ConvDna) -> Tensor:
    """First convolution, on one-hot DNA: convolution, normalisation, activation, pooling.

    With `residual`, a width-1 convolution block is added to the convolution through a learned
    scale that starts at 0.

    Args:
      g: The graph under construction.
      x: `(batch, length, 4)`.
      s: The block's spec.

    Returns:
      `(batch, length / (stride * pool_size), filters)`.
    """
    plain = s.norm_type is None and not s.residual
    current = convolve(
        g,
        x,
        filters=s.filters,
        kernel_size=s.kernel_size,
        strides=s.stride,
        padding="same",
        use_bias=plain if s.use_bias is None else s.use_bias,
        conv_type=s.conv_type,
        kernel_initializer=s.kernel_initializer,
        l2_scale=s.l2_scale,
    )
    current = excite(g, current) if s.se else current
    if s.residual:
        kept = ("residual", "filters", "kernel_size", "stride", "pool_size", "pool_type", "padding")
        inner = derive(specs.ConvNac, s, without=kept, dropout=s.dropout_residual)
        with g.scope("residual"):
            branch = g.layer(Scale, "scale", Role.SCALE)(conv_nac(g, current, inner))
        current = g.add(current, branch)
    else:
        current = normalize(g, current, s)
        current = g.activate(current, s.activation)
    current = g.dropout(current, s.dropout)
    return pool(g, current, s.pool_size, s.pool_type, s.padding)


def conv_nac(g: GraphBuilder, x: Tensor, s: specs.ConvNac) -> Tensor:
    """Normalisation, activation, convolution; optionally squeeze-excite, residual, pooling.

    Args:
      g: The graph under construction.
      x: `(batch, length, channels)`.
      s: The block's spec.

    Returns:
      `(batch, length / (stride * pool_size), filters)`.
    """
    current = normalize(g, x, s)
    current = convolve(
        g,
        g.activate(current, s.activation),
        filters=s.filters or x.shape[-1],
        kernel_size=s.kernel_size,
        strides=s.stride,
        padding=s.padding,
        use_bias=True,
        dilation_rate=s.dilation_rate,
        conv_type=s.conv_type,
        kernel_initializer=s.kernel_initializer,
        l2_scale=s.l2_scale,
    )
    current = excite(g, current) if s.se else current
    current = g.dropout(current, s.dropout)
    if s.residual:
        current = g.add(x, current)
    return pool(g, current, s.pool_size, s.pool_type, s.padding)


def excite(g: GraphBuilder, x: Tensor) -> Tensor:
    """Squeeze-excite with the defaults of the `se` option of convolution blocks."""
    return g.layer(SqueezeExcite, "squeeze_excite", Role.EXCITE, bottleneck_ratio=8)(x)


def conv_next(g: GraphBuilder, x: Tensor, s: specs.ConvNext) -> Tensor:
    """ConvNeXt block (Liu et al. 2022): separable convolution, norm, expansion, contraction.

    Args:
      g: The graph under construction.
      x: `(batch, length, channels)`.
      s: The block's spec.

    Returns:
      `(batch, length / pool_size, filters)`.
    """
    filters = s.filters or x.shape[-1]
    weights: dict[str, Any] = {"l2_scale": s.l2_scale, "kernel_initializer": s.kernel_initializer}
    current = convolve(
        g,
        x,
        filters=filters,
        kernel_size=s.kernel_size,
        padding="same",
        dilation_rate=s.dilation_rate,
        conv_type="separable",
    )
    norm = g.layer(keras.layers.LayerNormalization, "norm", Role.NORM_LAYER, epsilon=s.norm_epsilon)
    current = dense(g, norm(current), int(s.dense_expansion) * filters, name="expand", **weights)
    current = g.dropout(current, s.dropout)
    current = g.activate(current, s.activation)
    current = dense(g, current, filters, name="contract", **weights)
    if s.residual:
        current = g.add(x, current)
    return pool(g, current, s.pool_size, s.pool_type, s.padding)


def tconv_nac(g: GraphBuilder, x: Tensor, s: specs.TconvNac) -> Tensor:
    """Normalisation, activation, transposed convolution.

    Args:
      g: The graph under construction.
      x: `(batch, length, channels)`.
      s: The block's spec.

    Returns:
      `(batch, length * stride, filters)`.
    """
    current = g.activate(normalize(g, x, s), s.activation)
    current = g.layer(
        keras.layers.Conv1DTranspose,
        "conv_transpose",
        Role.CONV_TRANSPOSE,
        filters=s.filters or x.shape[-1],
        kernel_size=s.kernel_size,
        strides=s.stride,
        padding="same",
        kernel_initializer=s.kernel_initializer,
        kernel_regularizer=l1_l2(0, s.l2_scale),
    )(current)
    g.stride /= s.stride
    return g.dropout(current, s.dropout)


def conv_block_2d(g: GraphBuilder, x: Tensor, s: specs.ConvBlock2d) -> Tensor:
    """Activation, 2-D convolution, normalisation, pooling; optionally made symmetric.

    Args:
      g: The graph under construction.
      x: `(batch, rows, columns, channels)`.
      s: The block's spec.

    Returns:
      `(batch, rows / pool_size, columns / pool_size, filters)`.
    """
    current = g.dropout(_activated_convolution(g, x, s), s.dropout)
    current = pool(g, current, s.pool_size)
    return g.layer(Symmetrize2D, "symmetrize")(current) if s.symmetric else current


def _activated_convolution(
    g: GraphBuilder, x: Tensor, s: specs.ConvBlock | specs.ConvBlock2d
) -> Tensor:
    """Activation, convolution, 1-D or 2-D, and normalisation."""
    current = convolve(
        g,
        g.activate(x, s.activation),
        filters=s.filters,
        kernel_size=s.kernel_size,
        strides=s.stride,
        padding="same",
        use_bias=s.norm_type is None,
        dilation_rate=s.dilation_rate,
        conv_type=s.conv_type,
        kernel_initializer=s.kernel_initializer,
        l2_scale=s.l2_scale,
    )
    return normalize(g, current, s, gamma=s.norm_gamma)
