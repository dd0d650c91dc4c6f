"""Stretches in the windows of genes, and where a gene lies among the bins of a window."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence

from whelp.genome.genes import Gene
from whelp.genome.variant_windows import gene_windows, midpoint
from whelp.interpreting.regions import Region
from whelp.scoring.gene_statistics import GeneBins, Overlap, gene_bins
from whelp.scoring.grid import Grid


def bins_of_gene(
    gene: Gene, region: Region, grid: Grid, *, overlap: Overlap = "any", span: bool = False
) -> GeneBins:
    """Find the bins of a gene's exons in the window of a region.

    Args:
        gene: The gene.
        region: A region on the + strand.
        grid: The bins.
        overlap: Bins that hold any base of an exon, or the majority (see `gene_bins`).
        span: Take all bins from the first to the last exon.

    Returns:
        The bins, and which share of the gene they are.
    """
    start = region.window.start + grid.crop
    return gene_bins(
        gene, start=start, bins=grid.bins, width=grid.stride, overlap=overlap, span=span
    )


def whole_genes(genes: Iterable[Gene], *, length: int) -> Iterator[Region]:
    """Take the whole window of each gene, centred on its exons (see `gene_windows`).

    Args:
        genes: Genes.
        length: Length of a window, bp.

    Yields:
        A region for each gene, in their order, with the gene in its window; on the + strand.
    """
    for gene in genes:
        (window,) = gene_windows([gene], length=length)
        yield Region(window, window.start, window.end, "+", gene.name)


class GenesAround:
    """Genes by place, to find those whose windows show a stretch.

    Args:
        genes: Genes in any order.
        grid: The bins of the model's predictions.
    """

    def __init__(self, genes: Iterable[Gene], *, grid: Grid) -> None:
        self._grid = grid
        self._genes: dict[str, list[tuple[int, Gene]]] = {}
        for gene in genes:
            self._genes.setdefault(gene.chrom, []).append((midpoint(gene), gene))
        for held in self._genes.values():
            held.sort(key=lambda pair: pair[0])

    def regions(self, region: Region) -> list[Region]:
        """Show a stretch in the window of each gene near it.

        Args:
            region: A stretch, in whatever window.

        Returns:
            The same stretch on the + strand, once for each gene whose window holds it whole, the
            gene in the window, and shows an exon of the gene; none where there is no such gene.
        """
        held: Sequence[tuple[int, Gene]] = self._genes.get(region.window.chrom, ())
        low = bisect_left(held, region.end - self._grid.length, key=lambda pair: pair[0])
        high = bisect_right(held, region.start + self._grid.length, key=lambda pair: pair[0])
        shown = (self._shown(region, gene) for _, gene in held[low:high])
        return [found for found in shown if found is not None]

    def _shown(self, region: Region, gene: Gene) -> Region | None:
        (window,) = gene_windows([gene], length=self._grid.length)
        variant = region.variant
        inside = window.start <= region.start and region.end <= window.end
        if not inside or (variant and not window.start <= variant.start < window.end):
            return None
        name = f"{region.name} {gene.name}"
        found = region._replace(window=window, strand="+", name=name)
        return found if len(bins_of_gene(gene, found, self._grid).inside) else None
