"""Distance between two positions as a channel."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("whelp")
class ConcatDist2D(keras.layers.Layer):
    """Put a channel after the others that holds ``|i - j|``, in positions.

    Input ``(batch, length, length, channels)``, output
    ``(batch, length, length, channels + 1)``.
    """

    def call(self, inputs: Any) -> Any:
        """Put the distance after the channels of ``inputs``."""
        length = inputs.shape[1]
        position = np.arange(length)
        distance = np.abs(position[:, None] - position[None, :])[..., None]
        channel = ops.convert_to_tensor(distance, dtype=inputs.dtype)
        shape = (ops.shape(inputs)[0], length, length, 1)
        return ops.concatenate([inputs, ops.broadcast_to(channel, shape)], axis=-1)
