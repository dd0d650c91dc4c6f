"""Squared rectifier."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("whelp")
class PolyReLU(keras.layers.Layer):
    """``max(x, 0) ** 2``, the rectified polynomial of degree two.

    Described as a rectified polynomial unit by Krotov and Hopfield (2016) and as squared ReLU by
    So et al. (2021, Primer). Baskerville's JSON names this activation without defining it.

    Input and output: any shape.
    """

    def call(self, inputs: Any) -> Any:
        """Apply the function element by element."""
        return ops.square(ops.relu(inputs))
