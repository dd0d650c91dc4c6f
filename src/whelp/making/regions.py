"""Windows and labels that are given: those that a model was pretrained with, for one."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from whelp.genome.intervals import Interval, check_chromosomes, merge
from whelp.making.settings import WindowSettings
from whelp.making.windows import LabeledWindow, WindowError, read_windows_bed, sorted_labels


@dataclass(frozen=True)
class GivenWindows:
    """Windows that were taken from a file.

    Attributes:
        windows: Those of a label after one another, else in the order of the file.
        rows: The row of the file that each comes from.
        unchanged: Whether all rows were taken, as long as they are in the file.
        notes: What a user should be told.
    """

    windows: list[LabeledWindow]
    rows: list[int]
    unchanged: bool
    notes: list[str] = field(default_factory=list)

    @property
    def contigs(self) -> list[LabeledWindow]:
        """What the windows of each label cover."""
        return [
            LabeledWindow(*contig, label)
            for label in sorted_labels(window.label for window in self.windows)
            for contig in merge(Interval(*w[:3]) for w in self.windows if w.label == label)
        ]

    def load_mask(self, path: Path, target_length: int) -> npt.NDArray[np.bool_]:
        """Read the unmappable bins of the file's windows.

        Args:
            path: A `.npy` file, with a row for each row of the file of windows.
            target_length: Bins of a window.

        Returns:
            Array of shape `(windows, target_length)`.

        Raises:
            WindowError: The file is of other windows.
        """
        try:
            mask = np.load(path, allow_pickle=False)
        except ValueError as error:
            raise WindowError(f"{path}: cannot be read as an array ({error})") from None
        wanted = (len(self.rows), target_length)
        if mask.shape != wanted or mask.dtype != np.bool_ or not self.unchanged:
            raise WindowError(
                f"{path}: the mask is of other windows; expected bool of shape {wanted}, got "
                f"{mask.dtype} of shape {mask.shape}. Give the unmappable regions as BED"
            )
        rows: npt.NDArray[np.bool_] = mask[self.rows]
        return rows


def take_windows(lengths: Mapping[str, int], settings: WindowSettings) -> GivenWindows:
    """Take windows and their labels from the file `settings.regions`.

    Windows of another length than this model's targets are cut to their middle, or widened around
    it; then windows of different labels must not overlap. With `as_reference` they are taken as
    they are.

    Args:
        lengths: Chromosome -> length, bp.
        settings: Lengths, labels to test and validate on, and how much is kept.

    Raises:
        WindowError: A window is not within its chromosome, or two labels claim the same bases.
        whelp.genome.intervals.BedError: The file cannot be read, or is of another genome.
    """
    assert settings.regions is not None
    path = settings.regions
    rows = read_windows_bed(path)
    notes: list[str] = []
    strange = set(check_chromosomes((row.chrom for row in rows), lengths, what=str(path)))
    _check_inside(rows, lengths, path)
    if settings.as_reference:
        _check_reference(rows, strange, settings)
        return _grouped(dict(enumerate(rows)), rows, notes)
    chosen = {at: row for at, row in enumerate(rows) if row.chrom not in strange}
    if len(chosen) < len(rows):
        notes.append(
            f"{len(rows) - len(chosen):,} of {len(rows):,} windows of {path} are on chromosomes "
            "that the genome does not have, and are left out"
        )
    chosen = _relabelled(chosen, settings)
    chosen = _resized(chosen, lengths, settings, notes)
    _check_conflicts(chosen, path, notes)
    chosen = _sampled(chosen, settings)
    given = _grouped(chosen, rows, notes)
    _note_missing(given, path)
    return given


def _check_inside(rows: Sequence[LabeledWindow], lengths: Mapping[str, int], path: Path) -> None:
    for row in rows:
        if row.end > lengths.get(row.chrom, row.end) or row.end <= row.start:
            raise WindowError(
                f"{path}: the window {row.chrom}:{row.start:,}-{row.end:,} is not within its "
                f"chromosome, which has {lengths.get(row.chrom, 0):,} bp; is the file of another "
                "assembly?"
            )


def _check_reference(
    rows: Sequence[LabeledWindow], strange: set[str], settings: WindowSettings
) -> None:
    if strange:
        raise WindowError(
            f"{settings.regions}: chromosomes are not in the genome: {', '.join(sorted(strange))}"
        )
    for row in rows:
        if row.end - row.start != settings.target_bp:
            raise WindowError(
                f"{settings.regions}: the window {row.chrom}:{row.start:,}-{row.end:,} has "
                f"{row.end - row.start:,} bp; sequence length and crop give "
                f"{settings.target_bp:,} bp"
            )


def _relabelled(
    rows: Mapping[int, LabeledWindow], settings: WindowSettings
) -> dict[int, LabeledWindow]:
    """Turn folds into train, valid and test, where it is said which are the latter."""
    if settings.valid is None and settings.test is None:
        return dict(rows)
    names = settings.split_names
    known = sorted_labels(row.label for row in rows.values())
    if names is None or not {*names[0], *names[1]} <= set(known) or set(names[0]) & set(names[1]):
        raise WindowError(
            f"with given windows, validation and test are different labels of theirs "
            f"({', '.join(known)}); got {settings.valid!r} for validation and {settings.test!r} "
            "for test"
        )
    new = {label: "valid" for label in names[0]} | {label: "test" for label in names[1]}
    return {at: row._replace(label=new.get(row.label, "train")) for at, row in rows.items()}


def _resized(
    rows: Mapping[int, LabeledWindow],
    lengths: Mapping[str, int],
    settings: WindowSettings,
    notes: list[str],
) -> dict[int, LabeledWindow]:
    """Cut or widen windows to the length of this model's targets."""
    resized = {
        at: window
        for at, row in rows.items()
        if (window := _resize(row, lengths[row.chrom], settings)) is not None
    }
    target = settings.target_bp
    given = sorted({row.end - row.start for row in rows.values()} - {target})
    if given:
        span = f"{given[0]:,}" if len(given) == 1 else f"{given[0]:,} to {given[-1]:,}"
        notes.append(f"Windows of {span} bp were made {target:,} bp long, around their middle")
    if len(resized) < len(rows):
        notes.append(
            f"{len(rows) - len(resized):,} windows are left out: their chromosomes are shorter "
            f"than {target:,} bp"
        )
    return resized


