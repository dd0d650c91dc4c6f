"""Scores of the variants in a window of the genome."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from whelp.genome import dna
from whelp.genome.alternates import alternate_sequence
from whelp.genome.fasta import Fasta
from whelp.genome.indel_shifts import ShiftPlan, pair_predictions, plan_shifts, stitch_bin
from whelp.genome.variant_windows import Window
from whelp.genome.variants import Variant
from whelp.models import SequenceModel
from whelp.scoring.errors import ScoreError
from whelp.scoring.predictor import Floats, Moved, PredictedWindow, Predictor
from whelp.scoring.statistics import STATISTICS, Allele, check_statistics, score
from whelp.scoring.strands import Strands
from whelp.scoring.untransform import Untransform
from whelp.specs import Target, TargetsTable

_GROUP_VALUES = 1 << 24


@dataclass(frozen=True)
class ScoreSettings:
    """How variants are scored.

    Attributes:
        statistics: Names from `STATISTICS`.
        shifts: Shifts of the ensemble, bp; statistics are averaged over them.
        rc: Average predictions over both strands.
        stitch: Join the two predictions of an insertion or deletion at the variant; else each is
            compared and the statistics are averaged.
        cluster: Share of a window's length within which variants share a window; 0 for a window
            centred on each.
        old: The targets were squashed in the old way (released Borzoi models).
        merge_first: Merge strands in linear units before the statistics. Else the statistics of
            both strands are merged, as in Baskerville.
        pull: Deletions pull in the genome's bases at the end of the window; else N, as in
            Baskerville.
        half: Scores are 16-bit floats, as Baskerville's; else 32-bit.
        batch_size: Sequences that are run at a time, at most.

    Raises:
        StatisticError: A statistic is not known.
        ScoreError: A number is out of its range.
    """

    statistics: tuple[str, ...] = ("logSUM",)
    shifts: tuple[int, ...] = (0,)
    rc: bool = False
    stitch: bool = True
    cluster: float = 0.0
    old: bool = False
    merge_first: bool = True
    pull: bool = True
    half: bool = False
    batch_size: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "statistics", check_statistics(self.statistics))
        if not self.shifts:
            raise ScoreError("expected at least one shift, such as 0; received none")
        if not 0 <= self.cluster < 1:
            raise ScoreError(
                "variants share a window within a share of its length, from 0 to less than 1; "
                f"received {self.cluster:g}"
            )


class _Task(NamedTuple):
    variant: Variant
    plan: ShiftPlan
    sequences: tuple[Moved, ...]


class VariantScorer:
    """Scores variants by a model.

    Args:
        model: A model with one head.
        targets: The tracks.
        fasta: The genome.
        settings: How.

    Attributes:
        predictor: The model, as it is run.
        longest: The most bp that an allele may have.
        settings: As given.

    Raises:
        ScoreError: Model, targets and settings do not go together.
        SpecError: The targets table lacks what is needed to undo the squashing or to merge strands.
    """

    def __init__(
        self, model: SequenceModel, targets: TargetsTable, fasta: Fasta, *, settings: ScoreSettings
    ) -> None:
        self.predictor = Predictor(model, targets, rc=settings.rc, batch_size=settings.batch_size)
        self.longest = self.predictor.length // 2
        far = [shift for shift in settings.shifts if abs(shift) > self.longest]
        if far:
            raise ScoreError(
                f"a shift of {far[0]} bp moves more than half of the model's {self.longest * 2} bp "
                f"out of sight; expected shifts of a few bp"
            )
        self._targets = targets
        self._fasta = fasta
        self.settings = settings
        self._strands = Strands.of(targets)
        self._untransform = Untransform(targets, old=settings.old)

    def tracks(self) -> list[Target]:
        """Give the row of the targets table that names each scored track."""
        return self._strands.rows(self._targets)

    def layout(self) -> np.dtype:
        """Give the structure of a variant's scores.

        Returns:
            One field a statistic, of shape `(tracks,)`; REF and ALT `(shifts, bins, tracks)`.
        """
        tracks = (len(self._strands),)
        whole = (len(self.settings.shifts), self.predictor.bins, *tracks)
        names = self.settings.statistics
        kind = np.float16 if self.settings.half else np.float32
        return np.dtype(
            [(name, kind, whole if STATISTICS[name].is_coverage else tracks) for name in names]
        )

    def window(self, window: Window) -> Iterator[Mapping[str, Floats]]:
        """Score the variants of a window.

        Args:
            window: A window of the model's length with variants that were checked against the
                genome.

        Yields:
            For each variant, in their order, a mapping from statistic to float64 scores.
        """
        bases = self._fasta.fetch(window.chrom, window.start, window.end)
        shown = self.predictor.window(bases)
        reference = self._coverage(self._predict_reference(shown, bases))
        shared = len(window.variants) > 1
        most = max(1, _GROUP_VALUES // (reference.values[0].size * len(self.settings.shifts)))
        for first in range(0, len(window.variants), most):
            tasks = [
                self._task(variant, window, bases, shared=shared)
                for variant in window.variants[first : first + most]
            ]
            yield from self._scores(shown, tasks, window, reference)

    def _predict_reference(self, shown: PredictedWindow, bases: npt.NDArray[np.uint8]) -> Floats:
        shifts = self.settings.shifts
        return shown.predict([Moved(dna.shift(bases, shift), shift) for shift in shifts])

    def _task(
        self, variant: Variant, window: Window, bases: npt.NDArray[np.uint8], *, shared: bool
    ) -> _Task:
        """Lay out what must be predicted for a variant besides the reference in place."""
        plan = plan_shifts(variant.size, self.settings.shifts, shared=shared)
        lost = max(0, -variant.size) if self.settings.pull else 0
        following = self._fasta.fetch(window.chrom, window.end, window.end + lost)
        other = alternate_sequence(bases, variant, window.start, following=following)
        near = _near(plan.alternate, self.settings.shifts)
        sequences = [
            Moved(dna.shift(other, by), at) for by, at in zip(plan.alternate, near, strict=True)
        ]
        if plan.moved == "reference":
            sequences += [
                Moved(dna.shift(bases, by), at)
                for by, at in zip(plan.reference[1::2], self.settings.shifts, strict=True)
            ]
        return _Task(variant, plan, tuple(sequences))

    def _scores(
        self, shown: PredictedWindow, tasks: Sequence[_Task], window: Window, reference: Allele
    ) -> Iterator[Mapping[str, Floats]]:
        predictions = shown.predict([one for task in tasks for one in task.sequences])
        first = 0
        for task in tasks:
            last = first + len(task.sequences)
            ref, alt = self._alleles(task, window, reference, predictions[first:last])
            first = last
            yield self._compare(ref, alt)

    def _alleles(
        self, task: _Task, window: Window, reference: Allele, predictions: Floats
    ) -> tuple[Allele, Allele]:
        """Give the coverage of the file's reference and alternate allele."""
        variant, plan, _ = task
        made = self._coverage(predictions)
        if not plan.moved:
            return (made, reference) if variant.flipped else (reference, made)
        split = len(plan.alternate)
        ref = reference.values
        if plan.moved == "reference":
            pairs = np.stack([ref, made.values[split:]], axis=1)
            ref = pairs.reshape(-1, *ref.shape[1:])
        at = None
        if self.settings.stitch:
            model = self.predictor
            at = stitch_bin(variant, window.start, crop=model.crop, stride=model.stride)
        both = pair_predictions(ref, made.values[:split], plan=plan, at=at, flipped=variant.flipped)
        return Allele(both[0]), Allele(both[1])

    def _compare(self, ref: Allele, alt: Allele) -> dict[str, Floats]:
        strands = None if self.settings.merge_first else self._strands
        scores = score(ref, alt, self.settings.statistics, strands=strands)
        for name, values in scores.items():
            if STATISTICS[name].is_coverage and len(values) > len(self.settings.shifts):
                # Of the two predictions of an indel that are not joined, the one in place.
                scores[name] = values[0::2]
        return scores

    def _coverage(self, predictions: Floats) -> Allele:
        values = self._untransform(predictions)
        return Allele(self._strands.merge(values) if self.settings.merge_first else values)


def _near(places: Sequence[int], shifts: Sequence[int]) -> list[int]:
    """Give the ensemble's shift that each prediction of a plan belongs to."""
    times = len(places) // len(shifts)
    return [shift for shift in shifts for _ in range(times)]
