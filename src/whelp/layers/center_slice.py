"""Keep the middle of a sequence."""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable("whelp")
class CenterSlice(keras.layers.Layer):
    """Keep the ``center`` middle positions.

    Where the surplus is odd, one position more is dropped at the end than at the start.

    Input ``(batch, length, channels)``, output ``(batch, center, channels)``.

    Args:
        center: Positions kept.
        **kwargs: ``name``, ``dtype``, ``trainable`` of a Keras layer.
    """

    def __init__(self, center: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.center = center

    def call(self, inputs: Any) -> Any:
        """Slice the middle.

        Raises:
            ValueError: When the sequence is shorter than ``center``.
        """
        length = inputs.shape[1]
        if self.center > length:
            raise ValueError(
                f"{self.name}: cannot keep {self.center} positions of a sequence of {length}."
            )
        start = (length - self.center) // 2
        return inputs[:, start : start + self.center]

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this layer."""
        return {**super().get_config(), "center": self.center}
