"""Exponential activation."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("whelp")
class Exp(keras.layers.Layer):
    """``exp(x)``: turns logarithms of counts into counts.

    Baskerville's JSON names this activation without defining it.

    Input and output: any shape.
    """

    def call(self, inputs: Any) -> Any:
        """Apply the function element by element."""
        return ops.exp(inputs)
