"""Stretches of a genome, BED files of them, and the few set operations that data sets need.

Coordinates are in bp, 0-based and half-open, as in BED.
"""

from __future__ import annotations

import gzip
import zlib
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from whelp.files import open_text

_HEADERS = ("#", "track", "browser")
_GZIP = b"\x1f\x8b"
_FINEST_BIN = 14
_BIN_STEP = 3
_BIN_LEVELS = 7


class BedError(ValueError):
    """A BED file, or another table of intervals, cannot be read as one; the line is named."""


class Interval(NamedTuple):
    """A stretch of a chromosome.

    Attributes:
        chrom: Name of the chromosome.
        start: First base, bp, counted from 0.
        end: The base after the last one, bp.
    """

    chrom: str
    start: int
    end: int


class BedRow(NamedTuple):
    """One line of a BED file.

    Attributes:
        interval: Where it is.
        fields: The columns after the third, as text.
        line: Its number in the file, from 1.
    """

    interval: Interval
    fields: tuple[str, ...]
    line: int


class Spans(NamedTuple):
    """The intervals of one chromosome, as columns.

    Attributes:
        starts: First bases, bp, int64 of shape `(intervals,)`.
        ends: Bases after the last ones, bp, int64 of shape `(intervals,)`.
    """

    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]


def read_bed(path: str | Path) -> list[BedRow]:
    """Read a BED file, plain or gzipped, in the order of its lines.

    Empty lines, comments, and `track` and `browser` lines are left out. Columns are separated by
    tabs, or by spaces where a line has no tab.

    Raises:
        BedError: A line has fewer than three columns, or its start or end is no position.
        OSError: The file cannot be read.
    """
    return list(bed_rows(path))


def bed_rows(path: str | Path) -> Iterator[BedRow]:
    """Read as `read_bed` does, one row after the other: memory does not grow with the file.

    Raises:
        BedError: As for `read_bed`.
        OSError: The file cannot be read.
    """
    for line, chrom, start, end, fields in _lines(Path(path)):
        yield BedRow(Interval(chrom, start, end), fields, line)


def read_spans(path: str | Path) -> dict[str, Spans]:
    """Read only the positions of a BED file: quicker and smaller than `read_bed`.

    Returns:
        For each chromosome, in the order of its first line, its intervals in the order of lines.

    Raises:
        BedError: As for `read_bed`.
        OSError: The file cannot be read.
    """
    columns: dict[str, tuple[array[int], array[int]]] = {}
    for _, chrom, start, end, _ in _lines(Path(path)):
        if chrom not in columns:
            columns[chrom] = (array("q"), array("q"))
        starts, ends = columns[chrom]
        starts.append(start)
        ends.append(end)
    return {
        chrom: Spans(np.array(starts, dtype=np.int64), np.array(ends, dtype=np.int64))
        for chrom, (starts, ends) in columns.items()
    }


def merge(intervals: Iterable[Interval]) -> list[Interval]:
    """Unite intervals that overlap or touch, as `bedtools sort | bedtools merge` does.

    Returns:
        Disjoint intervals, sorted by the chromosome's name and then by position.
    """
    united: list[Interval] = []
    for interval in sorted(intervals):
        last = united[-1] if united else None
        if last is not None and last.chrom == interval.chrom and interval.start <= last.end:
            if interval.end > last.end:
                united[-1] = last._replace(end=interval.end)
        else:
            united.append(interval)
    return united


def intersect(a: Iterable[Interval], b: Iterable[Interval]) -> list[Interval]:
    """Cut intervals to what others cover, as `bedtools intersect -a A -b B` does.

    The pieces come in bedtools' order: those of an interval of `a` follow the bins in which `b` is
    kept, the finest bins first, and within a bin the order of `b`.

    Args:
        a: What is cut.
        b: What it is cut to; where two of these overlap, so do the pieces. Empty ones cover
            nothing.

    Returns:
        Pieces of the intervals of `a`.
    """
    trees = _bin_trees(b)
    pieces: list[Interval] = []
    for interval in a:
        for start, end in _hits(trees.get(interval.chrom, {}), interval.start, interval.end):
            pieces.append(
                Interval(interval.chrom, max(start, interval.start), min(end, interval.end))
            )
    return pieces


