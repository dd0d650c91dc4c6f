"""Softplus that does not overflow."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("whelp")
class Softplus(keras.layers.Layer):
    """``log(1 + exp(x))`` with ``x`` clipped to ``[-exp_max, exp_max]``.

    Input and output: any shape.

    Args:
        exp_max: Largest absolute input; beyond it the output is constant.
        **kwargs: ``name``, ``dtype``, ``trainable`` of a Keras layer.
    """

    def __init__(self, exp_max: float = 10000, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.exp_max = exp_max

    def call(self, inputs: Any) -> Any:
        """Apply the function element by element."""
        return ops.softplus(ops.clip(inputs, -self.exp_max, self.exp_max))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this layer."""
        return {**super().get_config(), "exp_max": self.exp_max}
