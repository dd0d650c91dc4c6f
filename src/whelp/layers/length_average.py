"""Average over a sequence of unknown true length."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("whelp")
class LengthAverage(keras.layers.Layer):
    """Mean over positions, divided by the number of known bases of the sequence.

    Called with the features ``(batch, length, channels)`` and the one-hot sequence
    ``(batch, bp, 4 or more)``; only its first four columns count, so N adds nothing. Output
    ``(batch, channels)``. As in Baskerville it is the mean, not the sum, that is divided.
    """

    def call(self, inputs: Any, sequence: Any) -> Any:
        """Average ``inputs`` by the number of known bases in ``sequence``."""
        bases = ops.sum(sequence[..., :4], axis=(-2, -1))
        return ops.mean(inputs, axis=-2) / ops.expand_dims(ops.cast(bases, inputs.dtype), -1)
