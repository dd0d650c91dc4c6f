"""What is explained: one number for each prediction, that can be differentiated.

The number is the natural log of predicted coverage, summed over bins (a gene's exons, or a part of
the window) in linear units. Of several tracks it is the mean of their logs, or the log of their
mean; and of two groups of tracks, such as cell types, the difference of their numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from keras import ops

from whelp.interpreting.coverage import Coverage
from whelp.scoring.gene_statistics import GeneBins
from whelp.scoring.groups import Groups
from whelp.scoring.strands import Strands
from whelp.scoring.track_names import TrackError, named_tracks
from whelp.specs import TargetsTable
from whelp.specs.errors import nearest
from whelp.wording import listed

Pool = Literal["logs", "coverage"]
Floats = npt.NDArray[np.float32]

PSEUDO = 1.0
"""Coverage that is added to a sum before its log is taken.

With 1, as in the score logSED, a change of the number is ln 2 times the logSED that a variant of
the same effect has; and where hardly anything is predicted, it is small and not ruled by noise.
"""


class ObjectiveError(ValueError):
    """What is to be explained is not among what the model predicts."""


class Weights(NamedTuple):
    """Which bins and tracks of a prediction count, as arrays.

    Attributes:
        bins: 1 for the bins that are summed, else 0, of shape `(bins,)`.
        rows: Places of the two strands of each chosen track, int32 of shape `(2, chosen)`.
        strands: 1 for the strands that count, else 0, of shape `(2, chosen)`.
        shares: Share of each track in the mean of each group, of shape `(groups, chosen)`.
        signs: 1, or 1 and -1 where two groups are compared, of shape `(groups,)`.
        pseudo: What is added before logs are taken, of shape `()`.
    """

    bins: Floats
    rows: npt.NDArray[np.int32]
    strands: Floats
    shares: Floats
    signs: Floats
    pseudo: Floats


@dataclass(frozen=True, eq=False)
class Objective:
    """The number that is explained.

    With `S(t)` the coverage of a track `t` (times its scale, as variants are scored), both strands
    or that of the gene, summed over bins, `p` the pseudo-count, and means over the chosen tracks:

        pool "logs":      mean of ln(S(t) + p)
        pool "coverage":  ln(mean of S(t) + p), as in Borzoi's `borzoi_satg_gene.py`

    and after `contrast(A, B)` this of the tracks of group A less this of those of B.

    Make one with `for_tracks`; `for_gene` and `contrast` give others.

    Attributes:
        coverage: Undoes the squashing of targets.
        bins: Bins that are summed, sorted, int64 of shape `(summed,)`.
        length: Bins of a prediction.
        tracks: The chosen tracks among the merged ones, int64 of shape `(chosen,)`.
        groups: Of each group its places in `tracks`; one group of all, or two to be compared.
        strand: "+" or "-" of the tracks; "." for both added.
        pseudo: What is added before logs are taken, in coverage times scale.
        pool: How tracks are joined.
        targets: The tracks of predictions.
    """

    coverage: Coverage
    bins: npt.NDArray[np.int64]
    length: int
    tracks: npt.NDArray[np.int64]
    groups: tuple[npt.NDArray[np.int64], ...]
    strand: str
    pseudo: float
    pool: Pool
    targets: TargetsTable

    @classmethod
    def for_tracks(
        cls,
        targets: TargetsTable,
        *,
        bins: int,
        tracks: Sequence[str | int] = (),
        middle: int | None = None,
        old: bool = False,
        pseudo: float = PSEUDO,
        pool: Pool = "logs",
    ) -> Self:
        """Explain the sum over the bins of a window.

        Args:
            targets: The tracks of predictions.
            bins: Bins of a prediction.
            tracks: Names, patterns or indexes of tracks, see `named_tracks`; none for all.
            middle: How many bins in the middle count; None for all.
            old: The targets were squashed in the old way (released Borzoi models).
            pseudo: What is added before logs are taken, above 0.
            pool: How tracks are joined.

        Raises:
            ObjectiveError: There are no such tracks or bins, or a choice is out of its range.
            SpecError: The table lacks what is needed to undo the squashing or to merge strands.
        """
        strands = Strands.of(targets)
        if pool not in ("logs", "coverage"):
            raise ObjectiveError(f"tracks are joined by 'logs' or by 'coverage'; received {pool!r}")
        if not pseudo > 0:
            raise ObjectiveError(f"the pseudo-count must be above 0; received {pseudo:g}")
        if middle is not None and not 0 < middle <= bins:
            raise ObjectiveError(
                f"a prediction has {bins} bins; expected 1 to {bins} in its middle, received "
                f"{middle}"
            )
        try:
            chosen = named_tracks(targets, strands, tracks)
        except TrackError as error:
            raise ObjectiveError(str(error)) from None
        first = 0 if middle is None else (bins - middle) // 2
        return cls(
            coverage=Coverage(targets, old=old),
            bins=np.arange(first, first + (middle or bins)),
            length=bins,
            tracks=chosen,
            groups=(np.arange(len(chosen)),),
            strand=".",
            pseudo=pseudo,
            pool=pool,
            targets=targets,
        )

    def for_gene(self, bins: GeneBins, strand: str) -> Self:
        """Explain the sum over the bins of a gene, on its strand.

        Args:
            bins: Its bins, see `whelp.scoring.gene_statistics.gene_bins`.
            strand: The gene's strand; "." for both.

        Raises:
            ObjectiveError: No bin of the gene is in the window, or the strand is none.
        """
        if not len(bins.inside):
            raise ObjectiveError("no bin of the gene lies in the part of the window that is shown")
        if strand not in ("+", "-", "."):
            raise ObjectiveError(f"the strand of a gene is '+', '-' or '.'; received {strand!r}")
        return replace(self, bins=bins.inside, strand=strand)

    def contrast(self, one: str, other: str) -> Self:
        """Explain the difference between two groups of the chosen tracks.

        Args:
            one: A name from the column `group` of the targets table.
            other: The group that is subtracted.

        Raises:
            ObjectiveError: There is no such column or group, or none of its tracks is chosen.
            SpecError: The two strands of a track are in different groups.
        """
        groups = Groups.of(self.targets, Strands.of(self.targets))
        found = tuple(self._members(groups, name) for name in (one, other))
        return replace(self, groups=found)

    def _members(self, groups: Groups, name: str) -> npt.NDArray[np.int64]:
        table = self.targets.path or "the targets table"
        if not groups.names:
            raise ObjectiveError(
                f"{table} has no column 'group' with names; expected one that says which group, "
                f"such as a cell type, each track belongs to"
            )
        if name not in groups.names:
            near = nearest(name, groups.names)
            hint = f"; did you mean {near!r}?" if near else "."
            raise ObjectiveError(
                f"{table} has no group {name!r}{hint} It has {listed(groups.names, most=12)}"
            )
        members = groups.members[groups.names.index(name)]
        places = np.flatnonzero(np.isin(self.tracks, members))
        if not len(places):
            raise ObjectiveError(f"none of the chosen tracks is in the group {name!r}")
        return places

    def of(self, predictions: Any) -> Any:
        """Give the number of each prediction.

        Args:
            predictions: Squashed predictions of shape `(batch, bins, tracks)`, tensor or array.

        Returns:
            float32 tensor of shape `(batch,)`.
        """
        return self.value(predictions, self.weights())

    def of_bins(self, predictions: Any) -> Any:
        """Give the number of each prediction of which only the bins that count were made.

        Args:
            predictions: Squashed predictions of `bins`, of shape `(batch, summed, tracks)`.

        Returns:
            float32 tensor of shape `(batch,)`.
        """
        ones = np.ones(len(self.bins), np.float32)
        return self.value(predictions, self.weights()._replace(bins=ones))

    def value(self, predictions: Any, weights: Weights) -> Any:
        """Give the number of each prediction by other weights; only `coverage` and `pool` count.

        Args:
            predictions: Squashed predictions of shape `(batch, bins, tracks)`.
            weights: Arrays or tensors, as `weights` of any objective of the same kind gives.

        Returns:
            float32 tensor of shape `(batch,)`.
        """
        sums = ops.sum(self.coverage.tensor(predictions) * weights.bins[:, None], axis=1)
        sums = sum(
            ops.take(sums, weights.rows[side], axis=1) * weights.strands[side] for side in (0, 1)
        )
        if self.pool == "logs":
            logs = ops.log(sums + weights.pseudo)
            groups = ops.sum(logs[:, None] * weights.shares, axis=-1)
        else:
            means = ops.sum(sums[:, None] * weights.shares, axis=-1)
            groups = ops.log(means + weights.pseudo)
        return ops.sum(groups * weights.signs, axis=-1)

    def weights(self, *, reverse: bool = False) -> Weights:
        """Give what counts, as arrays.

        Args:
            reverse: For predictions of the reverse complement, as the model makes them.
        """
        merged = Strands.of(self.targets)
        rows = np.stack([merged.plus, merged.minus])[:, self.tracks]
        strands = np.ones(rows.shape, np.float32)
        # A track without strands is its own partner, and counts once.
        strands[1, rows[0] == rows[1]] = 0
        stranded = rows[0] != rows[1]
        if self.strand != ".":
            strands[("-", "+").index(self.strand), stranded] = 0
        shares = np.zeros((len(self.groups), len(self.tracks)), np.float32)
        for group, places in enumerate(self.groups):
            shares[group, places] = 1 / len(places)
        bins = np.zeros(self.length, np.float32)
        bins[self.bins] = 1
        if reverse:
            swap = np.array(self.targets.strand_pair or range(len(self.targets)))
            rows, bins = swap[rows], bins[::-1].copy()
        signs = np.array([1, -1][: len(self.groups)], np.float32)
        pseudo = np.array(self.pseudo, np.float32)
        return Weights(bins, rows.astype(np.int32), strands, shares, signs, pseudo)
