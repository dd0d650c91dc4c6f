"""Saturation mutagenesis: every base of a stretch replaced by each of the three others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from whelp.genome import dna
from whelp.genome.fasta import Fasta
from whelp.interpreting.measures import Measure
from whelp.interpreting.regions import Region
from whelp.scoring.errors import ScoreError
from whelp.scoring.predictor import Moved, Predictor
from whelp.scoring.statistics import as_half

_MOST_VALUES = 1 << 22
_MOST_POSITIONS = 32

Bases = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class MutationSettings:
    """How mutations are predicted.

    Attributes:
        shifts: Shifts of the ensemble, bp; statistics are averaged over them.
        rc: Average predictions over both strands.
        half: Scores are 16-bit floats, as Baskerville's; else 32-bit.
        batch_size: Sequences that are run at a time, at most; None for as many as fit.
        unknown: What stands in all four columns of an N: 0, as models are trained.

    Raises:
        ScoreError: There are no shifts.
    """

    shifts: tuple[int, ...] = (0,)
    rc: bool = False
    half: bool = False
    batch_size: int | None = None
    unknown: float = 0

    def __post_init__(self) -> None:
        if not self.shifts:
            raise ScoreError("expected at least one shift, such as 0; received none")


class Mutagenesis:
    """Scores the mutations of stretches; the reference is predicted once a window.

    Args:
        predictor: The model, as it is run; see `Predictor.of`.
        fasta: The genome.
        measure: What is compared between the reference and a mutation.
        settings: How. What is averaged over strands, batches and N are the predictor's.

    Attributes:
        predictor: As given.
        measure: As given.
        settings: As given.
    """

    def __init__(
        self, predictor: Predictor, fasta: Fasta, *, measure: Measure, settings: MutationSettings
    ) -> None:
        self.predictor = predictor
        self.measure = measure
        self.settings = settings
        self._fasta = fasta
        self._columns = len(predictor) * 3 * len(settings.shifts)

    def layout(self) -> np.dtype:
        """Give the structure of a position's scores.

        Returns:
            `seqs`, bool of shape `(4,)`: the base that stands there, one-hot (none for N); and for
            each statistic a field of shape `(4, tracks)`: the scores of A, C, G and T instead.
        """
        kind = np.float16 if self.settings.half else np.float32
        shape = (4, len(self.measure.tracks))
        fields: list[Any] = [(name, kind, shape) for name in self.measure.names]
        return np.dtype([("seqs", bool, (4,)), *fields])

    def chunks(self, region: Region) -> list[tuple[int, int]]:
        """Divide a stretch into pieces that are predicted together.

        Args:
            region: The stretch.

        Returns:
            First position of each, from 0 at the start of the stretch, and that after the last.
        """
        bins = self.measure.reading(region).bins
        values = self._columns * (self.predictor.bins if bins is None else len(bins))
        step = max(1, min(_MOST_POSITIONS, _MOST_VALUES // values))
        return [(at, min(at + step, region.length)) for at in range(0, region.length, step)]

    def scores(self, region: Region, *, skip: int = 0) -> Iterator[npt.NDArray[Any]]:
        """Score the mutations of a stretch.

        An N has no base to compare with: there each of the four bases takes its place.

        Args:
            region: The stretch, in a window of the model's length.
            skip: How many of the first pieces are left out.

        Yields:
            For each piece an array of `layout`, along the sequence that the model is shown.
        """
        bases = region.sequence(self._fasta)
        shown = self.predictor.window(bases)
        reading = self.measure.reading(region)
        reference = reading.read(shown.predict(self._moved(bases), bins=reading.bins))
        for first, last in self.chunks(region)[skip:]:
            made = np.zeros(last - first, self.layout())
            stretch = bases[region.first + first : region.first + last]
            made["seqs"] = dna.one_hot(stretch, bool)
            places = np.argwhere(~made["seqs"])
            changed = _changed(bases, places + (region.first + first, 0))
            sequences = [moved for one in changed for moved in self._moved(one)]
            predictions = shown.predict(sequences, bins=reading.bins)
            predictions = predictions.reshape(len(places), -1, *predictions.shape[1:])
            for (position, base), values in zip(places, predictions, strict=True):
                for name, score in self.measure.compare(reference, reading.read(values)).items():
                    made[name][position, base] = as_half(score) if self.settings.half else score
            yield made

    def _moved(self, bases: Bases) -> list[Moved]:
        return [Moved(dna.shift(bases, shift), shift) for shift in self.settings.shifts]


def _changed(bases: Bases, places: npt.NDArray[np.int64]) -> Iterator[Bases]:
    """Copies of a sequence, each with another base at one position."""
    for position, base in places:
        changed = bases.copy()
        changed[position] = base
        yield changed


def contributions(
    sequences: npt.NDArray[np.bool_], scores: npt.NDArray[Any]
) -> npt.NDArray[np.float32]:
    """Turn scores of mutations into what each base contributes.

    Scores are of a mutation minus the reference, so what is there already has 0. The mean over the
    four bases is subtracted: what stands in the sequence then contributes the opposite of what its
    mutations do on average.

    Args:
        sequences: One-hot, bool of shape `(..., length, 4)`.
        scores: Of shape `(..., length, 4)`.

    Returns:
        Hypothetical contributions of all four bases, float32 of the same shape; 0 where there is no
        base (N, and what fills up short stretches). Times `sequences` they are those of the
        sequence.
    """
    known = sequences.any(axis=-1, keepdims=True)
    values = np.asarray(scores, np.float32)
    return np.where(known, values - values.mean(axis=-1, keepdims=True), np.float32(0))
