"""BigWig files: values over a stretch of a chromosome, and writing new ones.

Reading goes through pyBigWig. pybigtools took about the same time for windows read once, longer for
tracks that are mostly empty, and keeps all that it has unpacked in memory: tens of gigabytes for a
dense track of a human genome (benchmarks/bigwig_readers.py).
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import groupby, islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyBigWig

from whelp.files import Closing, atomic_path
from whelp.genome.bigwig_format import BigWigError as BigWigError
from whelp.genome.bigwig_format import check_file, check_whole
from whelp.wording import listed

_BATCH = 1 << 20
"""Intervals handed to the writer at once."""

_FEWEST = 1 << 16
_MOST_BYTES = 32
"""More than an interval takes in a file, with its part of indexes and zoom levels."""


class BigWig(Closing):
    """A BigWig file, open for reading; also a context manager.

    Attributes:
        path: The file.
        lengths: Chromosome -> its length in bp, in the order of the file.

    Raises:
        BigWigError: The file is not a BigWig, or is cut short.
        FileNotFoundError: There is no such file.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        check_file(self.path)
        try:
            self._file: Any = pyBigWig.open(str(self.path))
            lengths = self._file.chroms()
        except RuntimeError as error:
            raise _damaged(self.path) from error
        if lengths is None:
            raise _damaged(self.path)
        self.lengths: dict[str, int] = dict(lengths)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def values(self, chrom: str, start: int, end: int) -> npt.NDArray[np.float32]:
        """Read the value at each base.

        Args:
            chrom: A chromosome of the file.
            start: First base, from 0; may be negative.
            end: End, exclusive; may be beyond the chromosome.

        Returns:
            Array of shape `(end - start,)`, NaN where the file has no value, also beyond the ends
            of the chromosome.

        Raises:
            BigWigError: The file does not have the chromosome, or its data are damaged.
        """
        if chrom not in self.lengths:
            raise BigWigError(
                f"{self.path}: there is no chromosome {chrom!r}; the file has "
                f"{listed(self.lengths, most=10)}"
            )
        inside_start, inside_end = max(start, 0), min(end, self.lengths[chrom])
        if inside_start >= inside_end:
            return np.full(max(end - start, 0), np.nan, dtype=np.float32)
        values = self._read(chrom, inside_start, inside_end)
        if (inside_start, inside_end) == (start, end):
            return values
        return np.pad(
            values, (inside_start - start, end - inside_end), constant_values=np.float32(np.nan)
        )

    def _read(self, chrom: str, start: int, end: int) -> npt.NDArray[np.float32]:
        try:
            values: npt.NDArray[np.float32] = self._file.values(chrom, start, end, numpy=True)
        except RuntimeError as error:
            raise _damaged(self.path, f"{chrom}:{start:,}-{end:,} cannot be read") from error
        if not len(values):
            # A file without any value gives none back, not even NaN.
            return np.full(end - start, np.nan, dtype=np.float32)
        return values


class Step(NamedTuple):
    """A stretch of one value.

    Attributes:
        chrom: Chromosome.
        start: First base, from 0.
        end: End, exclusive.
        value: Value at each of its bases.
    """

    chrom: str
    start: int
    end: int
    value: float


class Runs(NamedTuple):
    """Stretches of one chromosome, each of one value.

    Attributes:
        chrom: Chromosome.
        starts: First bases, from 0, of shape `(stretches,)`.
        ends: Ends, exclusive, of the same shape.
        values: Value at each base of a stretch, of the same shape.
    """

    chrom: str
    starts: npt.NDArray[np.integer[Any]]
    ends: npt.NDArray[np.integer[Any]]
    values: npt.NDArray[np.generic]


def write_bigwig(path: str | Path, lengths: Mapping[str, int], intervals: Iterable[Step]) -> None:
    """Write a BigWig file as a whole or not at all.

    Args:
        path: File to write.
        lengths: Chromosome -> its length in bp.
        intervals: Stretches `(chrom, start, end, value)`, those of a chromosome together, in the
            order of `lengths`, sorted, without overlaps.

    Raises:
        BigWigError: The stretches are out of order or leave their chromosome.
        OSError: The disk is full or the folder cannot be written.
    """
    columns = ((chrom, list(zip(*batch, strict=True))) for chrom, batch in _batches(intervals))
    write_bigwig_runs(path, lengths, (Runs(chrom, *map(np.array, c[1:])) for chrom, c in columns))


