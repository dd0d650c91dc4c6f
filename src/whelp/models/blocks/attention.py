"""Transformer blocks: `transformer`, `transformer_tower`, `swin_transformer`, `transformer2`."""

from __future__ import annotations

from typing import Any

import keras

from whelp.layers import MultiheadAttention
from whelp.models.blocks.common import Tensor, dense, derive, l1_l2
from whelp.models.blocks.convolution import conv_nac
from whelp.models.builder import GraphBuilder
from whelp.models.roles import Role
from whelp.specs import blocks as specs


def transformer(g: GraphBuilder, x: Tensor, s: Any) -> Tensor:
    """Pre-norm transformer block: attention and feed-forward, each with a residual connection.

    Args:
      g: The graph under construction.
      x: `(batch, length, channels)`.
      s: The block's spec.

    Returns:
      `(batch, length, channels)`.

    Raises:
      SpecError: `out_size` differs from the channels, or `heads` does not divide them.
    """
    attention = _attention(g, x, s)
    current = attention(_layer_norm(g, x, s, "attention_norm"))
    return feed_forward(g, _residual(g, x, current, s, "attention"), s)


def feed_forward(g: GraphBuilder, x: Tensor, s: Any, *, plain: bool = False) -> Tensor:
    """Layer norm, up-projection, ReLU, down-projection, residual; nothing at expansion 0.

    Args:
      g: The graph under construction.
      x: `(batch, length, channels)`.
      s: Spec of the transformer.
      plain: Whether weights have Keras' own initialiser and no penalty.

    Returns:
      `(batch, length, channels)`.
    """
    if s.dense_expansion == 0:
        return x
    weights: dict[str, Any] = {"l2_scale": s.l2_scale, "kernel_initializer": s.kernel_initializer}
    if plain:
        weights = {}
    width = x.shape[-1]
    current = _layer_norm(g, x, s, "ff_norm")
    units = int(s.dense_expansion * width)
    current = dense(g, current, units, name="ff_up", role=Role.FF_UP, **weights)
    current = g.activate(g.dropout(current, s.dropout, "ff_up_dropout"), "relu")
    current = dense(g, current, width, name="ff_down", role=Role.FF_DOWN, **weights)
    return _residual(g, x, current, s, "ff")


def transformer_tower(g: GraphBuilder, x: Tensor, s: specs.TransformerTower) -> Tensor:
    """Repeats transformer blocks of one type.

    Args:
      g: The graph under construction.
      x: `(batch, length, channels)`.
      s: The block's spec.

    Returns:
      `(batch, length, channels)`.
    """
    block = {"transformer": transformer, "swin": swin_transformer, "transformer2": transformer2}
    for i in range(s.repeat):
        with g.scope(i):
            x = block[s.block_type](g, x, s)
    return x


def swin_transformer(g: GraphBuilder, x: Tensor, s: Any) -> Tensor:
    """Attention within halves, then within quarter, middle half and quarter, as shifted windows."""
    for splits in (2, 3):
        with g.scope(f"split{splits}"):
            x = _transformer_split(g, x, s, splits)
    return x


def _transformer_split(g: GraphBuilder, x: Tensor, s: Any, splits: int) -> Tensor:
    attention = _attention(g, x, s)
    current = _layer_norm(g, x, s, "attention_norm")
    length = x.shape[1]
    quarter = length // 4
    edges = [0, 2 * quarter, length] if splits == 2 else [0, quarter, 3 * quarter, length]
    windows = []
    for i, (start, end) in enumerate(zip(edges[:-1], edges[1:], strict=True)):
        crop = g.layer(keras.layers.Cropping1D, f"window{i}", cropping=(start, length - end))
        windows.append(attention(crop(current)))
    current = g.layer(keras.layers.Concatenate, "concat", axis=1)(windows)
    return feed_forward(g, _residual(g, x, current, s, "attention"), s)


def transformer2(g: GraphBuilder, x: Tensor, s: specs.TransformerTower) -> Tensor:
    """Attention at half the length, brought back by a transposed convolution and concatenated.

    Its projections keep Keras' initialisers and no penalty whatever the JSON says, as in the
    reference.

    Args:
      g: The graph under construction.
      x: `(batch, length, channels)`.
      s: The block's spec.

    Returns:
      `(batch, length, channels)`.
    """
    width = x.shape[-1]
    inner = derive(
        specs.ConvNac,
        s,
        without=("activation", "dropout"),
        filters=min(4 * s.key_size, width),
        kernel_size=3,
        pool_size=2,
    )
    stride = g.stride
    current = _layer_norm(g, conv_nac(g, x, inner), s, "attention_norm")
    attention = _attention(g, x, s, plain=True)
    current = g.dropout(attention(current), s.dropout, "attention_dropout")
    g.stride = stride
    current = g.layer(keras.layers.Concatenate, "concat")([x, current])
    current = dense(g, current, width, name="mix")
    current = g.insert(current, "attention_residual", Role.RESIDUAL_ATTENTION)
    return feed_forward(g, g.add(x, current, "attention_add"), s, plain=True)


