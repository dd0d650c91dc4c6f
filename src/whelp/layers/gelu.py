"""Gaussian error linear unit, with the form kept in the config."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("whelp")
class Gelu(keras.layers.Layer):
    """``x * Phi(x)`` with the standard normal distribution ``Phi`` (Hendrycks and Gimpel 2016).

    Which of its two forms is used is part of the config, so that copying a model cannot change it.

    Input and output: any shape.

    Args:
        approximate: Use ``x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x ** 3)))``, as Borzoi
            does, instead of the exact error function.
        **kwargs: ``name``, ``dtype``, ``trainable`` of a Keras layer.
    """

    def __init__(self, approximate: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.approximate = approximate

    def call(self, inputs: Any) -> Any:
        """Apply the function element by element."""
        return ops.gelu(inputs, approximate=self.approximate)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this layer."""
        return {**super().get_config(), "approximate": self.approximate}
