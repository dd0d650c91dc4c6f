"""What a whole coverage file holds: its sum and the range of its values."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from whelp.genome.bigwig import BigWig
from whelp.genome.bigwig_summary import read_summary
from whelp.making.coverage import BIGWIG_ENDINGS, open_coverage

_CHUNK = 1 << 20

_Read = Callable[[str, int, int], npt.NDArray[np.float32]]


@dataclass(frozen=True)
class TrackTotals:
    """A coverage file in numbers.

    Attributes:
        lengths: Chromosome -> its length in bp.
        total: Sum of the finite values over all bases.
        covered: Bases that have a finite value.
        minimum: Smallest finite value; 0 where there is none.
        maximum: Largest finite value; 0 where there is none.
        odd: Whether there are values that are infinite, or NaN though the file states them.
    """

    lengths: dict[str, int]
    total: float
    covered: int
    minimum: float
    maximum: float
    odd: bool = False

    @property
    def mean(self) -> float:
        """Mean over the bases of all chromosomes; bases without a value count as 0."""
        return self.total / max(sum(self.lengths.values()), 1)


def read_totals(path: str | Path) -> TrackTotals:
    """Sum up a coverage file.

    A BigWig says it in its header, which takes no time; others, and a BigWig with NaN or infinite
    values, are read from beginning to end.

    Raises:
        ValueError: The file is not what its ending says, or is damaged.
        OSError: The file cannot be read.
    """
    path = Path(path)
    if not path.name.lower().endswith(BIGWIG_ENDINGS):
        with open_coverage(path) as coverage:
            return _sum_up(coverage.lengths, _chunks(coverage.lengths, coverage.read))
    summary = read_summary(path)
    with BigWig(path) as bigwig:
        numbers = () if summary is None else (summary.total, summary.minimum, summary.maximum)
        if summary is not None and all(map(math.isfinite, numbers)):
            return TrackTotals(bigwig.lengths, summary.total, summary.covered, *numbers[1:])
        found = _sum_up(bigwig.lengths, _chunks(bigwig.lengths, bigwig.values))
    # A summary that is no number comes from values that are none.
    return replace(found, odd=found.odd or summary is not None)


def _chunks(lengths: Mapping[str, int], read: _Read) -> Iterator[npt.NDArray[np.float32]]:
    for chrom, length in lengths.items():
        for start in range(0, length, _CHUNK):
            yield read(chrom, start, min(start + _CHUNK, length))


def _sum_up(lengths: dict[str, int], chunks: Iterable[npt.NDArray[np.float32]]) -> TrackTotals:
    total, covered, smallest, largest, odd = 0.0, 0, math.inf, -math.inf, False
    for values in chunks:
        finite = values[np.isfinite(values)]
        odd = odd or bool(np.isinf(values).any())
        if finite.size:
            total += float(finite.sum(dtype=np.float64))
            covered += finite.size
            smallest = min(smallest, float(finite.min()))
            largest = max(largest, float(finite.max()))
    if not covered:
        smallest = largest = 0.0
    return TrackTotals(lengths, total, covered, smallest, largest, odd)