def _layer_norm(g: GraphBuilder, x: Tensor, s: Any, name: str) -> Tensor:
    config = {"epsilon": s.norm_epsilon}
    return g.layer(keras.layers.LayerNormalization, name, Role.NORM_LAYER, **config)(x)


def _residual(g: GraphBuilder, x: Tensor, current: Tensor, s: Any, name: str) -> Tensor:
    """Dropout, the place where Houlsby adapters go, and the addition to the residual stream."""
    role = Role.RESIDUAL_ATTENTION if name == "attention" else Role.RESIDUAL_FF
    current = g.dropout(current, s.dropout, f"{name}_dropout")
    return g.add(x, g.insert(current, f"{name}_residual", role), f"{name}_add")


def _attention(g: GraphBuilder, x: Tensor, s: Any, *, plain: bool = False) -> Any:
    """Makes the attention layer of a block whose residual stream is `x`.

    Args:
      g: The graph under construction.
      x: `(batch, length, channels)`, the residual stream.
      s: Spec of the transformer.
      plain: Whether it is a `transformer2`'s: it doubles the length again, by a transposed
        convolution, and its weights have no penalty.
    """
    value_size = s.value_size(x.shape[-1])
    features = s.position_feature_count(x.shape[-1])
    initializer = "he_normal" if plain else s.mha_initializer
    l2_scale = 0 if plain else s.mha_l2_scale
    project = _projections(g, s, initializer, l2_scale, s.heads * value_size)
    if features == 0:
        project.pop("position")
    project["output"] = _output(g, x.shape[-1], l2_scale, doubled=plain)
    return g.layer(
        MultiheadAttention,
        "attention",
        Role.ATTENTION,
        **project,
        heads=s.heads,
        key_size=s.key_size,
        value_size=value_size,
        num_position_features=features,
        position_features=s.position_features,
        position_dropout=s.position_dropout,
        attention_dropout=s.attention_dropout,
        content_position_bias=getattr(s, "content_position_bias", True),
        seqlen_train=getattr(s, "seqlen_train", None),
        initializer=initializer,
    )


def _output(g: GraphBuilder, units: int, l2_scale: float, *, doubled: bool) -> Any:
    """Makes the output projection, which starts from 0; `doubled` doubles the length."""
    name, role = "attention.output", Role.ATTENTION_OUTPUT
    if doubled:
        size: dict[str, Any] = {"filters": units, "kernel_size": 3, "strides": 2}
        size["padding"] = "same"
        return g.layer(keras.layers.Conv1DTranspose, name, role, kernel_initializer="zeros", **size)
    penalty = l1_l2(0, l2_scale)
    return g.layer(
        keras.layers.Dense,
        name,
        role,
        units=units,
        kernel_initializer="zeros",
        kernel_regularizer=penalty,
    )


def _projections(
    g: GraphBuilder, s: Any, initializer: str, l2_scale: float, value_units: int
) -> dict[str, Any]:
    """Makes the query, key, value and position projections, dense or separable by `qkv_width`."""
    key_units = s.heads * s.key_size
    penalty = l1_l2(0, l2_scale)
    if s.qkv_width == 1:
        cls: type[keras.layers.Layer] = keras.layers.Dense
        config: dict[str, Any] = {
            "kernel_initializer": initializer,
            "kernel_regularizer": penalty,
        }
    else:
        cls = keras.layers.SeparableConv1D
        config = {"kernel_size": s.qkv_width, "padding": "same"}
        for kind in ("depthwise", "pointwise"):
            config |= {f"{kind}_initializer": initializer, f"{kind}_regularizer": penalty}
    roles = {
        "query": (Role.ATTENTION_QUERY, key_units),
        "key": (Role.ATTENTION_KEY, key_units),
        "value": (Role.ATTENTION_VALUE, value_units),
    }
    made = {}
    for kind, (role, units) in roles.items():
        size = {"units": units} if s.qkv_width == 1 else {"filters": units}
        made[kind] = g.layer(cls, f"attention.{kind}", role, use_bias=False, **size, **config)
    made["position"] = g.layer(
        keras.layers.Dense,
        "attention.position",
        Role.ATTENTION_POSITION,
        units=key_units,
        use_bias=False,
        kernel_initializer=initializer,
        kernel_regularizer=penalty,
    )
    return made
