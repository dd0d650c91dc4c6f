"""Average the middle of a sequence."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from whelp.layers.center_slice import CenterSlice


@keras.saving.register_keras_serializable("whelp")
class CenterAverage(CenterSlice):
    """Mean of the ``center`` middle positions.

    Input ``(batch, length, channels)``, output ``(batch, 1, channels)``.

    Args:
        center: Positions averaged.
        **kwargs: ``name``, ``dtype``, ``trainable`` of a Keras layer.
    """

    def call(self, inputs: Any) -> Any:
        """Slice the middle and average it.

        Raises:
            ValueError: When the sequence is shorter than ``center``.
        """
        return ops.mean(super().call(inputs), axis=1, keepdims=True)
