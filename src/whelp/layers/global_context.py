"""Global context block."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("whelp")
class GlobalContext(keras.layers.Layer):
    """Add one attended summary of the sequence to each position (GCNet, Cao et al. 2019).

    ``y = x + W2 relu(norm(W1 c))`` with the context ``c = sum_i softmax(k . x)_i x_i`` and a
    bottleneck of a quarter of the channels.

    Input and output: ``(batch, length, channels)``.
    """

    def build(self, input_shape: Sequence[Any]) -> None:
        """Make the attention, the two dense layers and the norm between them."""
        channels = input_shape[-1]
        units = channels // 4
        if units < 1:
            raise ValueError(f"{self.name}: needs at least 4 channels, got {channels}.")
        policy = self.dtype_policy
        self.context_key = keras.layers.Dense(1, name="context_key", dtype=policy)
        self.squeeze = keras.layers.Dense(units, name="squeeze", dtype=policy)
        self.norm = keras.layers.LayerNormalization(name="norm", dtype=policy)
        self.excite = keras.layers.Dense(channels, name="excite", dtype=policy)
        self.context_key.build(tuple(input_shape))
        self.squeeze.build((input_shape[0], 1, channels))
        self.norm.build((input_shape[0], 1, units))
        self.excite.build((input_shape[0], 1, units))

    def call(self, inputs: Any) -> Any:
        """Add the context to ``inputs``; the shape stays."""
        attention = ops.softmax(self.context_key(inputs), axis=-2)
        context = ops.sum(inputs * attention, axis=-2, keepdims=True)
        return inputs + self.excite(ops.relu(self.norm(self.squeeze(context))))
