"""What of a prediction is compared between a sequence and its mutations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from whelp.interpreting.gene_regions import bins_of_gene
from whelp.interpreting.objectives import Objective
from whelp.interpreting.regions import Region
from whelp.scoring.gene_statistics import Overlap
from whelp.scoring.grid import Grid
from whelp.scoring.statistics import (
    STATISTICS,
    Allele,
    StatisticError,
    check_statistics,
    score,
)
from whelp.scoring.strands import Strands
from whelp.scoring.untransform import Untransform
from whelp.specs import TargetsTable

Floats = npt.NDArray[Any]


class Column(NamedTuple):
    """What a column of scores is of.

    Attributes:
        identifier: Of a track, or of what is made of several.
        label: What it is.
    """

    identifier: str
    label: str


class Reading(NamedTuple):
    """What is read of the predictions of a region's window.

    Attributes:
        bins: The bins that count, sorted, int64; None for all.
        read: Function of squashed predictions `(shifts, bins, tracks)` of these bins; what it gives
            is compared.
    """

    bins: npt.NDArray[np.int64] | None
    read: Callable[[Floats], Any]


class Measure(Protocol):
    """What is compared.

    Attributes:
        names: What the scores are called.
        tracks: What the columns of each are of.
    """

    names: tuple[str, ...]
    tracks: list[Column]

    def reading(self, region: Region) -> Reading:
        """Say what is read of the predictions of a region's window."""

    def compare(self, ref: Any, alt: Any) -> Mapping[str, Floats]:
        """Compare what was read of two sequences: name -> `(columns,)`."""


class TrackStatistics:
    """Statistics of each track, strands merged in linear units, over all bins.

    Args:
        targets: The tracks.
        statistics: Names from `STATISTICS`.
        old: The targets were squashed in the old way (released Borzoi models).

    Attributes:
        names: The statistics.
        tracks: The merged tracks.

    Raises:
        StatisticError: A statistic is not known, or is one allele's coverage.
        SpecError: The targets table lacks what is needed to undo the squashing or to merge strands.
    """

    def __init__(self, targets: TargetsTable, statistics: Iterable[str], *, old: bool) -> None:
        self.names = check_mutation_statistics(statistics)
        self._strands = Strands.of(targets)
        self._untransform = Untransform(targets, old=old)
        rows = self._strands.rows(targets)
        self.tracks = [Column(row.identifier, row.description or row.identifier) for row in rows]

    def reading(self, region: Region) -> Reading:
        """See `Measure`."""
        return Reading(None, self._read)

    def compare(self, ref: Allele, alt: Allele) -> Mapping[str, Floats]:
        """See `Measure`."""
        return score(ref, alt, self.names)

    def _read(self, values: Floats, strand: str = ".") -> Allele:
        return Allele(self._strands.select(self._untransform(values), strand))


class GeneStatistics(TrackStatistics):
    """The same over the bins of a gene's exons, on its strand.

    The gene is the one of the region's window; regions are on the + strand.

    Args:
        targets: The tracks.
        statistics: Names from `STATISTICS`.
        old: As of `TrackStatistics`.
        grid: The bins of the model's predictions.
        overlap: As of `bins_of_gene`.
        span: As of `bins_of_gene`.

    Raises:
        StatisticError: As of `TrackStatistics`.
        SpecError: As of `TrackStatistics`.
    """

    def __init__(
        self,
        targets: TargetsTable,
        statistics: Iterable[str],
        *,
        old: bool,
        grid: Grid,
        overlap: Overlap = "any",
        span: bool = False,
    ) -> None:
        super().__init__(targets, statistics, old=old)
        self._grid = grid
        self._overlap = overlap
        self._span = span

    def reading(self, region: Region) -> Reading:
        """See `Measure`."""
        (gene,) = region.window.genes
        bins = bins_of_gene(gene, region, self._grid, overlap=self._overlap, span=self._span).inside
        return Reading(bins, lambda values: self._read(values, gene.strand))


class ObjectiveChange:
    """The change of an objective: a log of coverage, or its difference between two groups.

    Args:
        objective: What is explained; where a region's window has a gene, this for the gene.
        grid: The bins of the model's predictions.
        column: What the number is called.

    Attributes:
        names: `contrast`.
        tracks: One column.
    """

    names: tuple[str, ...] = ("contrast",)

    def __init__(self, objective: Objective, *, grid: Grid, column: Column) -> None:
        self.tracks = [column]
        self._objective = objective
        self._grid = grid

    def reading(self, region: Region) -> Reading:
        """See `Measure`: the objective of each shift.

        Raises:
            ObjectiveError: No bin of the gene lies in what the model predicts of the window.
        """
        objective = self._objective
        if region.window.genes:
            (gene,) = region.window.genes
            objective = objective.for_gene(bins_of_gene(gene, region, self._grid), gene.strand)
        return Reading(objective.bins, lambda values: _objective_of(objective, values))

    def compare(self, ref: Floats, alt: Floats) -> Mapping[str, Floats]:
        """See `Measure`."""
        return {"contrast": np.mean(alt - ref, keepdims=True)}


def _objective_of(objective: Objective, predictions: Floats) -> Floats:
    """An objective in float64, since changes by a base are small: `(shifts,)`."""
    weights = objective.weights()
    coverage = objective.coverage(predictions)
    sums = (coverage.sum(axis=1)[:, weights.rows] * weights.strands).sum(axis=1)
    if objective.pool == "logs":
        groups = np.log(sums + objective.pseudo) @ weights.shares.T
    else:
        groups = np.log(sums @ weights.shares.T + objective.pseudo)
    return np.asarray(groups @ weights.signs)


def check_mutation_statistics(names: Iterable[str]) -> tuple[str, ...]:
    """Check names of statistics of mutations.

    Returns:
        The names without repetitions.

    Raises:
        StatisticError: A name is not known, or its statistic is not a number a track.
    """
    known = check_statistics(names)
    for name in known:
        if STATISTICS[name].is_coverage:
            raise StatisticError(
                f"{name} is predicted coverage and no comparison; expected statistics with one "
                f"number a mutation and track, such as logSUM. For coverage use `whelp score`"
            )
    return known
