"""Coverage of the two alleles of variants, as a model predicts it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from whelp.genome import dna
from whelp.genome.alternates import alternate_sequence
from whelp.genome.fasta import Fasta
from whelp.genome.indel_shifts import ShiftPlan, pair_predictions, plan_shifts, stitch_bin
from whelp.genome.variant_windows import Window
from whelp.genome.variants import Variant
from whelp.models import SequenceModel
from whelp.scoring.predictor import Floats, Moved, PredictedWindow, Predictor
from whelp.scoring.settings import ScoreSettings
from whelp.scoring.statistics import Allele
from whelp.specs import TargetsTable

Bins = npt.NDArray[np.int64]

_GROUP_VALUES = 1 << 23
# Scattered variants: a reference and an alternate at a time. Four would take a tenth less time and
# a tenth of a gigabyte more (the mini Borzoi on a CPU).
_FEW = 2


class Pair(NamedTuple):
    """What is compared for a variant.

    Attributes:
        window: The window it lies in.
        variant: The variant.
        ref: Coverage of the file's reference allele, of shape `(shifts, bins, tracks)`.
        alt: Coverage of its alternate allele, of the same shape.
    """

    window: Window
    variant: Variant
    ref: Allele
    alt: Allele


class _Task(NamedTuple):
    variant: Variant
    plan: ShiftPlan
    sequences: tuple[Moved, ...]


class _Shown(NamedTuple):
    """A window of which more variants may come."""

    key: Any
    bases: npt.NDArray[np.uint8]
    shown: PredictedWindow
    reference: Allele


class AlleleCoverage:
    """Predicts both alleles of variants; windows that variants share are predicted once.

    Args:
        model: A model with one head.
        targets: The tracks.
        fasta: The genome.
        settings: How.
        coverage: Makes coverage of squashed predictions `(shifts, bins, tracks)`, bin by bin: it is
            called once for what alleles share.

    Attributes:
        predictor: The model, as it is run.
        longest: The most bp that an allele may have.
        settings: As given.

    Raises:
        ScoreError: Model, targets and settings do not go together.
    """

    def __init__(
        self,
        model: SequenceModel,
        targets: TargetsTable,
        fasta: Fasta,
        *,
        settings: ScoreSettings,
        coverage: Callable[[Floats], Floats],
    ) -> None:
        self.predictor = Predictor.of(model, targets, settings)
        self.longest = self.predictor.length // 2
        self.settings = settings
        self._tracks = len(targets)
        self._copies = len(settings.shifts) * (2 if settings.rc else 1)
        self._last: _Shown | None = None
        self._fasta = fasta
        self._coverage = coverage

    def pairs(
        self, windows: Sequence[Window], *, bins_of: Callable[[Window], Bins] | None = None
    ) -> Iterator[Pair]:
        """Predict the alleles of the variants in some windows.

        Args:
            windows: Windows of the model's length with variants that were checked against the
                genome. Those with few variants are predicted together. Results depend on which
                windows are given together by rounding only.
            bins_of: Gives the bins of a window that are wanted, sorted; None for all. Others are
                not computed, as far as layers allow.

        Yields:
            A pair for each variant, in the order of the windows and their variants. Pairs of a
            window share the object of the reference where it is the same.
        """
        asked = [(window, None if bins_of is None else bins_of(window)) for window in windows]
        if len(windows) == 1 and windows[0].shared:
            yield from self._alone(*asked[0])
            return
        for group in self._groups(asked):
            if self._sequences(group) > self._most(group[0][1]):
                yield from self._alone(*group[0])
            else:
                yield from self._together(group)

    def _groups(
        self, asked: Sequence[tuple[Window, Bins | None]]
    ) -> Iterator[list[tuple[Window, Bins | None]]]:
        """Put windows together until there are as many sequences as are run at a time."""
        most = self.settings.batch_size or _FEW
        group: list[tuple[Window, Bins | None]] = []
        for one in asked:
            if group and self._sequences([*group, one]) > most:
                yield group
                group = []
            group.append(one)
        if group:
            yield group

    def _sequences(self, group: Sequence[tuple[Window, Bins | None]]) -> int:
        """Count the sequences that are predicted for windows, references among them."""
        return self._copies * sum(1 + len(window.variants) for window, _ in group)

    def _most(self, bins: Bins | None) -> int:
        """The most sequences whose predictions are held at a time."""
        number = self.predictor.bins if bins is None else len(bins)
        values = max(1, self._tracks * number)
        return max(self.predictor.engine.batch_size, _GROUP_VALUES // values)

    def _together(self, group: Sequence[tuple[Window, Bins | None]]) -> Iterator[Pair]:
        """Predict references and other sequences of several windows at once."""
        tasks, asked = [], []
        for window, bins in group:
            bases = self._fasta.fetch(window.chrom, window.start, window.end)
            tasks.append([self._task(variant, window, bases) for variant in window.variants])
            sequences = [one for task in tasks[-1] for one in task.sequences]
            moved = [*self._moved(bases), *sequences]
            asked.append((self.predictor.window(bases), moved, bins))
        predicted = self.predictor.predict(asked)
        split = len(self.settings.shifts)
        for (window, bins), some, predictions in zip(group, tasks, predicted, strict=True):
            reference = Allele(self._coverage(predictions[:split]))
            yield from self._pairs(some, window, reference, predictions[split:], bins)

    def _alone(self, window: Window, bins: Bins | None) -> Iterator[Pair]:
        """Predict a window's variants, some at a time.

        The reference goes by itself, so that it does not depend on how many variants there are, and
        serves those of the same window that come later.
        """
        key = (window.chrom, window.start, window.end, None if bins is None else bins.tobytes())
        if self._last is None or self._last.key != key:
            self._last = None
            bases = self._fasta.fetch(window.chrom, window.start, window.end)
            shown = self.predictor.window(bases)
            values = self._coverage(shown.predict(self._moved(bases), bins=bins))
            self._last = _Shown(key, bases, shown, Allele(values))
        _, bases, shown, reference = self._last
        most = max(1, self._most(bins) // self._copies)
        for first in range(0, len(window.variants), most):
            tasks = [
                self._task(variant, window, bases)
                for variant in window.variants[first : first + most]
            ]
            predictions = shown.predict(
                [one for task in tasks for one in task.sequences], bins=bins
            )
            yield from self._pairs(tasks, window, reference, predictions, bins)

    def _moved(self, bases: npt.NDArray[np.uint8]) -> list[Moved]:
        return [Moved(dna.shift(bases, shift), shift) for shift in self.settings.shifts]

    def _task(self, variant: Variant, window: Window, bases: npt.NDArray[np.uint8]) -> _Task:
        """Lay out what must be predicted for a variant besides the reference in place."""
        plan = plan_shifts(variant.size, self.settings.shifts, shared=window.shared)
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

    def _pairs(
        self,
        tasks: Sequence[_Task],
        window: Window,
        reference: Allele,
        predictions: Floats,
        bins: Bins | None,
    ) -> Iterator[Pair]:
        first = 0
        for task in tasks:
            last = first + len(task.sequences)
            made = Allele(self._coverage(predictions[first:last]))
            first = last
            ref, alt = self._alleles(task, window, reference, made, bins)
            yield Pair(window, task.variant, ref, alt)

    def _alleles(
        self, task: _Task, window: Window, reference: Allele, made: Allele, bins: Bins | None
    ) -> tuple[Allele, Allele]:
        """Give the coverage of the file's reference and alternate allele."""
        variant, plan, _ = task
        if variant.ref == variant.alt:
            # Predicted in another batch it would differ by rounding; its scores are exactly 0.
            return reference, reference
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
            at = at if bins is None else int(np.searchsorted(bins, at))
        both = pair_predictions(ref, made.values[:split], plan=plan, at=at, flipped=variant.flipped)
        return Allele(both[0]), Allele(both[1])


def _near(places: Sequence[int], shifts: Sequence[int]) -> list[int]:
    """Give the ensemble's shift that each prediction of a plan belongs to."""
    times = len(places) // len(shifts)
    return [shift for shift in shifts for _ in range(times)]
