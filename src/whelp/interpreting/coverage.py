"""From squashed predictions to coverage, in operations that can be differentiated."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from whelp.scoring.untransform import Untransform


class Coverage(Untransform):
    """Undoes the squashing of targets in the operations of Keras, to be differentiated."""

    def tensor(self, predictions: Any) -> Any:
        """Give the coverage that predictions stand for.

        Args:
            predictions: Squashed values of shape `(..., tracks)`, none negative.

        Returns:
            float32 tensor of the same shape, equal to what `Untransform` makes of arrays but for
            rounding.
        """
        values = ops.convert_to_tensor(predictions, "float32")
        scale = self._scale.astype(np.float32)
        if self.old:
            values = values / scale
        soft = np.minimum(self._soft, np.finfo(np.float32).max).astype(np.float32)
        above = ops.maximum(values - soft, 0.0)
        below = ops.minimum(values, soft)
        if self.old:
            values = below + above * above
            powers = np.where(self._roots, 4 / 3, 1.0).astype(np.float32)
            values = ops.power(values, powers) if self._roots.any() else values
            return values if self._unscale else values * scale
        # (1 + x)^2 - 1 is x (x + 2), which keeps the digits of what is small.
        values = below + above * (above + 2.0)
        roots = self._roots.astype(np.float32)
        values = values * (1.0 + roots * (values + 1.0))
        if self._exp75.any():
            raised = ops.expm1(ops.log1p(values) * (4 / 3))
            values = ops.where(self._exp75, raised, values)
        return values / scale if self._unscale else values
