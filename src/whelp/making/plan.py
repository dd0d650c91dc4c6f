"""Which windows of a genome a data set holds, and what each is for."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from whelp.genome.fasta import chromosome_lengths
from whelp.genome.intervals import BedError, check_chromosomes, read_spans
from whelp.making.division import Division, divide_genome, wanted_labels, window_starts
from whelp.making.mappability import unmappable_bins
from whelp.making.regions import GivenWindows, take_windows
from whelp.making.settings import WindowSettings
from whelp.making.windows import LabeledWindow, WindowError, read_windows_bed, sorted_labels
from whelp.specs import TargetsTable

__all__ = ["WindowError", "WindowPlan", "WindowSettings", "plan_windows"]

_Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class WindowPlan:
    """The windows of a data set.

    Attributes:
        contigs: Stretches of the genome that were shared out, with their labels.
        windows: Windows, those of a label after one another, in the order of `labels`.
        unmappable: Which bins of each window cannot be mapped to, bool of shape
            `(windows, target_length)`; None where mappability is not known.
        labels: `train`, `valid`, `test`, or `fold0` and so on; each has windows.
        notes: What a user should be told.
    """

    contigs: list[LabeledWindow]
    windows: list[LabeledWindow]
    unmappable: _Mask | None
    labels: list[str]
    notes: list[str] = field(default_factory=list)


def plan_windows(genome: Path, targets: TargetsTable, settings: WindowSettings) -> WindowPlan:
    """Lay windows over a genome and share them out between training, validation and test.

    Args:
        genome: FASTA file (see `whelp.genome.fasta.Fasta`), or a table of chromosome lengths.
        targets: The tracks; their files are read for `peaks_only` only.
        settings: How.

    Returns:
        The windows.

    Raises:
        WindowError: Settings contradict one another, or a label is left without windows.
        whelp.genome.fasta.FastaError: The genome cannot be used.
        whelp.genome.intervals.BedError: A BED file cannot be used.
    """
    settings.check()
    lengths = chromosome_lengths(genome)
    if settings.regions is not None:
        return _plan_given(lengths, settings)
    return plan_division(divide_genome(lengths, targets, settings), lengths, settings)


def plan_division(
    division: Division, lengths: Mapping[str, int], settings: WindowSettings
) -> WindowPlan:
    """Lay windows over contigs that have been shared out.

    Args:
        division: The contigs.
        lengths: Chromosome -> length, bp.
        settings: How.

    Raises:
        WindowError: A label is left without windows.
        whelp.genome.intervals.BedError: The BED file of unmappable regions cannot be used.
    """
    windows = lay_windows(division, settings)
    _check_filled(windows, division, settings)
    mask, notes = None, list(division.notes)
    if settings.unmappable is not None:
        mask = _mask(windows, lengths, settings)
        before = windows
        windows, mask = _mappable(windows, mask, settings)
        notes += _left_out(before, windows, settings)
    labels = sorted_labels(window.label for window in windows)
    return WindowPlan(division.contigs, windows, mask, labels, notes)


def lay_windows(division: Division, settings: WindowSettings) -> list[LabeledWindow]:
    """Lay windows over contigs, in random order within each label.

    Numbers are drawn as Baskerville draws them: first the order of a label, then its sample.
    """
    draw = random.Random(settings.seed)
    train_step, test_step = settings.steps
    laid: list[LabeledWindow] = []
    for part in division.parts:
        step = test_step if part.label in ("valid", "test") else train_step
        windows = [
            LabeledWindow(contig.chrom, start, start + settings.target_bp, part.label)
            for contig in part.contigs
            for start in window_starts(contig, settings, step=step)
        ]
        draw.shuffle(windows)
        if settings.sample < 1:
            windows = draw.sample(windows, _sample_size(len(windows), settings))
        laid += windows
    return laid


def _sample_size(number: int, settings: WindowSettings) -> int:
    """How many windows of a label are kept; unlike Baskerville, one at least."""
    kept = int(settings.sample * number)
    return kept if settings.as_reference else max(kept, min(number, 1))


def _plan_given(lengths: Mapping[str, int], settings: WindowSettings) -> WindowPlan:
    given = take_windows(lengths, settings)
    windows, mask, notes = given.windows, None, list(given.notes)
    if settings.unmappable is not None:
        if settings.unmappable.suffix == ".npy":
            mask = given.load_mask(settings.unmappable, settings.target_length)
        else:
            mask = _mask(windows, lengths, settings)
        if not settings.as_reference:
            before = windows
            windows, mask = _mappable(windows, mask, settings)
            notes += _left_out(before, windows, settings)
    labels = sorted_labels(window.label for window in windows)
    return WindowPlan(_given_contigs(given, settings), windows, mask, labels, notes)


def _given_contigs(given: GivenWindows, settings: WindowSettings) -> list[LabeledWindow]:
    """Keep the contigs of Baskerville's data set, where windows are taken from one."""
    assert settings.regions is not None
    beside = settings.regions.with_name("contigs.bed")
    if settings.as_reference and beside.exists():
        try:
            return read_windows_bed(beside)
        except BedError:
            # It is of no use to the data set; another one is written.
            pass
    return given.contigs