def write_bigwig_values(
    path: str | Path,
    lengths: Mapping[str, int],
    values: Iterable[tuple[str, npt.NDArray[np.generic]]],
) -> None:
    """Write a BigWig file from the value at each base, as a whole or not at all.

    Args:
        path: File to write.
        lengths: Chromosome -> its length in bp.
        values: Chromosomes in the order of `lengths`, each with an array of shape `(length,)`.
            Equal neighbours become one stretch; NaN is left out.

    Raises:
        BigWigError: The chromosomes are out of order or an array is longer than its chromosome.
        OSError: The disk is full or the folder cannot be written.
    """
    runs = (_runs(chrom, array.astype(np.float32, copy=False)) for chrom, array in values)
    write_bigwig_runs(path, lengths, runs)


def write_bigwig_runs(path: str | Path, lengths: Mapping[str, int], runs: Iterable[Runs]) -> None:
    """Write a BigWig file from stretches in arrays, as a whole or not at all.

    Args:
        path: File to write.
        lengths: Chromosome -> its length in bp.
        runs: Stretches, chromosomes in the order of `lengths`, sorted, without overlaps.

    Raises:
        BigWigError, OSError: As for `write_bigwig`.
    """
    with _writer(path, lengths) as file:
        for part in runs:
            for batch in _checked(lengths, part):
                _check_room(Path(path), len(batch.starts))
                _add(file, batch)


@contextmanager
def _writer(path: str | Path, lengths: Mapping[str, int]) -> Iterator[Any]:
    with atomic_path(path) as temporary:
        file = pyBigWig.open(str(temporary), "w")
        try:
            file.addHeader(list(lengths.items()))
            yield file
        except BigWigError as error:
            raise BigWigError(f"{path}: {error}") from None
        except RuntimeError as error:
            raise BigWigError(
                f"{path}: the BigWig could not be written ({' '.join(str(error).split())}). "
                "Stretches must be sorted as the chromosomes are and not overlap, and their values "
                "be finite"
            ) from error
        finally:
            file.close()
        check_whole(temporary, Path(path))


def _check_room(path: Path, intervals: int) -> None:
    """Check that intervals find room on the disk: pyBigWig never returns when they do not.

    Raises:
        OSError: They may not.
    """
    if shutil.disk_usage(path.parent).free < max(intervals, _FEWEST) * _MOST_BYTES:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def _batches(intervals: Iterable[Step]) -> Iterator[tuple[str, list[Step]]]:
    """Group stretches of one chromosome, at most `_BATCH` at a time."""
    for chrom, steps in groupby(intervals, key=lambda step: step[0]):
        while batch := list(islice(steps, _BATCH)):
            yield chrom, batch


def _runs(chrom: str, values: npt.NDArray[np.float32]) -> Runs:
    """Give the stretches of equal values, without NaN."""
    bounds = np.flatnonzero(values[1:] != values[:-1]) + 1
    starts = np.concatenate(([0], bounds)) if len(values) else bounds
    ends = np.concatenate((bounds, [len(values)])) if len(values) else bounds
    kept = ~np.isnan(values[starts])
    return Runs(chrom, starts[kept], ends[kept], values[starts[kept]])


def _checked(lengths: Mapping[str, int], runs: Runs) -> Iterator[Runs]:
    """Give stretches that lie in their chromosome, at most `_BATCH` at a time."""
    chrom, starts, ends, values = runs
    if not len(starts):
        return
    if chrom not in lengths or starts[0] < 0 or ends.max() > lengths[chrom]:
        length = f"{lengths[chrom]:,} bp long" if chrom in lengths else "not among the chromosomes"
        raise BigWigError(f"a stretch ends at {chrom}:{ends.max():,}, but {chrom} is {length}")
    for at in range(0, len(starts), _BATCH):
        part = slice(at, at + _BATCH)
        yield Runs(chrom, starts[part], ends[part], values[part])


def _add(file: Any, runs: Runs) -> None:
    chrom, starts, ends, values = runs
    file.addEntries(
        np.full(len(starts), chrom),
        starts.astype(np.int64),
        ends=ends.astype(np.int64),
        values=values.astype(np.float64),
    )


def _damaged(path: Path, what: str = "it cannot be opened") -> BigWigError:
    return BigWigError(f"{path}: the BigWig is damaged: {what}. Copy or download it again")
