"""From factors back to tracks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("whelp")
class FactorInverse(keras.layers.Layer):
    """Multiply by the components of a factorised target matrix: ``y = x C``.

    Input ``(batch, length, factors)``, output ``(batch, length, tracks)``. The components are
    data, not a weight: they are read from their file when the layer is built.

    Args:
        components_file: NumPy file of a matrix ``(factors, tracks)``.
        **kwargs: ``name``, ``dtype``, ``trainable`` of a Keras layer.
    """

    def __init__(self, components_file: str | Path, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.components_file = str(components_file)

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Read the components.

        Raises:
            FileNotFoundError: When the file is not there.
            ValueError: When its shape does not fit the input.
        """
        if not Path(self.components_file).is_file():
            raise FileNotFoundError(
                f"{self.name}: components_file {self.components_file!r} was not found; give a path "
                "that exists from where this runs."
            )
        components = np.load(self.components_file)
        if components.ndim != 2 or components.shape[0] != input_shape[-1]:
            raise ValueError(
                f"{self.name}: {self.components_file!r} must hold a matrix of {input_shape[-1]} "
                f"rows (the input's channels), got shape {components.shape}."
            )
        self.components = components.astype("float32")

    def call(self, inputs: Any) -> Any:
        """Multiply ``inputs`` by the components."""
        return ops.matmul(inputs, ops.convert_to_tensor(self.components, dtype=inputs.dtype))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this layer."""
        return {**super().get_config(), "components_file": self.components_file}