def _mask(
    windows: Sequence[LabeledWindow], lengths: Mapping[str, int], settings: WindowSettings
) -> _Mask:
    assert settings.unmappable is not None
    spans = read_spans(settings.unmappable)
    check_chromosomes(spans, lengths, what=str(settings.unmappable))
    mask = unmappable_bins(windows, spans, settings.pool_width)
    if settings.as_reference:
        # Where contigs overlap, a window stands twice, and Baskerville marks the last alone.
        last = {(window.chrom, window.start): at for at, window in enumerate(windows)}
        twice = np.ones(len(windows), dtype=bool)
        twice[list(last.values())] = False
        mask[twice] = False
    return mask


def _mappable(
    windows: Sequence[LabeledWindow], mask: _Mask, settings: WindowSettings
) -> tuple[list[LabeledWindow], _Mask]:
    keep = mask.mean(axis=1, dtype="float64") < settings.unmappable_fraction
    kept = [window for window, mappable in zip(windows, keep, strict=True) if mappable]
    if lost := {window.label for window in windows} - {window.label for window in kept}:
        raise WindowError(
            f"no window is left for {', '.join(sorted_labels(lost))}: all have "
            f"{settings.unmappable_fraction:g} or more of their bins in unmappable regions "
            f"({settings.unmappable}); raise the fraction that is allowed, or hold out other "
            "parts of the genome"
        )
    return kept, mask[keep]


def _left_out(
    before: Sequence[LabeledWindow], after: Sequence[LabeledWindow], settings: WindowSettings
) -> list[str]:
    counts = Counter(window.label for window in before)
    counts.subtract(window.label for window in after)
    lost = [f"{counts[label]:,} {label}" for label in sorted_labels(counts) if counts[label]]
    if not lost:
        return []
    share = settings.unmappable_fraction
    return [f"Windows left out because {share:g} of them or more is unmappable: {', '.join(lost)}"]


def _check_filled(
    windows: Sequence[LabeledWindow], division: Division, settings: WindowSettings
) -> None:
    """Check that every label has windows.

    Raises:
        WindowError: One has none; the message says what to change.
    """
    filled = {window.label for window in windows}
    empty = [label for label in wanted_labels(settings) if label not in filled]
    if not empty:
        return
    pieces = sum(part.pieces for part in division.parts)
    if settings.folds is None and settings.split_names is not None:
        advice = "choose chromosomes that windows fit into"
    else:
        advice = "break contigs into shorter pieces, name chromosomes for validation and test, or "
        advice += "ask for fewer folds" if settings.folds is not None else "raise their shares"
    if settings.sample < 1:
        advice += ", or sample more"
    if settings.as_reference:
        advice += "; `whelp data` also uses the longest contig, which this command leaves out"
    raise WindowError(
        f"no window is left for {', '.join(empty)}: {pieces:,} contigs of at most "
        f"{division.longest:,} bp were shared out, and the targets of a window cover "
        f"{settings.target_bp:,} bp; {advice}"
    )
