"""Multi-head attention with rotary positions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

_PROJECTIONS = ("query", "key", "value", "output")


@keras.saving.register_keras_serializable("whelp")
class RotaryAttention(keras.layers.Layer):
    """Self-attention with rotary positions (RoFormer, Su et al. 2021), as Flashzoi has it.

    The first ``rotary_size`` features of each query and key are taken as pairs, feature ``n`` with
    feature ``n + rotary_size / 2``. The pair ``n`` at position ``i`` is turned by the angle
    ``i * base ** (-2 n / rotary_size)``, so that products of queries and keys depend on their
    distance::

        logits[i, j] = turn_i(q_i) . turn_j(k_j) / sqrt(size)
        y = output(softmax(logits) v)

    Several query heads may share one head of keys and values (Ainslie et al. 2023). The projections
    are layers given by the caller, who may wrap them.

    Input and output ``(batch, length, channels)``.

    Args:
        query: Layer to ``heads * size`` channels.
        key: Layer to ``kv_heads * size`` channels.
        value: Layer to ``kv_heads * size`` channels.
        output: Layer from ``heads * size`` channels.
        heads: Heads of queries.
        kv_heads: Heads of keys and values; query head ``h`` takes ``h * kv_heads // heads``.
        size: Features of a head.
        rotary_size: Features of a head that are turned, an even number.
        base: Base of the angles.
        attention_dropout: Rate of dropout of the attention weights.
        seed: Seed of dropout.
        **kwargs: ``name``, ``dtype``, ``trainable`` of a Keras layer.

    Raises:
        ValueError: ``kv_heads`` does not divide ``heads``, or ``rotary_size`` is odd or larger than
            ``size``.
    """

    num_position_features = 0

    def __init__(
        self,
        query: keras.layers.Layer,
        key: keras.layers.Layer,
        value: keras.layers.Layer,
        output: keras.layers.Layer,
        *,
        heads: int,
        kv_heads: int,
        size: int,
        rotary_size: int,
        base: float = 10_000.0,
        attention_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if heads % kv_heads:
            raise ValueError(
                f"{self.name}: kv_heads must divide heads, {heads}; received {kv_heads}."
            )
        if rotary_size % 2 or rotary_size > size:
            raise ValueError(
                f"{self.name}: rotary_size must be an even number of a head's {size} features; "
                f"received {rotary_size}."
            )
        self.query_layer = query
        self.key_layer = key
        self.value_layer = value
        self.output_layer = output
        self.heads = heads
        self.kv_heads = kv_heads
        self.size = size
        self.rotary_size = rotary_size
        self.base = base
        self.attention_dropout = attention_dropout
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    @property
    def key_size(self) -> int:
        """Features of a head's keys."""
        return self.size

    @property
    def value_size(self) -> int:
        """Features of a head's values."""
        return self.size

    @property
    def projections(self) -> dict[str, keras.layers.Layer]:
        """The projection layers by their names."""
        return {name: getattr(self, f"{name}_layer") for name in _PROJECTIONS}

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Build the projections."""
        shape = tuple(input_shape)
        for name, layer in self.projections.items():
            if not layer.built:
                attended = (*shape[:-1], self.heads * self.size)
                layer.build(attended if name == "output" else shape)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Attend from every position to every position.

        Raises:
            ValueError: When the length of the input is not known.
        """
        length = inputs.shape[1]
        if length is None:
            raise ValueError(f"{self.name}: the length of the input must be known, got None.")
        query = self._turn(self._split_heads(self.query_layer(inputs)))
        key = self._turn(self._split_heads(self.key_layer(inputs)))
        value = self._split_heads(self.value_layer(inputs))
        # Query heads of one key head lie below one another: one product serves the group.
        group = self.heads // self.kv_heads * length
        query = ops.reshape(query * self.size**-0.5, (-1, self.kv_heads, group, self.size))
        weights = ops.softmax(ops.matmul(query, ops.swapaxes(key, -1, -2)), axis=-1)
        if training and self.attention_dropout > 0:
            weights = keras.random.dropout(
                weights, self.attention_dropout, seed=self.seed_generator
            )
        attended = ops.reshape(ops.matmul(weights, value), (-1, self.heads, length, self.size))
        attended = ops.transpose(attended, (0, 2, 1, 3))
        return self.output_layer(ops.reshape(attended, (-1, length, self.heads * self.size)))

    def _split_heads(self, projected: Any) -> Any:
        """Take ``(batch, length, heads * size)`` to ``(batch, heads, length, size)``."""
        length, channels = projected.shape[1], projected.shape[2]
        split = ops.reshape(projected, (-1, length, channels // self.size, self.size))
        return ops.transpose(split, (0, 2, 1, 3))

    def _turn(self, x: Any) -> Any:
        """Turn the first features of ``(batch, heads, length, size)`` by their positions."""
        half = self.rotary_size // 2
        angles = rotary_angles(x.shape[2], self.rotary_size, self.base)
        cos, sin = (ops.convert_to_tensor(f(angles), dtype=x.dtype) for f in (np.cos, np.sin))
        first, second, rest = x[..., :half], x[..., half : 2 * half], x[..., 2 * half :]
        return ops.concatenate(
            [first * cos - second * sin, second * cos + first * sin, rest], axis=-1
        )

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this layer, the projections among them."""
        layers = {
            name: keras.saving.serialize_keras_object(layer)
            for name, layer in self.projections.items()
        }
        plain = ("heads", "kv_heads", "size", "rotary_size", "base", "attention_dropout", "seed")
        return {
            **super().get_config(),
            **layers,
            **{name: getattr(self, name) for name in plain},
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> RotaryAttention:
        """Rebuild the layer and its projections."""
        layers = {
            name: keras.saving.deserialize_keras_object(config[name]) for name in _PROJECTIONS
        }
        return cls(**{**config, **layers})


def rotary_angles(length: int, size: int, base: float) -> np.ndarray:
    """Compute the angles by which pairs of features are turned.

    Args:
        length: Positions.
        size: Features that are turned, two a pair.
        base: Base of the angles.

    Returns:
        ``(length, size / 2)`` float32: ``position * base ** (-2 pair / size)``.
    """
    # Single precision on purpose: at position 4,096 the models were trained with its rounding.
    exponents = np.arange(0, size, 2, dtype="float32") / np.float32(size)
    speed = np.float32(1) / np.power(np.float32(base), exponents)
    return np.outer(np.arange(length, dtype="float32"), speed)
