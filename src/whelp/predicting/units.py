"""From what a model predicts to the units of the coverage files that it was trained on, per base.

A bin of width w holds a statistic of the coverage x of its w bases, which was scaled, squashed and
clipped when the data set was made. Squashing and scale are undone (see
`whelp.scoring.untransform`), and then

    sum, sum_sqrt, sum_exp75        divided by w: the mean over the bin's bases
    mean, avg, median, max, ...     as it is
    peak                            y^2 / 4, for a peak is 2 sqrt(mean), at most 1

Of values that a hard clip brought down, the clip is what is left.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from whelp.scoring.untransform import Untransform
from whelp.specs import TargetsTable

Floats = npt.NDArray[Any]

_PEAK = "peak"


class InputUnits:
    """Gives the coverage per base that squashed predictions stand for.

    Args:
        targets: The predicted tracks.
        stride: Width of a bin, bp.
        old: Whether the targets were squashed in the old way.

    Raises:
        SpecError: A row has no `sum_stat`, or a scale that is not above 0.
    """

    def __init__(self, targets: TargetsTable, *, stride: int, old: bool) -> None:
        self._undo = Untransform(targets, old=old, unscale=True)
        statistics = [row.sum_stat or "" for row in targets.rows]
        self._width = np.array([stride if name.startswith("sum") else 1 for name in statistics])
        self._peaks = np.array([name == _PEAK for name in statistics])
        scales = [1.0 if old or row.scale is None else row.scale for row in targets.rows]
        self._quarter = np.array(scales)[self._peaks] / 4
        squashed = [name.endswith(("_sqrt", "_exp75")) for name in statistics]
        # What no coverage can have made: powers of less than this are no numbers.
        self._least = np.where(squashed, 0.0 if old else -1.0, -np.inf)

    def __call__(self, predictions: Floats) -> npt.NDArray[np.float64]:
        """Undo what was done to the coverage.

        Args:
            predictions: Squashed values of shape `(..., tracks)`.

        Returns:
            New float64 array of the same shape: mean coverage per base of each bin (the median or
            the largest, where that is the statistic), in the units of the track's file.
        """
        values = self._undo(np.maximum(predictions, self._least)) / self._width
        if self._peaks.any():
            # A peak's scale was applied before the root was drawn.
            values[..., self._peaks] = values[..., self._peaks] ** 2 * self._quarter
        return values
