"""Which folds of a data set a pretrained model has been trained on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from whelp.folds.errors import FoldsError
from whelp.making.findings import Findings
from whelp.making.window_checks import (
    Overlap,
    held_out_labels,
    trained_regions,
    window_overlaps,
)
from whelp.making.windows import LabeledWindow, read_windows_bed

UNKNOWN = "unknown"
"""Says in tables that nobody knows what a pretrained model was trained on."""


@dataclass(frozen=True)
class Pretraining:
    """What a pretraining did with the folds of a data set.

    Attributes:
        source: The file of its windows.
        trained: Fold -> how much of it was trained on.
        test: The fold that was held out for test; None if there is no such fold.
        valid: The same for validation.
        notes: What was assumed.
    """

    source: str
    trained: Mapping[int, Overlap]
    test: int | None = None
    valid: int | None = None
    notes: Sequence[str] = field(default=())

    @property
    def unseen(self) -> list[int]:
        """Folds of which nothing was trained on."""
        return [fold for fold, overlap in self.trained.items() if not overlap.seen]


def read_pretraining(
    windows_file: str | Path, split: str | Path, *, held_out: Sequence[str] = ()
) -> Pretraining:
    """Compares the folds of a data set with the windows of a pretraining.

    Args:
        windows_file: `sequences.bed` of the data set.
        split: `sequences.bed` of the pretraining, with folds or train, valid and test.
        held_out: Its labels that were not trained on, that of the test first. By default test and
            valid; where there are folds, fold3 and fold4, as of Borzoi's released models.

    Raises:
        FoldsError: The files have no chromosome in common, or the label is not there.
        whelp.genome.intervals.BedError: A file holds no windows.
        OSError: A file cannot be read.
    """
    known, windows = read_windows_bed(split), read_windows_bed(windows_file)
    found = Findings()
    labels = held_out_labels(known, held_out, Path(split), found)
    if not {window.chrom for window in windows} & {window.chrom for window in known}:
        found.faults.append(f"{split} and {windows_file} have no chromosome in common")
    if found.faults:
        raise FoldsError("; ".join(found.faults))
    all_labels = {window.label for window in known}
    trained = _overlaps(windows, known, all_labels.difference(labels))
    unseen = [fold for fold, overlap in trained.items() if not overlap.seen]
    test, valid = (
        _most(_overlaps(windows, known, [label]), unseen) for label in [*labels, "", ""][:2]
    )
    return Pretraining(str(split), trained, test, valid, (*found.notes, *found.warnings))


def _overlaps(
    windows: Sequence[LabeledWindow], known: Sequence[LabeledWindow], labels: Collection[str]
) -> dict[int, Overlap]:
    """Compares each fold of some windows with those of other windows that have certain labels."""
    others = {window.label for window in known}.difference(labels)
    overlaps = window_overlaps(windows, trained_regions(known, others))
    return {int(each.label.removeprefix("fold")): each for each in overlaps}


def _most(overlaps: Mapping[int, Overlap], folds: Sequence[int]) -> int | None:
    """Chooses the fold of which most is covered, if any is."""
    best = max(folds, key=lambda fold: overlaps[fold].share, default=None)
    return best if best is not None and overlaps[best].share else None


def leak(pretrained: Sequence[Pretraining | None], *, test: int, valid: int) -> str:
    """Names the held-out windows of a replicate that its trunk has been trained on.

    Args:
        pretrained: What the pretraining did with each data set; None where nobody knows.
        test: Fold of the test windows.
        valid: Fold of the validation windows.

    Returns:
        `test`, `valid`, `test+valid`, `unknown`, or nothing.
    """
    known = [each for each in pretrained if each is not None]
    seen = [
        name
        for name, fold in (("test", test), ("valid", valid))
        if any(fold in each.trained and each.trained[fold].seen for each in known)
    ]
    return "+".join(seen) or ("" if len(known) == len(pretrained) else UNKNOWN)


def refuse_leak(name: str, pretrained: Sequence[Pretraining | None], folds: Sequence[int]) -> None:
    """Refuses a replicate whose trunk has seen its held-out windows.

    Args:
        name: The replicate.
        pretrained: What the pretraining did with each data set; None where nobody knows.
        folds: Its folds of test and of validation windows.

    Raises:
        FoldsError: Always, with what was seen and which folds were not.
    """
    known = [each for each in pretrained if each is not None]
    seen = [
        f"{overlap.seen} of {overlap.windows} {part} windows (fold {fold}; {overlap.share:.0%} of "
        f"their bases) overlap with what {each.source} was trained on"
        for each in known
        for part, fold in zip(("test", "validation"), folds, strict=True)
        if (overlap := each.trained.get(fold)) is not None and overlap.seen
    ]
    unseen = sorted(set.intersection(*(set(each.unseen) for each in known)))
    clean = ", ".join(map(str, unseen)) or "none: take the windows of the pretraining (whelp data "
    if not unseen:
        clean += "--windows)"
    assumed = "".join(f" ({note})" for each in known for note in each.notes)
    raise FoldsError(
        f"{name}: {'; '.join(seen)}: accuracy on them would be too good. Folds that the weights "
        f"have not seen: {clean}{assumed}. --allow-leak trains all the same, and says so in every "
        "table"
    )


def leak_words(leak: str) -> str:
    """Says what the short word of a table means."""
    if leak == UNKNOWN:
        return "it is not known whether the weights were trained on the held-out windows before"
    parts = leak.replace("+", " and ")
    return f"the weights were trained on {parts} windows before: accuracy there is too good"
