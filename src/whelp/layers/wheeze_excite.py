"""Squeeze-and-excitation over a sliding window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("whelp")
class WheezeExcite(keras.layers.Layer):
    """Scale channels by what a local window holds: ``x * sigmoid(relu(W2 relu(W1 mean(x))))``.

    Like squeeze-and-excitation (Hu et al. 2018), with the mean over ``pool_size`` neighbours
    (mirrored at the ends) in place of the whole sequence, and a bottleneck of a quarter of the
    channels. The second rectifier keeps every scale at 0.5 or above, as in Baskerville.

    Input and output: ``(batch, length, channels)``.

    Args:
        pool_size: Positions in the window, an odd number.
        **kwargs: ``name``, ``dtype``, ``trainable`` of a Keras layer.

    Raises:
        ValueError: When ``pool_size`` is even or below 1.
    """

    def __init__(self, pool_size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if pool_size < 1 or pool_size % 2 == 0:
            raise ValueError(
                f"WheezeExcite: pool_size must be odd, so that the window has a centre; got "
                f"{pool_size}. Use {max(pool_size, 0) + 1} instead."
            )
        self.pool_size = pool_size

    def build(self, input_shape: Sequence[Any]) -> None:
        """Make the two dense layers."""
        channels = input_shape[-1]
        policy = self.dtype_policy
        self.pool = keras.layers.AveragePooling1D(
            self.pool_size, strides=1, padding="valid", dtype=policy
        )
        self.squeeze = keras.layers.Dense(
            channels // 4, activation="relu", name="squeeze", dtype=policy
        )
        self.excite = keras.layers.Dense(channels, activation="relu", name="excite", dtype=policy)
        self.squeeze.build(tuple(input_shape))
        self.excite.build((*input_shape[:-1], channels // 4))

    def call(self, inputs: Any) -> Any:
        """Scale ``inputs``; the shape stays."""
        side = self.pool_size // 2
        padded = ops.pad(inputs, ((0, 0), (side, side), (0, 0)), mode="symmetric")
        scale = ops.sigmoid(self.excite(self.squeeze(self.pool(padded))))
        return inputs * scale

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this layer."""
        return {**super().get_config(), "pool_size": self.pool_size}
