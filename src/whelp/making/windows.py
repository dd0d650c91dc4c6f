"""Windows with their labels, and the BED files that hold them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from whelp.files import atomic_path
from whelp.genome.intervals import BedError, read_bed

_LABEL = re.compile(r"train|valid|test|fold\d+")
_SPLITS = ("train", "valid", "test")


class WindowError(ValueError):
    """Windows cannot be laid as asked; the message says what to change."""


class LabeledWindow(NamedTuple):
    """A window, or a contig, and the part of the data that it belongs to.

    Attributes:
        chrom: Name of the chromosome.
        start: First base of the *targets*, bp from 0: the sequence begins `crop_bp` before it.
        end: The base after the last one of the targets, bp.
        label: `train`, `valid`, `test`, or `fold0` and so on.
    """

    chrom: str
    start: int
    end: int
    label: str


def read_windows_bed(path: str | Path) -> list[LabeledWindow]:
    """Read a `sequences.bed` or `contigs.bed`: BED with the label in the fourth column.

    Raises:
        BedError: A line is no interval, or its label is none of these; or there are no lines.
        OSError: The file cannot be read.
    """
    windows = []
    for row in read_bed(path):
        label = row.fields[0].strip() if row.fields else ""
        if not _LABEL.fullmatch(label):
            raise BedError(
                f"{path}, line {row.line}: expected a label (train, valid, test, fold0, fold1, "
                f"...) in the fourth column; got {label!r}"
            )
        windows.append(LabeledWindow(*row.interval, label))
    if not windows:
        raise BedError(f"{path}: there are no windows in it")
    return windows


def write_windows_bed(path: str | Path, windows: Iterable[LabeledWindow]) -> None:
    """Write a `sequences.bed` or `contigs.bed`, in one step.

    Raises:
        OSError: The file cannot be written.
    """
    text = "".join(f"{chrom}\t{start}\t{end}\t{label}\n" for chrom, start, end, label in windows)
    with atomic_path(path) as partial:
        partial.write_text(text, encoding="utf-8")


def sorted_labels(labels: Iterable[str]) -> list[str]:
    """Return each label once: train, valid, test, then folds by their numbers."""

    def place(label: str) -> tuple[int, int]:
        if label in _SPLITS:
            return 0, _SPLITS.index(label)
        return 1, int(label.removeprefix("fold"))

    return sorted(set(labels), key=place)
