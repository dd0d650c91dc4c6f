"""Measured and predicted coverage of genes, added up window by window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from whelp.expression.errors import ExpressionError
from whelp.expression.gene_plan import GenePlan
from whelp.expression.places import Place
from whelp.genome.genes import Gene
from whelp.scoring.strands import Strands
from whelp.scoring.untransform import Untransform
from whelp.specs import TargetsTable
from whelp.training.correlation import TrackSums

Floats = npt.NDArray[Any]
Keep = Callable[[Gene, Floats, Floats], object]

# Below it a gene's coverage does not vary: there is nothing to correlate along the gene.
LEAST_VARIANCE = 1e-6


@dataclass(frozen=True, eq=False)
class GeneLevels:
    """Coverage of genes; arrays are float32 of shape `(genes, merged tracks)`.

    Attributes:
        genes: The genes, sorted by their identifiers.
        lengths: Of each gene the bases that its coverage is given for, int64 `(genes,)`.
        shown: Of these the share that lies in the windows, `(genes,)`.
        trained: The share that lies in windows of the training, `(genes,)`.
        measured: Measured coverage of the whole gene: the mean over its bins in the windows,
            times its length over the width of a bin.
        predicted: The same of predictions.
        within: Pearson correlation of log2(coverage + 1) along the gene's bins; NaN where the
            measured or the predicted coverage does not vary.
        variance: Variance of the measured coverage along the gene's bins.
    """

    genes: tuple[Gene, ...]
    lengths: npt.NDArray[np.int64]
    shown: Floats
    trained: Floats
    measured: Floats
    predicted: Floats
    within: Floats
    variance: Floats


class GeneCollector:
    """Adds up the coverage of genes while windows are predicted.

    Memory grows with genes times tracks, not with windows: of a gene whose last window was seen
    four numbers a track are kept.

    Args:
        plan: The genes, and where they lie.
        targets: The tracks.
        old: Whether the targets were squashed in the old way.
        width: bp a bin.
        half: Round predictions to 16 bits, as measured values are.
        keep: Called with each gene, when it is complete, and its measured and predicted coverage,
            `(bins, merged tracks)`.

    Raises:
        whelp.specs.SpecError: Squashing cannot be undone for want of a `sum_stat`, or strands are
            not named + and -.
    """

    def __init__(
        self,
        plan: GenePlan,
        *,
        targets: TargetsTable,
        old: bool,
        width: int,
        half: bool = False,
        keep: Keep | None = None,
    ) -> None:
        self._genes = plan.genes
        self._lengths = plan.lengths
        self._places = plan.places
        self._trained = plan.trained
        self._untransform = Untransform(targets, old=old)
        self._strands = Strands.of(targets)
        self._width = width
        self._half = half
        self._keep = keep
        self._left = plan.places.visits.copy()
        self._pending: dict[int, _GeneSums] = {}
        self._done: dict[int, tuple[float, Floats]] = {}
        self._seen = 0

    def __call__(self, measured: Floats, predicted: Floats) -> None:
        """Add the next batch of windows, in the data's order: a sink of `whelp.evaluate`.

        Args:
            measured: Squashed values, `(batch, bins, tracks)`.
            predicted: The same of predictions.
        """
        for values in zip(measured, predicted, strict=True):
            self.add(self._seen, *values)
            self._seen += 1

    def add(self, window: int, measured: Floats, predicted: Floats) -> None:
        """Add a window, each once.

        Args:
            window: Its number.
            measured: Squashed values, `(bins, tracks)`.
            predicted: The same of predictions.
        """
        for place in self._places.windows[window]:
            self._add(place, measured, predicted)

    def _add(self, place: Place, measured: Floats, predicted: Floats) -> None:
        number = place.gene
        if number not in self._pending:
            self._pending[number] = _GeneSums(len(self._strands), profile=self._keep is not None)
        strand = self._genes[number].strand
        guess = predicted[place.bins]
        if self._half:
            guess = guess.astype(np.float16)
        self._pending[number].add(
            self._strands.select(self._untransform(measured[place.bins]), strand),
            self._strands.select(self._untransform(guess), strand),
            place.bases,
        )
        self._left[number] -= 1
        if not self._left[number]:
            self._finish(number, self._pending.pop(number))

    def _finish(self, number: int, sums: _GeneSums) -> None:
        shown = sums.bases / self._lengths[number]
        numbers = sums.numbers(self._lengths[number] / self._width)
        self._done[number] = shown, numbers.astype(np.float32)
        if self._keep is not None:
            self._keep(self._genes[number], *sums.profiles())

    def levels(self, min_shown: float = 0.0) -> GeneLevels:
        """Give the coverage of the genes that lie in windows, when all windows were added.

        Args:
            min_shown: Share of a gene that has to.

        Raises:
            ExpressionError: There are none.
        """
        wanted = [number for number, (shown, _) in self._done.items() if shown >= min_shown]
        if not wanted:
            raise ExpressionError(
                f"of none of the {len(self._done)} genes in the windows a share of {min_shown} "
                "lies in them; ask for a smaller one"
            )
        order = sorted(wanted, key=lambda number: (self._genes[number].identifier, number))
        numbers = np.stack([self._done[number][1] for number in order], axis=1)
        return GeneLevels(
            tuple(self._genes[number] for number in order),
            self._lengths[order],
            np.array([self._done[number][0] for number in order]),
            self._trained[order],
            *numbers,
        )


class _GeneSums:
    """What is added up over the bins of one gene."""

    def __init__(self, tracks: int, *, profile: bool = False) -> None:
        self.bases = 0
        self._profile: list[tuple[Floats, Floats]] | None = [] if profile else None
        self._plain = TrackSums(tracks)
        self._logs = TrackSums(tracks)

    def add(self, measured: Floats, predicted: Floats, bases: int) -> None:
        """Add coverage of bins, both `(bins, tracks)`."""
        self.bases += bases
        self._plain.update(measured, predicted)
        self._logs.update(_log2(measured), _log2(predicted))
        if self._profile is not None:
            self._profile.append((measured, predicted))

    def profiles(self) -> list[Floats]:
        """Measured and predicted coverage of all bins, `(bins, tracks)` each."""
        return [np.concatenate(parts) for parts in zip(*self._profile or (), strict=True)]

    def numbers(self, scale: float) -> Floats:
        """Measured and predicted levels, correlation, measured variance, `(4, tracks)`."""
        measured, predicted = self._plain.means()
        variance, guessed = self._plain.variances()
        varies = (variance > LEAST_VARIANCE) & (guessed > LEAST_VARIANCE)
        within = np.where(varies, self._logs.pearsonr(), np.nan)
        return np.stack([measured * scale, predicted * scale, within, variance])


def _log2(coverage: Floats) -> Floats:
    # Coverage below 0 can only be a rounding error, or a bias of the model.
    return np.log2(np.maximum(coverage, 0) + 1)
