"""From positions to pairs of positions."""

from __future__ import annotations

import difflib
from typing import Any

import keras
from keras import ops

_OPERATIONS = ("concat", "mean", "max", "multiply", "multiply1", "multipy")


@keras.saving.register_keras_serializable("whelp")
class OneToTwo(keras.layers.Layer):
    """Pair each position ``i`` with each position ``j`` (Akita, Fudenberg et al. 2020).

    Input ``(batch, length, channels)``; output ``(batch, length, length, channels)``, twice the
    channels for ``concat`` (``x_j`` before ``x_i``).

    Args:
        operation: ``concat``, ``mean``, ``max``, ``multiply`` (``x_i x_j``), ``multiply1``
            (``(x_i + 1)(x_j + 1) - 1``), or ``multipy``: Baskerville's misspelling, which stacks
            both on a fifth axis ``(batch, length, length, channels, 2)`` and is kept for models
            trained with it.
        **kwargs: ``name``, ``dtype``, ``trainable`` of a Keras layer.

    Raises:
        ValueError: When the operation is unknown.
    """

    def __init__(self, operation: str = "mean", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.operation = str(operation).lower()
        if self.operation not in _OPERATIONS:
            near = difflib.get_close_matches(self.operation, _OPERATIONS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise ValueError(
                f"OneToTwo: operation must be one of {', '.join(_OPERATIONS)}; got "
                f"{operation!r}.{hint}"
            )

    def call(self, inputs: Any) -> Any:
        """Pair the positions of ``inputs``."""
        length, channels = inputs.shape[1], inputs.shape[2]
        shape = (ops.shape(inputs)[0], length, length, channels)
        columns = ops.broadcast_to(inputs[:, None, :, :], shape)
        rows = ops.broadcast_to(inputs[:, :, None, :], shape)
        if self.operation == "concat":
            return ops.concatenate([columns, rows], axis=-1)
        if self.operation == "mean":
            return (columns + rows) / 2
        if self.operation == "max":
            return ops.maximum(columns, rows)
        if self.operation == "multiply":
            return columns * rows
        if self.operation == "multiply1":
            return (columns + 1) * (rows + 1) - 1
        return ops.stack([columns, rows], axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this layer."""
        return {**super().get_config(), "operation": self.operation}
