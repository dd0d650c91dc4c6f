"""Unroll the upper triangle of a map."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("whelp")
class UpperTri(keras.layers.Layer):
    """List the pairs ``j - i >= diagonal_offset`` of a symmetric map, row by row.

    Input ``(batch, length, length, channels)``, output ``(batch, pairs, channels)`` with
    ``pairs = n (n + 1) / 2``, ``n = length - diagonal_offset``. The value listed for ``(i, j)`` is
    that of row ``j`` and column ``i``, as in Baskerville; symmetrise the map first.

    Args:
        diagonal_offset: Diagonals left out, the main one being the first.
        **kwargs: ``name``, ``dtype``, ``trainable`` of a Keras layer.
    """

    def __init__(self, diagonal_offset: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.diagonal_offset = diagonal_offset

    def call(self, inputs: Any) -> Any:
        """Unroll ``inputs``.

        Raises:
            ValueError: When no diagonal is left.
        """
        length, channels = inputs.shape[1], inputs.shape[-1]
        if self.diagonal_offset >= length:
            raise ValueError(
                f"{self.name}: diagonal_offset {self.diagonal_offset} leaves nothing of a map of "
                f"{length} x {length}."
            )
        rows, columns = np.triu_indices(length, self.diagonal_offset)
        flat = ops.reshape(inputs, (-1, length * length, channels))
        return ops.take(flat, (rows + length * columns).astype("int32"), axis=1)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this layer."""
        return {**super().get_config(), "diagonal_offset": self.diagonal_offset}
