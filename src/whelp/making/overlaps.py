"""Which parts of windows lie in a list of intervals: peaks, blacklisted regions."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from whelp.genome.intervals import Spans, read_spans

_BLACKLIST_MARGIN = 20
"""How far the reference stretches blacklisted regions to both sides, in bp."""


class Blacklist:
    """Blacklisted regions of a genome, each 20 bp longer at both ends, as the reference takes them.

    Args:
        path: BED file; None for a list of nothing.
        as_reference: Whether a region that begins before a window is left out as in the reference,
            which then counts its place from the window's end.

    Raises:
        whelp.genome.intervals.BedError: A line is no interval.
        OSError: The file cannot be read.
    """

    def __init__(self, path: str | Path | None, *, as_reference: bool = False) -> None:
        spans = read_spans(path) if path is not None else {}
        self._as_reference = as_reference
        self._spans = {
            chrom: Spans(np.maximum(0, starts - _BLACKLIST_MARGIN), ends + _BLACKLIST_MARGIN)
            for chrom, (starts, ends) in spans.items()
        }

    def within(self, chrom: str, start: int, end: int) -> list[tuple[int, int]]:
        """Give the blacklisted stretches of a window, in bp from its start; they may overlap."""
        if chrom not in self._spans:
            return []
        starts, ends = self._spans[chrom]
        hits = (starts < end) & (ends > start)
        found = zip(starts[hits] - start, ends[hits] - start, strict=True)
        if self._as_reference:
            return [slice(first, last).indices(end - start)[:2] for first, last in found]
        return [(max(int(first), 0), min(int(last), end - start)) for first, last in found]


def united(spans: Spans) -> Spans:
    """Sort the intervals of a chromosome, at least one, and join those that overlap or touch."""
    order = np.argsort(spans.starts, kind="stable")
    starts, ends = spans.starts[order], np.maximum.accumulate(spans.ends[order])
    opens = np.concatenate(([True], starts[1:] > ends[:-1]))
    closes = np.concatenate((opens[1:], [True]))
    return Spans(starts[opens], ends[closes])


def within(spans: Spans, start: int, end: int) -> list[tuple[int, int]]:
    """Give the parts of intervals that lie in a window, in bp from its start.

    Args:
        spans: Intervals of the window's chromosome, as `united` gives them.
        start: First base of the window.
        end: Its end, exclusive.
    """
    first = int(np.searchsorted(spans.ends, start, side="right"))
    last = int(np.searchsorted(spans.starts, end, side="left"))
    return [
        (max(int(low) - start, 0), min(int(high), end) - start)
        for low, high in zip(spans.starts[first:last], spans.ends[first:last], strict=True)
    ]
