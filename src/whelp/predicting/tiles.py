"""Where windows lie: one around each short region, neighbours over each long one."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from whelp.predicting.errors import PredictError
from whelp.scoring.grid import Grid

Positions = npt.NDArray[np.int64]


class Extent(Grid):
    """What a model sees and what it predicts, to be laid side by side."""

    __slots__ = ()

    @property
    def predicted(self) -> int:
        """Length of a prediction, bp."""
        return self.bins * self.stride

    def overlap(self) -> int:
        """Give the overlap of neighbouring windows, bp, where nobody asks for another.

        So much that with the more central of two predictions each bin has a quarter of the model's
        length of sequence on either side, if that leaves half of a prediction.
        """
        margin = min(max(0, self.length // 4 - self.crop), self.predicted // 4)
        return 2 * margin // self.stride * self.stride


class Tiling(NamedTuple):
    """How long regions are covered.

    Attributes:
        extent: What the model sees and predicts.
        overlap: By how many bp the predictions of neighbouring windows overlap, at least.
        inside: Windows over long regions do not reach beyond them: only what the model can predict
            from the region's own sequence is covered.
    """

    extent: Extent
    overlap: int
    inside: bool = False

    @classmethod
    def of(cls, extent: Extent, overlap: int | None = None, *, inside: bool = False) -> Tiling:
        """Check an overlap, or choose one.

        Raises:
            PredictError: It is negative, or leaves less than a bin of a prediction.
        """
        if overlap is None:
            overlap = extent.overlap()
        if not 0 <= overlap <= extent.predicted - extent.stride:
            raise PredictError(
                f"predictions are {extent.predicted:,} bp long; expected an overlap of neighbours "
                f"from 0 to {extent.predicted - extent.stride:,} bp, received {overlap:,}"
            )
        return cls(extent, overlap, inside)

    def starts(self, start: int, end: int) -> list[int]:
        """Place windows over a region.

        Args:
            start: First base of the region, bp from 0.
            end: The base after the last one.

        Returns:
            First base of each window's prediction, in order. One window around the middle where
            the region is not longer than a prediction; else so many neighbours, with bins in step,
            that no base of the region is left out, with the region in the middle.
        """
        extent = self.extent
        if self.inside and end - start >= extent.length:
            start, end = start + extent.crop, end - extent.crop
        length = end - start
        if length <= extent.predicted:
            # As Baskerville centres windows, so that its commands get the same sequence.
            return [(start + end) // 2 - extent.length // 2 + extent.crop]
        step = (extent.predicted - self.overlap) // extent.stride * extent.stride
        number = 1 + -(-(length - extent.predicted) // step)
        if self.inside:
            return self._between(start, end, number, step)
        covered = step * (number - 1) + extent.predicted
        first = start - (covered - length) // 2
        return [first + step * at for at in range(number)]

    def _between(self, start: int, end: int, number: int, step: int) -> list[int]:
        """Place windows so that the last one ends where the region does, whatever the overlap."""
        last = end - self.extent.predicted
        return [min(start + step * at, last) for at in range(number)]


class Windows:
    """Windows of a genome, in the order of their regions; 20 bytes each.

    Attributes:
        extent: What the model sees and predicts.
        names: Chromosomes.
        lengths: Their lengths, bp.
        chroms: Place of each window's chromosome in `names`, of shape `(windows,)`.
        starts: First base of each window's prediction, bp, of the same shape; may be negative.
        regions: Number of each window's region, of the same shape.
    """

    def __init__(self, lengths: Mapping[str, int], extent: Extent) -> None:
        self.extent = extent
        self.names = list(lengths)
        self.lengths = list(lengths.values())
        self._places = {name: place for place, name in enumerate(lengths)}
        self._columns = (array("i"), array("q"), array("q"))

    def __len__(self) -> int:
        return len(self._columns[0])

    @property
    def chroms(self) -> npt.NDArray[np.int32]:
        """Place of each window's chromosome in `names`."""
        return np.frombuffer(self._columns[0], np.int32)

    @property
    def starts(self) -> Positions:
        """First base of each window's prediction, bp."""
        return np.frombuffer(self._columns[1], np.int64)

    @property
    def regions(self) -> Positions:
        """Number of each window's region."""
        return np.frombuffer(self._columns[2], np.int64)

    def add(self, chrom: str, starts: Sequence[int], region: int) -> None:
        """Add the windows of a region."""
        chroms, places, regions = self._columns
        chroms.extend([self._places[chrom]] * len(starts))
        places.extend(starts)
        regions.extend([region] * len(starts))

    def sequence(self, number: int) -> tuple[str, int, int]:
        """Say which sequence a window's prediction is made of: chromosome, start and end, bp."""
        start = self._columns[1][number] - self.extent.crop
        return self.names[self._columns[0][number]], start, start + self.extent.length


class Territory(NamedTuple):
    """The part of a window's prediction that is written where predictions overlap.

    Attributes:
        window: Number of the window.
        chrom: Chromosome.
        start: First base, bp.
        end: The base after the last one.
    """

    window: int
    chrom: str
    start: int
    end: int


def territories(windows: Windows) -> Iterator[Territory]:
    """Divide the genome among windows: of several predictions of a base, the most central counts.

    No prediction is mixed with another, so that each value is what the model says of one sequence.

    Yields:
        Stretches in the order of the genome, inside of the chromosomes, without overlaps. Windows
        of which nothing is left are left out.
    """
    order = np.lexsort((windows.starts, windows.chroms))
    chroms, starts = windows.chroms[order].tolist(), windows.starts[order].tolist()
    extent, last = windows.extent, len(order) - 1
    for at, window in enumerate(order.tolist()):
        chrom = chroms[at]
        start, end = max(starts[at], 0), min(starts[at] + extent.predicted, windows.lengths[chrom])
        if at and chroms[at - 1] == chrom:
            start = max(start, _border(starts[at - 1], starts[at], extent))
        if at < last and chroms[at + 1] == chrom:
            end = min(end, _border(starts[at], starts[at + 1], extent))
        if start < end:
            yield Territory(window, windows.names[chrom], start, end)


def _border(left: int, right: int, extent: Extent) -> int:
    """Give the position from which on the right one of two predictions counts, between its bins."""
    middle = (left + right + extent.predicted) // 2
    if left + extent.predicted <= right:
        return middle
    return right + (middle - right) // extent.stride * extent.stride
