"""Multi-head attention with relative positions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from whelp.layers.relative_position import (
    PositionFeatures,
    distance_buckets,
    distance_features,
    distance_logits,
    spread_buckets,
)

_PROJECTIONS = ("query", "key", "value", "output", "position", "gate")


@keras.saving.register_keras_serializable("whelp")
class MultiheadAttention(keras.layers.Layer):
    """Self-attention with Enformer's relative positions (Avsec et al. 2021).

    With ``q, k, v`` the heads' projections of the input, ``r`` the projected features of a
    distance, and the learned biases ``u`` (``r_w_bias``) and ``w`` (``r_r_bias``) of each head
    (Transformer-XL, Dai et al. 2019)::

        logits[i, j] = (q_i + u) . k_j + (q_i + w) . r_{j - i}
        y = output(softmax(logits) v)

    The projections are layers given by the caller, who may wrap them. In prediction, distances
    with equal features of the central mask share one product with ``r``, and a few dozen of them
    are spread over all pairs. Training takes each distance by itself: positional dropout asks for
    it, and without dropout it is no slower there. Enformer's features differ at every distance.

    Input ``(batch, length, channels)``; output ``(batch, length, units of output)``, longer where
    ``output`` is a transposed convolution.

    Args:
        query: Layer to ``heads * key_size`` channels.
        key: Layer to ``heads * key_size`` channels.
        value: Layer to ``heads * value_size`` channels.
        output: Layer from ``heads * value_size`` channels.
        position: Layer from ``num_position_features`` to ``heads * key_size`` channels; needed
            unless ``num_position_features`` is 0.
        gate: Layer to ``heads * value_size`` channels; the attended values are multiplied by the
            sigmoid of its output (Jumper et al. 2021).
        heads: Attention heads.
        key_size: Channels of a head's query and key.
        value_size: Channels of a head's value.
        num_position_features: Features of a distance; 0 leaves positions out.
        position_features: Their kind, one of ``relative_position.distance_features``.
        position_dropout: Rate of dropout of the features of distances.
        attention_dropout: Rate of dropout of the attention weights.
        content_position_bias: Let the position's logits depend on the query; else only ``w``
            meets ``r``.
        scaling: Divide the query by the square root of ``key_size``.
        symmetric: Use features without the distance's sign.
        seqlen_train: Length that the features' widths are made for; the input's by default.
        initializer: Initialiser of ``u`` and ``w``.
        seed: Seed of dropout.
        **kwargs: ``name``, ``dtype``, ``trainable`` of a Keras layer.

    Raises:
        ValueError: When ``num_position_features`` is odd while ``symmetric`` is off, or
            ``position`` is missing.
    """

    def __init__(
        self,
        query: keras.layers.Layer,
        key: keras.layers.Layer,
        value: keras.layers.Layer,
        output: keras.layers.Layer,
        position: keras.layers.Layer | None = None,
        gate: keras.layers.Layer | None = None,
        *,
        heads: int,
        key_size: int,
        value_size: int,
        num_position_features: int,
        position_features: PositionFeatures = "central_mask",
        position_dropout: float = 0.0,
        attention_dropout: float = 0.0,
        content_position_bias: bool = True,
        scaling: bool = True,
        symmetric: bool = False,
        seqlen_train: int | None = None,
        initializer: Any = "he_normal",
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if num_position_features and position is None:
            raise ValueError(
                f"{self.name}: num_position_features is {num_position_features} but no position "
                "layer was given to project them."
            )
        if num_position_features % 2 and not symmetric:
            raise ValueError(
                f"{self.name}: num_position_features must be even, got {num_position_features}: "
                "half of the features carry the sign of the distance."
            )
        self.query_layer = query
        self.key_layer = key
        self.value_layer = value
        self.output_layer = output
        self.position_layer: Any = position
        self.gate_layer = gate
        self.heads = heads
        self.key_size = key_size
        self.value_size = value_size
        self.num_position_features = num_position_features
        self.position_features = position_features
        self.position_dropout = position_dropout
        self.attention_dropout = attention_dropout
        self.content_position_bias = content_position_bias
        self.scaling = scaling
        self.symmetric = symmetric
        self.seqlen_train = seqlen_train
        self.initializer = keras.initializers.get(initializer)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    @property
    def projections(self) -> dict[str, keras.layers.Layer]:
        """The projection layers by their names: query, key, value, output, position, gate."""
        layers = {name: getattr(self, f"{name}_layer") for name in _PROJECTIONS}
        return {name: layer for name, layer in layers.items() if layer is not None}

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Make the two biases and build the projections."""
        shape = tuple(input_shape)
        attended = (*shape[:-1], self.heads * self.value_size)
        inputs = {"output": attended, "position": (1, None, self.num_position_features)}
        for name in ("r_w_bias", "r_r_bias"):
            weight = self.add_weight(
                name=name,
                shape=(1, self.heads, 1, self.key_size),
                initializer=self.initializer.clone(),
            )
            setattr(self, name, weight)
        for name, layer in self.projections.items():
            if not layer.built:
                layer.build(inputs.get(name, shape))

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Attend from every position to every position.

        Raises:
            ValueError: When the length of the input is not known.
        """
        length = inputs.shape[1]
        if length is None:
            raise ValueError(f"{self.name}: the length of the input must be known, got None.")
        query = self._split_heads(self.query_layer(inputs))
        key = self._split_heads(self.key_layer(inputs))
        value = self._split_heads(self.value_layer(inputs))
        if self.scaling:
            query = query * self.key_size**-0.5
        logits = _dot(query + ops.cast(self.r_w_bias, query.dtype), key)
        if self.num_position_features:
            logits = logits + self._position_logits(query, length, bool(training))
        weights = ops.softmax(logits, axis=-1)
        if training and self.attention_dropout > 0:
            weights = keras.random.dropout(
                weights, self.attention_dropout, seed=self.seed_generator
            )
        attended = ops.transpose(ops.matmul(weights, value), (0, 2, 1, 3))
        attended = ops.reshape(attended, (-1, length, self.heads * self.value_size))
        if self.gate_layer is not None:
            attended = attended * ops.sigmoid(self.gate_layer(inputs))
        return self.output_layer(attended)

    def _split_heads(self, projected: Any) -> Any:
        """Take ``(batch, length, heads * size)`` to ``(batch, heads, length, size)``."""
        length, channels = projected.shape[1], projected.shape[2]
        split = ops.reshape(projected, (-1, length, self.heads, channels // self.heads))
        return ops.transpose(split, (0, 2, 1, 3))

    def _position_logits(self, query: Any, length: int, training: bool) -> Any:
        """Compute ``(batch or 1, heads, length, length)`` logits of relative positions."""
        features = self._distance_features(length)
        bias = ops.cast(self.r_r_bias, query.dtype)
        shape = (1, self.heads, length, self.key_size)
        biased = query + bias if self.content_position_bias else ops.broadcast_to(bias, shape)
        if training or self.position_features != "central_mask":
            rows = ops.convert_to_tensor(features[None], dtype=query.dtype)
            if training and self.position_dropout > 0:
                rows = keras.random.dropout(rows, self.position_dropout, seed=self.seed_generator)
            return distance_logits(biased, self._split_heads(self.position_layer(rows)))
        distinct, bucket = distance_buckets(features)
        rows = ops.convert_to_tensor(distinct[None], dtype=query.dtype)
        logits = _dot(biased, self._split_heads(self.position_layer(rows)))
        return spread_buckets(logits, bucket)

    def _distance_features(self, length: int) -> np.ndarray:
        """Compute ``(2 length - 1, num_position_features)`` features of all distances."""
        return distance_features(
            self.position_features,
            length,
            self.num_position_features,
            symmetric=self.symmetric,
            width_length=self.seqlen_train,
        )

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this layer, the projections among them."""
        layers = {
            name: keras.saving.serialize_keras_object(layer)
            for name, layer in self.projections.items()
        }
        plain = (
            "heads key_size value_size num_position_features position_features position_dropout "
            "attention_dropout content_position_bias scaling symmetric seqlen_train seed"
        )
        return {
            **super().get_config(),
            **layers,
            **{name: getattr(self, name) for name in plain.split()},
            "initializer": keras.initializers.serialize(self.initializer),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> MultiheadAttention:
        """Rebuild the layer and its projections."""
        layers = {
            name: keras.saving.deserialize_keras_object(config[name])
            for name in _PROJECTIONS
            if name in config
        }
        return cls(**{**config, **layers})


def _dot(left: Any, right: Any) -> Any:
    """Multiply ``(..., m, size)`` by the transpose of ``(..., n, size)``."""
    return ops.matmul(left, ops.swapaxes(right, -1, -2))
