"""Contigs: the stretches of a genome that windows may lie in."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from whelp.genome.intervals import Interval, intersect, merge, subtract
from whelp.making.locating import locate_track
from whelp.making.windows import WindowError
from whelp.specs import TargetsTable

_PEAKS = (".bed", ".narrowpeak", ".broadpeak")


def genome_contigs(lengths: Mapping[str, int], gaps: Iterable[Interval] = ()) -> list[Interval]:
    """Return what is left of whole chromosomes between assembly gaps.

    Args:
        lengths: Chromosome -> length, bp.
        gaps: Gaps, in any order.
    """
    return subtract((Interval(chrom, 0, length) for chrom, length in lengths.items()), gaps)


def limit_contigs(
    contigs: Sequence[Interval], regions: Iterable[Interval], *, as_reference: bool
) -> list[Interval]:
    """Cut contigs to regions.

    Args:
        contigs: The contigs.
        regions: What they are cut to.
        as_reference: Whether regions that overlap give contigs that overlap, in bedtools' order.
            Otherwise regions are united first, and contigs stay in order.
    """
    if as_reference:
        return intersect(contigs, regions)
    pieces = intersect(contigs, merge(regions))
    order = {contig.chrom: at for at, contig in reversed(list(enumerate(contigs)))}
    return sorted(pieces, key=lambda piece: (order[piece.chrom], piece.start))


def peak_regions(
    peaks: Iterable[Interval], *, pool_width: int, crop_bp: int, least: int = 0
) -> list[Interval]:
    """Turn peaks into regions for windows: united, with a crop's width around, in whole bins.

    Args:
        peaks: Peaks of all tracks.
        pool_width: Width of a bin, bp; shorter peaks are widened to it.
        crop_bp: What is added on both sides, bp.
        least: What regions are widened to at least, bp.

    Returns:
        Regions, sorted. They may reach beyond the ends of chromosomes, and overlap a little.
    """
    widened = []
    for chrom, start, end in peaks:
        if end - start < pool_width:
            start = (start + end) // 2 - pool_width // 2
            end = start + pool_width
        widened.append(Interval(chrom, max(0, start - crop_bp), end + crop_bp))
    regions = []
    for chrom, start, end in merge(widened):
        bins = max(round((end - start) / pool_width), -(-least // pool_width))
        first = max(0, (start + end) // 2 - (bins * pool_width) // 2)
        regions.append(Interval(chrom, first, first + bins * pool_width))
    return regions


def break_contigs(
    contigs: Iterable[Interval], threshold: int
) -> tuple[list[Interval], list[Interval]]:
    """Halve the longest contig until none is longer than a threshold.

    Args:
        contigs: The contigs.
        threshold: The greatest length that is left whole, bp.

    Returns:
        The pieces but the longest, in the order in which Baskerville keeps them; and the longest
        (or nothing, where there are no contigs), which Baskerville loses.
    """
    heap: list[tuple[int, Interval]] = []
    for contig in contigs:
        heapq.heappush(heap, (contig.start - contig.end, contig))
    longest: list[Interval] = []
    while heap and not longest:
        _, (chrom, start, end) = heapq.heappop(heap)
        if end - start <= threshold:
            longest.append(Interval(chrom, start, end))
            continue
        middle = start + (end - start) // 2
        for half in (Interval(chrom, start, middle), Interval(chrom, middle, end)):
            heapq.heappush(heap, (half.start - half.end, half))
    return [contig for _, contig in heap], longest


def rejoin_contigs(contigs: Iterable[Interval]) -> list[Interval]:
    """Join neighbours that were broken apart and came to lie in one fold.

    Returns:
        Contigs by chromosome, in the order in which chromosomes come, and by position.
    """
    by_chrom: dict[str, list[Interval]] = {}
    for contig in contigs:
        by_chrom.setdefault(contig.chrom, []).append(contig)
    joined: list[Interval] = []
    for pieces in by_chrom.values():
        pieces.sort(key=lambda piece: piece.start)
        begun = len(joined)
        for piece in pieces:
            if len(joined) > begun and joined[-1].end == piece.start:
                joined[-1] = joined[-1]._replace(end=piece.end)
            else:
                joined.append(piece)
    return joined


def peak_files(targets: TargetsTable) -> list[Path]:
    """Return the files of tracks that are all peaks.

    Raises:
        WindowError: One of them is no BED or narrowPeak file.
    """
    paths = []
    for row in targets.rows:
        path = locate_track(row, targets) or Path(row.file or "")
        if not path.name.lower().removesuffix(".gz").endswith(_PEAKS):
            raise WindowError(
                f"windows can be limited to peaks only where every track is a BED or narrowPeak "
                f"file; {row.identifier} is {str(path)!r}. Give the peaks as regions to limit to "
                "instead"
            )
        paths.append(path)
    return paths
