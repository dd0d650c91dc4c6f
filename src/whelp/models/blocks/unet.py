"""U-Net blocks: `unet_conv` (added skip connection) and `unet_concat` (concatenated)."""

from __future__ import annotations

from typing import Any

import keras

from whelp.models.blocks.common import Tensor, convolve, dense, normalize
from whelp.models.builder import GraphBuilder
from whelp.models.roles import Role
from whelp.specs import blocks as specs


def unet_conv(g: GraphBuilder, x: Tensor, s: specs.UnetConv) -> Tensor:
    """Upsamples, adds the saved representation of that length, mixes by a separable convolution.

    Args:
      g: The graph under construction.
      x: `(batch, length, channels)`.
      s: The block's spec.

    Returns:
      `(batch, stride * length, channels)`.

    Raises:
      SpecError: No saved representation has twice the length of `x`.
    """
    skip, filters = g.matching_repr(x), x.shape[-1]
    weights: dict[str, Any] = {"l2_scale": s.l2_scale, "kernel_initializer": s.kernel_initializer}
    up = normalize(g, x, s, name="up_norm")
    skip = normalize(g, skip, s, name="skip_norm")
    up, skip = g.activate(up, s.activation), g.activate(skip, s.activation)
    if s.upsample_conv:
        up = dense(g, up, filters, name="up_dense", role=Role.UNET_UP, **weights)
    skip = dense(g, skip, filters, name="skip_dense", role=Role.UNET_SKIP, **weights)
    up = g.layer(keras.layers.UpSampling1D, "upsample", size=s.stride)(up)
    g.stride /= s.stride
    current = convolve(
        g,
        g.add(up, skip, "add"),
        filters=filters,
        kernel_size=s.kernel_size,
        padding="same",
        conv_type="separable",
    )
    return g.dropout(current, s.dropout)


def unet_concat(g: GraphBuilder, x: Tensor, s: specs.UnetConcat) -> Tensor:
    """Upsamples, concatenates the saved representation, and adds the result to it.

    Args:
      g: The graph under construction.
      x: `(batch, length, channels)`.
      s: The block's spec.

    Returns:
      `(batch, stride * length, channels of the saved representation)`.

    Raises:
      SpecError: No saved representation has twice the length of `x`.
    """
    saved = g.matching_repr(x)
    channels = saved.shape[-1]
    up = normalize(g, x, s, name="up_norm")
    skip = normalize(g, saved, s, name="skip_norm")
    up = g.layer(keras.layers.UpSampling1D, "upsample", size=s.stride)(up)
    g.stride /= s.stride
    current = g.layer(keras.layers.Concatenate, "concat")([skip, up])
    current = dense(
        g,
        g.activate(current, s.activation),
        int(1.5 * channels),
        l2_scale=s.l2_scale,
        kernel_initializer=s.kernel_initializer,
    )
    current = convolve(
        g,
        g.activate(g.dropout(current, s.dropout), s.activation),
        filters=channels,
        kernel_size=s.kernel_size,
        padding="same",
        kernel_initializer=s.kernel_initializer,
        l2_scale=s.l2_scale,
    )
    return g.add(saved, g.dropout(current, s.dropout))
