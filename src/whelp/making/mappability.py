"""Which bins of windows reads cannot be mapped to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from whelp.genome.intervals import Spans
from whelp.making.windows import LabeledWindow

# A region that covers less of its first or last bin than this does not count there.
_LEAST_OVERLAP = 0.1


def unmappable_bins(
    windows: Sequence[LabeledWindow], spans: Mapping[str, Spans], pool_width: int
) -> npt.NDArray[np.bool_]:
    """Find the bins of each window that lie in unmappable regions.

    At both of its ends a region counts for a bin if a tenth of the bin's width lies between that
    end and the bin's other side. Regions count one by one, also where they touch.

    Args:
        windows: Windows, all of one length, a multiple of `pool_width`.
        spans: Unmappable regions by chromosome, in any order.
        pool_width: Width of a bin, bp.

    Returns:
        Array of shape `(windows, bins)`.
    """
    bins = (windows[0].end - windows[0].start) // pool_width if windows else 0
    mask = np.zeros((len(windows), bins), dtype=bool)
    sorted_spans = {chrom: _by_start(found) for chrom, found in spans.items()}
    for row, window in enumerate(windows):
        if window.chrom in sorted_spans:
            starts, ends, reach = sorted_spans[window.chrom]
            # From the first region that reaches into the window to the last that begins in it.
            first = int(np.searchsorted(reach, window.start, side="right"))
            last = int(np.searchsorted(starts, window.end, side="left"))
            if first < last:
                begin, stop = starts[first:last] - window.start, ends[first:last] - window.start
                _mark(mask[row], begin, stop, pool_width)
    return mask


def _by_start(spans: Spans) -> tuple[npt.NDArray[np.int64], ...]:
    order = np.argsort(spans.starts, kind="stable")
    starts, ends = spans.starts[order], spans.ends[order]
    return starts, ends, np.maximum.accumulate(ends)


def _mark(
    row: npt.NDArray[np.bool_],
    starts: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
    pool_width: int,
) -> None:
    """Set the bins of one window that regions, told from the window's start in bp, cover."""
    inside = (ends > 0) & (ends > starts)
    starts = np.maximum(starts[inside], 0)
    ends = np.minimum(ends[inside], len(row) * pool_width)
    first, last = starts // pool_width, -(-ends // pool_width)
    least = _LEAST_OVERLAP * pool_width
    first += (first + 1) * pool_width - starts < least
    last -= ends - (last - 1) * pool_width < least
    steps = np.zeros(len(row) + 1, dtype=np.int64)
    np.add.at(steps, first, 1)
    np.add.at(steps, last, -1)
    row[:] = np.cumsum(steps[:-1]) > 0
