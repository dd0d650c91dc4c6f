"""Dense blocks: `dense_block`, `dense_nac`, and `final`, the last layer of a head."""

from __future__ import annotations

from typing import Any

import keras

from whelp.models.blocks.common import Tensor, dense, normalize
from whelp.models.builder import GraphBuilder
from whelp.specs import blocks as specs


def dense_block(g: GraphBuilder, x: Tensor, s: specs.DenseBlock) -> Tensor:
    """Activation, dense layer, normalisation; optionally flattened, residual.

    Args:
      g: The graph under construction.
      x: `(batch, length, channels)`.
      s: The block's spec.

    Returns:
      `(batch, length, units)`, of length 1 with `flatten`.
    """
    current = _flatten(g, g.activate(x, s.activation), s.flatten)
    current = _dense(g, current, s, x.shape[-1], use_bias=s.norm_type is None)
    current = normalize(g, current, s, gamma=_gamma(s))
    current = g.dropout(current, s.dropout)
    if s.residual:
        current = g.add(x, current)
    return g.activate(current, s.activation_end)


def dense_nac(g: GraphBuilder, x: Tensor, s: specs.DenseNac) -> Tensor:
    """Normalisation, activation, dense layer; optionally flattened, residual.

    Args:
      g: The graph under construction.
      x: `(batch, length, channels)`.
      s: The block's spec.

    Returns:
      `(batch, length, units)`, of length 1 with `flatten`.
    """
    current = normalize(g, x, s, gamma=_gamma(s))
    current = _flatten(g, g.activate(current, s.activation), s.flatten)
    current = g.dropout(_dense(g, current, s, x.shape[-1], use_bias=True), s.dropout)
    return g.add(x, current) if s.residual else current


def final(g: GraphBuilder, x: Tensor, s: specs.Final) -> Tensor:
    """Predicts the tracks: a dense layer over the channels of each bin, in float32.

    Args:
      g: The graph under construction.
      x: `(batch, bins, channels)`.
      s: The block's spec.

    Returns:
      `(batch, bins, units)`, of 1 bin with `flatten`.
    """
    return dense(
        g,
        _flatten(g, x, s.flatten),
        s.units,
        activation=s.activation,
        kernel_initializer=s.kernel_initializer,
        l1_scale=s.l1_scale,
        l2_scale=s.l2_scale,
        dtype="float32",
    )


def _gamma(s: Any) -> str:
    return s.norm_gamma or ("zeros" if s.residual else "ones")


def _dense(g: GraphBuilder, x: Tensor, s: Any, width: int, *, use_bias: bool) -> Tensor:
    return dense(
        g,
        x,
        s.units or width,
        use_bias=use_bias,
        kernel_initializer=s.kernel_initializer,
        l1_scale=s.l1_scale,
        l2_scale=s.l2_scale,
    )


def _flatten(g: GraphBuilder, x: Tensor, flatten: bool) -> Tensor:
    if not flatten:
        return x
    shape = (1, x.shape[1] * x.shape[2])
    return g.layer(keras.layers.Reshape, "flatten", target_shape=shape)(x)
