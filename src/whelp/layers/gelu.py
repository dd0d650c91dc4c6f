"""Gaussian error linear unit, with the form kept in the config."""

from __future__ import annotations

from typing import Any, Literal

import keras
from keras import ops


@keras.saving.register_keras_serializable("whelp")
class Gelu(keras.layers.Layer):
    """``x * Phi(x)`` with the standard normal distribution ``Phi`` (Hendrycks and Gimpel 2016).

    Which of its forms is used is part of the config, so that copying a model cannot change it.

    Input and output: any shape.

    Args:
        approximate: False for the exact error function; True for
            ``x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x ** 3)))``, as Borzoi has it;
            ``"sigmoid"`` for ``x * sigmoid(1.702 x)``, as Enformer has it.
        **kwargs: ``name``, ``dtype``, ``trainable`` of a Keras layer.
    """

    def __init__(self, approximate: bool | Literal["sigmoid"] = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.approximate = approximate

    def call(self, inputs: Any) -> Any:
        """Apply the function element by element."""
        if self.approximate == "sigmoid":
            return inputs * ops.sigmoid(1.702 * inputs)
        return ops.gelu(inputs, approximate=self.approximate)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this layer."""
        return {**super().get_config(), "approximate": self.approximate}
