"""Windows of the genome that variants share, so that the reference is predicted once for many."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from whelp.genome.genes import Gene
from whelp.genome.variants import Rejected, Variant

_MOST = 10_000


class Window(NamedTuple):
    """A window of sequence, the variants in it, and the genes that they are scored for.

    Attributes:
        chrom: Name of the chromosome.
        start: First base, bp from 0; may be negative.
        end: The base after the last one, bp; may be beyond the chromosome.
        variants: The variants that are scored in it.
        genes: The genes, where scores are by gene.
        shared: Whether its reference serves several variants, also if this is but a piece of the
            window with one of them (see `plan_shifts`).
    """

    chrom: str
    start: int
    end: int
    variants: tuple[Variant, ...] = ()
    genes: tuple[Gene, ...] = ()
    shared: bool = False


def cluster_variants(
    variants: Iterable[Variant], *, length: int, share: float = 0.0
) -> Iterator[Window]:
    """Put variants that follow one another closely into one window, as Baskerville does.

    A window holds the variants that come within `share` of its length after its first one, and is
    centred between the first and the last. Variants need not be sorted: one that goes back begins
    a new window.

    Args:
        variants: Variants, best in the order of the genome.
        length: Length of a window, bp.
        share: Share of the length, 0 to 1; with 0 each variant has its own window.

    Yields:
        Windows, as soon as they are complete.
    """
    reach = int(length * share)
    held: list[Variant] = []
    for variant in variants:
        if held:
            first = held[0]
            near = first.start <= variant.start < first.start + reach
            if variant.chrom != first.chrom or not near:
                yield _centred(held, length)
                held = []
        held.append(variant)
    if held:
        yield _centred(held, length)


def _centred(held: Sequence[Variant], length: int) -> Window:
    starts = [variant.start for variant in held]
    # The middle of positions that count from 1, as Baskerville takes it.
    start = (min(starts) + max(starts) + 2) // 2 - length // 2
    return Window(held[0].chrom, start, start + length, tuple(held), shared=len(held) > 1)


def gene_windows(genes: Iterable[Gene], *, length: int, share: float = 0.0) -> list[Window]:
    """Put genes whose middles are close into one window, as Baskerville does.

    Args:
        genes: Genes in any order.
        length: Length of a window, bp.
        share: A window holds the genes whose middles come within this share of its length after
            that of its first gene; with 0 each gene has its own.

    Returns:
        Windows without variants, centred on the mean of their genes' middles: chromosomes in the
        order of their first genes, windows in that of their positions.
    """
    reach = int(length * share)
    by_chrom: dict[str, list[tuple[int, Gene]]] = {}
    for gene in genes:
        by_chrom.setdefault(gene.chrom, []).append((midpoint(gene), gene))
    windows: list[Window] = []
    for middles in by_chrom.values():
        middles.sort(key=lambda pair: pair[0])
        held = middles[:1]
        for middle, gene in middles[1:]:
            if middle >= held[0][0] + reach:
                windows.append(_around(held, length))
                held = []
            held.append((middle, gene))
        windows.append(_around(held, length))
    return windows


def midpoint(gene: Gene) -> int:
    """Give the mean position of the bases in a gene's exons, bp from 0, rounded down."""
    starts, ends = gene.exons[:, 0], gene.exons[:, 1]
    return int(int(np.sum((starts + ends - 1) * (ends - starts))) // 2 / gene.length)


def _around(held: Sequence[tuple[int, Gene]], length: int) -> Window:
    start = int(sum(middle for middle, _ in held) / len(held)) - length // 2
    genes = tuple(gene for _, gene in held)
    return Window(held[0][1].chrom, start, start + length, (), genes, shared=True)


def fill_windows(
    variants: Iterable[Variant], windows: Iterable[Window], *, most: int = _MOST
) -> Iterator[Window | Rejected]:
    """Give each window the variants whose first base lies in it.

    Args:
        variants: Variants, best in the order of the genome: then each window is given once, and
            what is kept is what lies in windows that are still open.
        windows: Windows, such as `gene_windows` makes. A variant may lie in several.
        most: The most variants that a window is given at once; it comes again with the others.

    Yields:
        Windows with variants, as soon as they are complete (those without any are left out), and
        variants that lie in no window, rejected.
    """
    places = _Places(windows)
    held: dict[int, list[Variant]] = {}
    for variant in variants:
        for number in [number for number in held if not places.reach(number, variant)]:
            yield places.windows[number]._replace(variants=tuple(held.pop(number)))
        inside = places.holding(variant)
        if not inside:
            yield variant.rejected("it lies in none of the windows")
        for number in inside:
            held.setdefault(number, []).append(variant)
            if len(held[number]) == most:
                yield places.windows[number]._replace(variants=tuple(held.pop(number)))
    for number in sorted(held):
        yield places.windows[number]._replace(variants=tuple(held[number]))


class _Places:
    """Windows by chromosome and position."""

    def __init__(self, windows: Iterable[Window]) -> None:
        self.windows = sorted(windows, key=lambda window: window.start)
        self._numbers: dict[str, list[int]] = {}
        for number, window in enumerate(self.windows):
            self._numbers.setdefault(window.chrom, []).append(number)
        self._starts = {
            chrom: [self.windows[number].start for number in numbers]
            for chrom, numbers in self._numbers.items()
        }
        self._longest = max((window.end - window.start for window in self.windows), default=0)

    def reach(self, number: int, variant: Variant) -> bool:
        """Say whether a window may hold this variant or, in a sorted file, later ones."""
        window = self.windows[number]
        return window.chrom == variant.chrom and variant.start < window.end

    def holding(self, variant: Variant) -> list[int]:
        starts = self._starts.get(variant.chrom, [])
        first = bisect_right(starts, variant.start - self._longest)
        last = bisect_right(starts, variant.start)
        numbers = self._numbers.get(variant.chrom, [])[first:last]
        return [number for number in numbers if variant.start < self.windows[number].end]


def add_genes(
    windows: Iterable[Window], genes: Iterable[Gene], *, crop: int = 0, span: bool = False
) -> Iterator[Window]:
    """Give each window the genes that it shows: for windows that are centred on variants.

    Args:
        windows: Windows, such as `cluster_variants` makes.
        genes: Genes in any order.
        crop: What the model leaves out on either side of a window, bp.
        span: What lies between a gene's first and last exon counts too; else one base of an exon
            must be in the part that is not left out.

    Yields:
        The windows, with genes in the order of their starts; some have none.
    """
    by_chrom: dict[str, list[Gene]] = {}
    for gene in sorted(genes, key=lambda gene: gene.start):
        by_chrom.setdefault(gene.chrom, []).append(gene)
    starts = {chrom: [gene.start for gene in held] for chrom, held in by_chrom.items()}
    # No gene before the first whose running maximum is beyond a position ends beyond it.
    ends = {
        chrom: list(accumulate((gene.end for gene in held), max))
        for chrom, held in by_chrom.items()
    }
    for window in windows:
        start, end = window.start + crop, window.end - crop
        near: list[Gene] = []
        if window.chrom in by_chrom:
            first = bisect_right(ends[window.chrom], start)
            near = by_chrom[window.chrom][first : bisect_right(starts[window.chrom], end - 1)]
        shown = (gene for gene in near if _shows(gene, start, end, span=span))
        yield window._replace(genes=tuple(shown))


def _shows(gene: Gene, start: int, end: int, *, span: bool) -> bool:
    if span:
        return gene.start < end and gene.end > start
    return bool(np.any((gene.exons[:, 0] < end) & (gene.exons[:, 1] > start)))
