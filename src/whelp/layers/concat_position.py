"""Position as a channel."""

from __future__ import annotations

from typing import Any, Literal

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("whelp")
class ConcatPosition(keras.layers.Layer):
    """Put a channel before the others that holds the position, 0 at the middle.

    Input ``(batch, length, channels)``, output ``(batch, length, 1 + channels)``; positions run
    from ``-ceil(length / 2)`` to ``length // 2 - 1``. In half precision positions beyond 2,048
    are rounded.

    Args:
        transform: None, ``abs`` (distance from the middle) or ``reversed``.
        power: Exponent of the position after ``transform``.
        **kwargs: ``name``, ``dtype``, ``trainable`` of a Keras layer.

    Raises:
        ValueError: For an unknown ``transform``, or a fractional ``power`` of signed positions.
    """

    def __init__(
        self,
        transform: Literal["abs", "reversed"] | None = None,
        power: float = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if transform not in (None, "abs", "reversed"):
            raise ValueError(
                f"ConcatPosition: transform must be null, 'abs' or 'reversed', got {transform!r}."
            )
        if transform != "abs" and power != int(power):
            raise ValueError(
                f"ConcatPosition: power {power} of negative positions is not a number; use a whole "
                "power or transform 'abs'."
            )
        self.transform = transform
        self.power = power

    def call(self, inputs: Any) -> Any:
        """Put the position before the channels of ``inputs``.

        Raises:
            ValueError: When the length is not known.
        """
        length = inputs.shape[1]
        if length is None:
            raise ValueError(f"{self.name}: the length of the input must be known, got None.")
        position = np.arange(-length // 2, length // 2, dtype="float64")
        if self.transform == "abs":
            position = np.abs(position)
        elif self.transform == "reversed":
            position = position[::-1]
        channel = ops.convert_to_tensor(position[:, None] ** self.power, dtype=inputs.dtype)
        shape = (ops.shape(inputs)[0], length, 1)
        return ops.concatenate([ops.broadcast_to(channel, shape), inputs], axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this layer."""
        return {**super().get_config(), "transform": self.transform, "power": self.power}
