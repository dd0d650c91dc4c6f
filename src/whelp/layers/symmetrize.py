"""Make a map symmetric."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("whelp")
class Symmetrize2D(keras.layers.Layer):
    """Mean of a map and its transpose.

    Input and output: ``(batch, length, length, channels)``.
    """

    def call(self, inputs: Any) -> Any:
        """Average ``inputs`` with its transpose."""
        return (inputs + ops.transpose(inputs, (0, 2, 1, 3))) / 2
