"""Learned element-wise scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("whelp")
class Scale(keras.layers.Layer):
    """Multiply by a learned value: ``y = x * scale``.

    Residual branches start at zero with it (LayerScale, Touvron et al. 2021, with an initial
    value of 0; ReZero, Bachlechner et al. 2020), so that a new block is the identity.

    Input and output: ``(batch, ..., channels)``.

    Args:
        axis: Axis or axes along which values differ; the other axes share them.
        initializer: Initialiser of the scale.
        **kwargs: ``name``, ``dtype``, ``trainable`` of a Keras layer.

    Raises:
        TypeError: When ``axis`` is neither an integer nor a sequence of integers.
    """

    def __init__(
        self, axis: int | Sequence[int] = -1, initializer: Any = "zeros", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        axes = (axis,) if isinstance(axis, int) else axis
        if not isinstance(axes, (list, tuple)) or not all(isinstance(a, int) for a in axes):
            raise TypeError(f"Scale: axis must be an integer or a list of integers, got {axis!r}.")
        self.axis = axis if isinstance(axis, int) else list(axis)
        self.initializer = keras.initializers.get(initializer)

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Make the weight, of one value per position along ``axis``."""
        rank = len(input_shape)
        given = (self.axis,) if isinstance(self.axis, int) else tuple(self.axis)
        axes = sorted(a + rank if a < 0 else a for a in given)
        if len(set(axes)) != len(axes) or axes[0] < 0 or axes[-1] >= rank:
            raise ValueError(
                f"Scale: axis {self.axis!r} does not name distinct axes of an input of shape "
                f"{tuple(input_shape)}."
            )
        shape = [input_shape[a] for a in axes]
        if None in shape:
            raise ValueError(
                f"Scale: the input {tuple(input_shape)} must have a known size along axis "
                f"{self.axis!r}."
            )
        self.scale = self.add_weight(name="scale", shape=shape, initializer=self.initializer)
        self._broadcast = [input_shape[a] if a in axes else 1 for a in range(rank)]

    def call(self, inputs: Any) -> Any:
        """Scale ``inputs``; the shape stays."""
        return inputs * ops.reshape(self.scale, self._broadcast)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this layer."""
        initializer = keras.initializers.serialize(self.initializer)
        return {**super().get_config(), "axis": self.axis, "initializer": initializer}
