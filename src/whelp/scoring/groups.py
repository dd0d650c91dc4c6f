"""Scores of groups of tracks, such as cell types, and what sets one group apart from the others."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from whelp.scoring.errors import ScoreError
from whelp.scoring.strands import Strands
from whelp.specs.errors import SpecError
from whelp.specs.targets import TargetsTable


class Groups:
    """The groups of merged tracks that the column `group` of a targets table makes.

    Attributes:
        names: The groups in the order of their first tracks; none without the column.
        members: Of each group its merged tracks, int64. A track without a group is in none.
    """

    def __init__(self, members: dict[str, list[int]]) -> None:
        self.names = tuple(members)
        self.members = tuple(np.array(tracks, np.int64) for tracks in members.values())

    @classmethod
    def of(cls, targets: TargetsTable, strands: Strands) -> Self:
        """Find the groups of a table.

        Raises:
            SpecError: The two strands of a track are in different groups; the row is named.
        """
        members: dict[str, list[int]] = {}
        for track, (plus, minus) in enumerate(zip(strands.plus, strands.minus, strict=True)):
            row, other = targets.rows[plus], targets.rows[minus]
            if row.group != other.group:
                raise SpecError(
                    f"the group {row.group!r}, which the other strand is in",
                    file=targets.path,
                    path=f"row {other.index}.group",
                    value=other.group,
                )
            if row.group is not None:
                members.setdefault(row.group, []).append(track)
        return cls(members)

    def __len__(self) -> int:
        return len(self.names)

    def means(self, scores: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Average the scores of each group's tracks.

        Args:
            scores: Scores of shape `(..., merged)`.

        Returns:
            float64 of shape `(..., groups)`.
        """
        means = np.empty((*scores.shape[:-1], len(self)))
        for at, tracks in enumerate(self.members):
            means[..., at] = scores[..., tracks].mean(axis=-1, dtype=np.float64)
        return means

    def against_others(self, means: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Subtract from each group's score the mean of the other groups' scores.

        Groups count alike, however many tracks they have.

        Args:
            means: What `means` returned, of shape `(..., groups)`.

        Returns:
            float64 of the same shape.

        Raises:
            ValueError: There are fewer than two groups.
        """
        others = len(self) - 1
        if others < 1:
            raise ValueError(
                f"a group can only be compared with others; expected two groups or more in the "
                f"column 'group', received {len(self)}"
            )
        rest = means.sum(axis=-1, keepdims=True, dtype=np.float64) - means
        return np.asarray(means - rest / others)


def split_contrast(text: str) -> tuple[str, str]:
    """Split `A:B` into the names of two groups.

    Raises:
        ScoreError: It is not of that form.
    """
    one, colon, other = text.partition(":")
    if not (one and colon and other) or ":" in other:
        raise ScoreError(
            f"two groups are compared as A:B, names from the column 'group' of the targets table; "
            f"received {text!r}"
        )
    return one, other