def subtract(whole: Iterable[Interval], holes: Iterable[Interval]) -> list[Interval]:
    """Return what is left of intervals where others are taken out.

    Args:
        whole: Intervals, kept in their order.
        holes: What is taken out, in any order; they may overlap.

    Returns:
        The pieces that are left, none of them empty.
    """
    by_chrom: dict[str, list[Interval]] = {}
    for hole in merge(holes):
        by_chrom.setdefault(hole.chrom, []).append(hole)
    left: list[Interval] = []
    for interval in whole:
        start = interval.start
        for hole in by_chrom.get(interval.chrom, ()):
            if hole.end <= start or hole.start >= interval.end:
                continue
            if hole.start > start:
                left.append(Interval(interval.chrom, start, hole.start))
            start = max(start, hole.end)
        if start < interval.end:
            left.append(Interval(interval.chrom, start, interval.end))
    return left


def check_chromosomes(found: Iterable[str], known: Iterable[str], *, what: str) -> list[str]:
    """Check that a file and the genome call chromosomes by the same names.

    Args:
        found: Names in the file.
        known: Names in the genome.
        what: The file, for the error.

    Returns:
        The names that the genome does not have, sorted.

    Raises:
        BedError: None of the names is known, as with 1 in the place of chr1.
    """
    names, genome = set(found), set(known)
    strange = sorted(names - genome)
    if not names or names & genome:
        return strange
    hint = "is it of another assembly?"
    if any(f"chr{name}" in genome for name in names):
        hint = "write chr before them"
    elif any(name.removeprefix("chr") in genome for name in names):
        hint = "take chr off them"
    raise BedError(
        f"{what}: none of its chromosomes ({_few(strange)}) is in the genome, which has "
        f"{_few(sorted(genome))}; {hint}"
    )


def _few(names: Sequence[str], most: int = 4) -> str:
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")


def _lines(path: Path) -> Iterator[tuple[int, str, int, int, tuple[str, ...]]]:
    """Yield number, chromosome, start, end and further fields of each line that holds one."""
    try:
        with open_text(path) as lines:
            for number, line in enumerate(lines, start=1):
                text = line.rstrip("\r\n")
                if not text.strip() or text.startswith(_HEADERS[0]):
                    continue
                columns = text.split("\t") if "\t" in text else text.split()
                if columns[0].split(" ")[0] in _HEADERS:
                    continue
                yield number, *_parse(columns, path, number)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise BedError(f"{path}: the gzip file is damaged or cut short ({error})") from None
    except UnicodeDecodeError:
        raise BedError(f"{path}: this is no text; expected a BED file, plain or gzipped") from None


def _parse(columns: Sequence[str], path: Path, line: int) -> tuple[str, int, int, tuple[str, ...]]:
    try:
        start, end = int(columns[1]), int(columns[2])
    except (IndexError, ValueError):
        start, end = -1, -1
    if not columns[0] or not 0 <= start <= end:
        raise BedError(
            f"{path}, line {line}: expected chromosome, start and end (0 <= start <= end) in the "
            f"first three columns, separated by tabs; got {' '.join(columns)[:80]!r}"
        )
    return columns[0], start, end, tuple(columns[3:])


_Bins = dict[int, list[tuple[int, int]]]


def _bin_trees(intervals: Iterable[Interval]) -> Mapping[str, _Bins]:
    """Sort intervals into UCSC's bins: each into the smallest that holds it whole."""
    trees: dict[str, _Bins] = {}
    for chrom, start, end in intervals:
        if end > start:
            level = _level(start, end)
            key = _bin(level, start)
            trees.setdefault(chrom, {}).setdefault(key, []).append((start, end))
    return trees


def _hits(bins: _Bins, start: int, end: int) -> Iterator[tuple[int, int]]:
    if end <= start:
        return
    for level in range(_BIN_LEVELS):
        for key in range(_bin(level, start), _bin(level, end - 1) + 1):
            for hit in bins.get(key, ()):
                if hit[0] < end and hit[1] > start:
                    yield hit


def _level(start: int, end: int) -> int:
    first, last = start >> _FINEST_BIN, (end - 1) >> _FINEST_BIN
    level = 0
    while first != last and level < _BIN_LEVELS - 1:
        first, last, level = first >> _BIN_STEP, last >> _BIN_STEP, level + 1
    return level


def _bin(level: int, position: int) -> int:
    """Number of a bin; levels are kept apart by the bits above all positions."""
    return (level << 48) + (position >> (_FINEST_BIN + _BIN_STEP * level))
