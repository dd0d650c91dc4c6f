"""The block `rotary_tower`: transformers whose attention has rotary positions."""

from __future__ import annotations

from typing import Any

import keras

from whelp.layers import RotaryAttention
from whelp.models.blocks.attention import feed_forward
from whelp.models.blocks.common import Tensor, l1_l2
from whelp.models.builder import GraphBuilder
from whelp.models.roles import Role
from whelp.specs import blocks as specs


def rotary_tower(g: GraphBuilder, x: Tensor, s: specs.RotaryTower) -> Tensor:
    """Repeats pre-norm transformers with rotary attention.

    Args:
      g: The graph under construction.
      x: `(batch, length, channels)`.
      s: The block's spec.

    Returns:
      `(batch, length, channels)`.

    Raises:
      SpecError: The numbers of heads or of turned features do not fit the channels.
    """
    for i in range(s.repeat):
        with g.scope(i):
            attention = _attention(g, x.shape[-1], s)
            norm = g.layer(
                keras.layers.LayerNormalization,
                "attention_norm",
                Role.NORM_LAYER,
                epsilon=s.norm_epsilon,
            )
            current = g.dropout(attention(norm(x)), s.dropout, "attention_dropout")
            current = g.insert(current, "attention_residual", Role.RESIDUAL_ATTENTION)
            x = feed_forward(g, g.add(x, current, "attention_add"), s)
    return x


def _attention(g: GraphBuilder, width: int, s: specs.RotaryTower) -> Any:
    """Makes the attention layer of a residual stream of some width, and its projections."""
    size, rotary_size = s.head_sizes(width)
    kv_heads = s.kv_heads or s.heads

    def project(kind: str, role: Role, units: int, initializer: str, *, use_bias: bool) -> Any:
        return g.layer(
            keras.layers.Dense,
            f"attention.{kind}",
            role,
            units=units,
            use_bias=use_bias,
            kernel_initializer=initializer,
            kernel_regularizer=l1_l2(0, s.mha_l2_scale),
        )

    inputs = {
        "query": (Role.ATTENTION_QUERY, s.heads),
        "key": (Role.ATTENTION_KEY, kv_heads),
        "value": (Role.ATTENTION_VALUE, kv_heads),
    }
    projections = {
        kind: project(kind, role, heads * size, s.mha_initializer, use_bias=s.qkv_bias)
        for kind, (role, heads) in inputs.items()
    }
    output = project("output", Role.ATTENTION_OUTPUT, width, "zeros", use_bias=True)
    return g.layer(
        RotaryAttention,
        "attention",
        Role.ATTENTION,
        **projections,
        output=output,
        heads=s.heads,
        kv_heads=kv_heads,
        size=size,
        rotary_size=rotary_size,
        base=s.rotary_base,
        attention_dropout=s.attention_dropout,
    )