def _resize(row: LabeledWindow, length: int, settings: WindowSettings) -> LabeledWindow | None:
    target = settings.target_bp
    if row.end - row.start == target:
        return row
    # Bins stay where they were, unless windows are to begin at multiples of something else.
    step = settings.snap if settings.snap > 1 else settings.pool_width
    begin = 0 if settings.snap > 1 else row.start % step
    start = row.start + (row.end - row.start - target) // 2
    start -= (start - begin) % step
    if start < 0:
        start = begin
    if start + target > length:
        start -= -(-(start + target - length) // step) * step
    return None if start < 0 else row._replace(start=start, end=start + target)


def _check_conflicts(rows: dict[int, LabeledWindow], path: Path, notes: list[str]) -> None:
    """Take out repeated windows; windows of different labels must not share bases."""
    first: dict[LabeledWindow, int] = {}
    repeated = [at for at, row in rows.items() if first.setdefault(row, at) != at]
    for at in repeated:
        del rows[at]
    if repeated:
        notes.append(f"{len(repeated):,} windows of {path} stand there twice, and are taken once")
    labels = {row.label for row in rows.values()}
    covered = sorted(
        (contig, label)
        for label in labels
        for contig in merge(Interval(*row[:3]) for row in rows.values() if row.label == label)
    )
    # Within a label nothing overlaps any more: what overlaps the one before is of another.
    for (before, other), (contig, label) in pairwise(covered):
        if contig.chrom == before.chrom and contig.start < before.end:
            end = min(before.end, contig.end)
            raise WindowError(
                f"{path}: {contig.chrom}:{contig.start:,}-{end:,} is in windows of {other} and in "
                f"windows of {label}, so that one could be learned from the other. Take windows "
                "that do not overlap, or a model with shorter targets"
            )


def _sampled(
    rows: Mapping[int, LabeledWindow], settings: WindowSettings
) -> dict[int, LabeledWindow]:
    """Keep a share of each label's windows, in their order."""
    if settings.sample >= 1:
        return dict(rows)
    draw = random.Random(settings.seed)
    kept: list[int] = []
    for label in sorted_labels(row.label for row in rows.values()):
        own = [at for at, row in rows.items() if row.label == label]
        kept += draw.sample(own, max(1, int(settings.sample * len(own))))
    return {at: rows[at] for at in sorted(kept)}


def _grouped(
    rows: Mapping[int, LabeledWindow], file: Sequence[LabeledWindow], notes: list[str]
) -> GivenWindows:
    labels = sorted_labels(row.label for row in rows.values())
    order = sorted(rows, key=lambda at: labels.index(rows[at].label))
    unchanged = len(rows) == len(file) and all(rows[at][:3] == file[at][:3] for at in rows)
    return GivenWindows([rows[at] for at in order], order, unchanged, notes)


def _note_missing(given: GivenWindows, path: Path) -> None:
    labels = sorted_labels(window.label for window in given.windows)
    if not labels:
        raise WindowError(f"{path}: no window of it can be used")
    splits = ("train", "valid", "test")
    if any(label in splits for label in labels):
        missing = [label for label in splits if label not in labels]
        given.notes.extend(f"{path} has no {label} windows" for label in missing)
