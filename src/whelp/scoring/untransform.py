"""From what a model predicts back to coverage: targets are squashed when a data set is made.

Two ways to squash have been in use. With `s` the scale, `c` the soft clip, and `x` the coverage of
a bin (its sum, mean, ...):

new   y = -1 + (1 + s x)^a            then, above c:  c - 1 + sqrt(y - c + 1)
old   y = x^a                         then, above c:  c + sqrt(y - c);  and last  s y

where a is 1/2 for a `sum_stat` with `_sqrt` (3/4 if old), 3/4 for `sum_exp75` (not known to the
old), else 1. Released Borzoi models have learnt old targets. Hard clips, means over bases and the
`peak` statistic cannot be undone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from whelp.scoring.errors import ScoreError
from whelp.specs.errors import SpecError
from whelp.specs.model import ModelSpec
from whelp.specs.targets import Target, TargetsTable

Floats = npt.NDArray[Any]

_OLD_POWER = 4 / 3
_EXP75 = "sum_exp75"


def is_old(model: ModelSpec, old: bool | None = None) -> bool:
    """Say whether a model's targets were squashed in the old way.

    Args:
        model: Its specification, which may say.
        old: What a user says; None to take the model's word, or the new way if it says nothing.

    Raises:
        ScoreError: Both say, and not the same.
    """
    said = model.target_transform
    if old is None or said is None:
        return said == "old" if old is None else old
    if old != (said == "old"):
        asked = "old" if old else "new"
        raise ScoreError(
            f"the {asked} transform of targets was asked for, and this model says that its targets "
            f"were squashed in the {said} way (model.target_transform in params.json): undone in "
            f"the {asked} way, its predictions would be wrong coverage. Leave the choice to the "
            f"model; or, if its params.json is wrong, correct it there"
        )
    return old


class Untransform:
    """Undoes the squashing of a targets table's tracks.

    Args:
        targets: The table; `clip_soft` may be missing (no limit), `scale` too (1).
        old: Whether the targets were squashed in the old way.
        unclip: Whether soft clips are undone.
        unscale: Whether scales are undone: the result is in the units of the coverage files. Else
            it is coverage times scale, as variants are scored.

    Raises:
        SpecError: A row has no `sum_stat`, or a scale that is not above 0.
    """

    def __init__(
        self, targets: TargetsTable, *, old: bool, unclip: bool = True, unscale: bool = False
    ) -> None:
        for row in targets.rows:
            _check(row, targets.path)
        self.old = old
        self._scale = np.array([1.0 if row.scale is None else row.scale for row in targets.rows])
        limits = [row.clip_soft if unclip else None for row in targets.rows]
        self._soft = np.array([np.inf if limit is None else limit for limit in limits], float)
        self._unscale = unscale
        statistics = [row.sum_stat or "" for row in targets.rows]
        self._roots = np.array(["_sqrt" in name for name in statistics])
        self._exp75 = np.array([name == _EXP75 for name in statistics]) & (not old)

    def __call__(self, predictions: Floats) -> npt.NDArray[np.float64]:
        """Give the coverage that predictions stand for.

        Args:
            predictions: Squashed values of shape `(..., tracks)`, none negative.

        Returns:
            New float64 array of the same shape.

        Raises:
            ValueError: The last axis has another length than the table.
        """
        if predictions.shape[-1] != len(self._scale):
            raise ValueError(
                f"expected {len(self._scale)} tracks on the last axis, as the targets table has "
                f"rows; received an array of shape {predictions.shape}"
            )
        values = np.array(predictions, dtype=np.float64)
        return self._old(values) if self.old else self._new(values)

    def _new(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        above, excess, soft = self._excess(values)
        values[above] = soft - 1 + np.square(excess + 1)
        if self._roots.any():
            values[..., self._roots] = np.square(values[..., self._roots] + 1) - 1
        if self._exp75.any():
            values[..., self._exp75] = (values[..., self._exp75] + 1) ** _OLD_POWER - 1
        if self._unscale:
            values /= self._scale
        return values

    def _old(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        values /= self._scale
        above, excess, soft = self._excess(values)
        values[above] = soft + np.square(excess)
        if self._roots.any():
            values[..., self._roots] **= _OLD_POWER
        if not self._unscale:
            values *= self._scale
        return values

    def _excess(self, values: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.bool_], Any, Any]:
        """Find what is above the soft clips: where, by how much, and the clips there."""
        above = values > self._soft
        soft = self._soft[np.nonzero(above)[-1]]
        return above, values[above] - soft, soft


def _check(row: Target, file: str) -> None:
    if row.sum_stat is None:
        raise SpecError(
            "the statistic of the track's bins, such as sum_sqrt: without it the targets' "
            "squashing cannot be undone",
            file=file,
            path=f"row {row.index}.sum_stat",
            problem="the value is missing",
        )
    if row.scale is not None and not row.scale > 0:
        raise SpecError(
            "a number above 0", file=file, path=f"row {row.index}.scale", value=row.scale
        )
