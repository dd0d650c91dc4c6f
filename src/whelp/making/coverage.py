"""Files of coverage, read window by window: BigWig, wigHDF5 (.w5), BED and narrowPeak."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from whelp.files import Closing
from whelp.genome.bigwig import BigWig
from whelp.genome.intervals import read_spans
from whelp.making.overlaps import united, within
from whelp.making.pooling import LARGEST, round_to_half

BIGWIG_ENDINGS = (".bw", ".bigwig")
HDF5_ENDINGS = (".w5", ".wdf5", ".h5", ".hdf5")
BED_ENDINGS = (".bed", ".narrowpeak", ".bed.gz", ".narrowpeak.gz")


class CoverageError(ValueError):
    """A coverage file that cannot be used, or lacks what was asked of it."""


class Coverage(Closing):
    """A file of coverage, open for reading; also a context manager.

    Attributes:
        path: The file.
        lengths: Contig -> its length in bp; for a BED file, the end of its last interval.
        is_peaks: Whether the file lists peaks: a contig that it does not have then has none, and
            is not one that was never measured.
        is_array: Whether the reference takes what the file does not have for 0.
    """

    is_peaks = False
    is_array = False

    def __init__(self, path: Path, lengths: dict[str, int]) -> None:
        self.path = path
        self.lengths = lengths

    @abstractmethod
    def read(self, chrom: str, start: int, end: int) -> npt.NDArray[np.float32]:
        """Read the coverage of a stretch of the genome.

        Args:
            chrom: Contig, as the file calls it.
            start: First base, from 0; may be negative.
            end: End, exclusive; may be beyond the contig.

        Returns:
            Array of shape `(end - start,)` that the caller may change; NaN where a BigWig has no
            value. Contigs and stretches that other files do not have are 0.

        Raises:
            ValueError: The file is damaged, or a BigWig does not have the contig.
        """


class BigWigCoverage(Coverage):
    """A BigWig. Its values are rounded to 16-bit floats, as those of .w5 files are."""

    def __init__(self, path: Path) -> None:
        self._file = BigWig(path)
        super().__init__(path, self._file.lengths)

    def read(self, chrom: str, start: int, end: int) -> npt.NDArray[np.float32]:
        """Read values; NaN where there are none."""
        return round_to_half(self._file.values(chrom, start, end))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class ArrayCoverage(Coverage):
    """A wigHDF5 file: one array of values a contig."""

    is_array = True

    def __init__(self, path: Path) -> None:
        import h5py

        try:
            self._file: Any = h5py.File(path, "r")
        except OSError as error:
            if isinstance(error, FileNotFoundError):
                raise
            raise CoverageError(
                f"{path}: this is not an HDF5 file, or it is cut short ({error})"
            ) from error
        lengths = {}
        for name, dataset in self._file.items():
            if not isinstance(dataset, h5py.Dataset) or dataset.ndim != 1:
                raise CoverageError(
                    f"{path}: {name} is not an array with one value a base. Expected a wigHDF5 "
                    "file, as bw_w5.py writes it"
                )
            lengths[name] = len(dataset)
        super().__init__(path, lengths)

    def read(self, chrom: str, start: int, end: int) -> npt.NDArray[np.float32]:
        """Read values; 0 beyond the ends, infinities as the largest 16-bit float."""
        values = np.zeros(end - start, dtype=np.float32)
        first, last = max(start, 0), min(end, self.lengths.get(chrom, 0))
        if first < last:
            try:
                stored = self._file[chrom][first:last]
            except OSError as error:
                raise CoverageError(
                    f"{self.path}: {chrom}:{first:,}-{last:,} cannot be read: the file is damaged "
                    f"({error})"
                ) from error
            np.clip(stored, -LARGEST, LARGEST, out=values[first - start : last - start])
        return values

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class IntervalCoverage(Coverage):
    """A BED or narrowPeak file: 1 in its intervals, 0 elsewhere. Scores are not looked at."""

    is_peaks = True

    def __init__(self, path: Path) -> None:
        self._intervals = {
            chrom: united(spans) for chrom, spans in read_spans(path).items() if len(spans.starts)
        }
        super().__init__(path, {name: int(at.ends[-1]) for name, at in self._intervals.items()})

    def read(self, chrom: str, start: int, end: int) -> npt.NDArray[np.float32]:
        """Read 1 where there is an interval and 0 elsewhere."""
        values = np.zeros(end - start, dtype=np.float32)
        if chrom in self._intervals:
            for first, last in within(self._intervals[chrom], start, end):
                values[first:last] = 1
        return values

    def close(self) -> None:
        """There is nothing to close: the file was read as a whole."""


def open_coverage(path: str | Path) -> Coverage:
    """Open a coverage file by its ending.

    Args:
        path: A `.bw` or `.bigwig`; `.w5`, `.wdf5`, `.h5` or `.hdf5`; `.bed` or `.narrowPeak`, which
            may also be compressed (`.gz`).

    Raises:
        CoverageError: The ending is none of these, or the file is not what its ending says.
        whelp.genome.bigwig.BigWigError: A BigWig is none, or is cut short.
        FileNotFoundError: There is no such file.
    """
    path = Path(path)
    name = path.name.lower()
    if name.endswith(BIGWIG_ENDINGS):
        return BigWigCoverage(path)
    if name.endswith(HDF5_ENDINGS):
        return ArrayCoverage(path)
    if name.endswith(BED_ENDINGS):
        return IntervalCoverage(path)
    known = ", ".join((*BIGWIG_ENDINGS, *HDF5_ENDINGS, *BED_ENDINGS))
    raise CoverageError(f"{path}: the kind of file is not known by its ending; expected {known}")
