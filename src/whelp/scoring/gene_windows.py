"""Which genes a variant is scored for, and in which window.

Two recipes are published. Baskerville's centres a window on a gene and scores the variants in it;
Borzoi's centres it on a variant and scores the genes that the window shows.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from whelp.genome.genes import Gene
from whelp.genome.variant_windows import (
    Window,
    add_genes,
    cluster_variants,
    fill_windows,
    gene_windows,
)
from whelp.genome.variants import Rejected, Variant
from whelp.scoring.errors import ScoreError
from whelp.scoring.gene_statistics import Bins, GeneBins, Overlap, gene_bins
from whelp.scoring.grid import Grid
from whelp.wording import listed

Center = Literal["gene", "variant"]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class GeneSettings:
    """Which genes variants are scored for, and how.

    Attributes:
        annotation: GTF or GFF3 file.
        center: What windows are centred on: genes, so that all variants of a gene share its window
            (`hound_snpgene.py`), or variants (`borzoi_sed.py`).
        overlap: Bins that count as a gene's: those with any base of an exon, or with a majority.
        span: Take everything from the first to the last exon.

    Raises:
        ScoreError: The centre or the overlap is neither.
    """

    annotation: Path
    center: Center = "gene"
    overlap: Overlap = "any"
    span: bool = False

    def __post_init__(self) -> None:
        if self.center not in ("gene", "variant"):
            raise ScoreError(f"center must be 'gene' or 'variant'; received {self.center!r}")
        if self.overlap not in ("any", "majority"):
            raise ScoreError(f"overlap must be 'any' or 'majority'; received {self.overlap!r}")


class Place(NamedTuple):
    """A gene in a window.

    Attributes:
        number: Place of the gene among all genes.
        gene: The gene.
        bins: Its bins.
    """

    number: int
    gene: Gene
    bins: GeneBins


class GeneWindows:
    """Brings variants and genes together.

    Args:
        genes: Genes with the genome's names of chromosomes.
        grid: The model's bins.
        settings: How.
        share: Share of a window's length within which genes (or variants) share a window.

    Attributes:
        genes: The same genes: by window where windows are centred on genes, else as given.

    Raises:
        ScoreError: Windows are centred on genes, and none shows an exon of its gene.
    """

    def __init__(
        self, genes: Sequence[Gene], *, grid: Grid, settings: GeneSettings, share: float = 0.0
    ) -> None:
        self._grid = grid
        self._settings = settings
        self._share = share
        self._windows: list[Window] = []
        self._last: tuple[object, list[Place]] = (None, [])
        self.genes = tuple(genes)
        if settings.center == "gene":
            whole = gene_windows(genes, length=grid.length, share=share)
            self.genes = tuple(gene for window in whole for gene in window.genes)
            self._windows = [shown for window in whole if (shown := self._shown(window)).genes]
            self._check()
        self._number = {_identity(gene): number for number, gene in enumerate(self.genes)}

    def windows(self, variants: Iterable[Variant]) -> Iterator[Window | Rejected]:
        """Put variants into windows with the genes that they are scored for.

        Args:
            variants: Variants that were checked against the genome, best in its order.

        Yields:
            Windows with variants and genes, as soon as they are complete, and variants for which
            there is no gene, rejected.
        """
        if self._settings.center == "gene":
            reason = "it lies in no gene's window"
            for item in fill_windows(variants, self._windows):
                yield item._replace(reason=reason) if isinstance(item, Rejected) else item
            return
        grid = self._grid
        clusters = cluster_variants(variants, length=grid.length, share=self._share)
        for window in add_genes(clusters, self.genes, crop=grid.crop, span=self._settings.span):
            shown = self._shown(window)
            if shown.genes:
                yield shown
            else:
                reason = "no exon of a gene lies in its window"
                yield from (variant.rejected(reason) for variant in window.variants)

    def places(self, window: Window) -> list[Place]:
        """Find the genes of a window, in the order of `genes`."""
        key = window.chrom, window.start, window.genes
        if self._last[0] != key:
            found = ((gene, self._bins(window, gene)) for gene in window.genes)
            places = [Place(self._number[_identity(gene)], gene, bins) for gene, bins in found]
            self._last = (key, sorted(places, key=lambda place: place.number))
        return self._last[1]

    def wanted(self, window: Window) -> Bins:
        """Give all bins of a window's genes, sorted, each once."""
        return np.unique(np.concatenate([place.bins.inside for place in self.places(window)]))

    def most_bins(self) -> int:
        """Give the most bins that a gene has in a window, or may have."""
        if self._settings.center == "variant":
            return self._grid.bins
        return max(
            len(place.bins.inside) for window in self._windows for place in self.places(window)
        )

    def _shown(self, window: Window) -> Window:
        """Leave out the genes without a bin in the window."""
        genes = (gene for gene in window.genes if len(self._bins(window, gene).inside))
        return window._replace(genes=tuple(genes))

    def _bins(self, window: Window, gene: Gene) -> GeneBins:
        grid, settings = self._grid, self._settings
        return gene_bins(
            gene,
            start=window.start + grid.crop,
            bins=grid.bins,
            width=grid.stride,
            overlap=settings.overlap,
            span=settings.span,
        )

    def _check(self) -> None:
        shown = {gene for window in self._windows for gene in window.genes}
        hidden = [gene.name for gene in self.genes if gene not in shown]
        if not shown:
            raise ScoreError(
                f"{self._settings.annotation}: no gene has an exon in the "
                f"{self._grid.bins * self._grid.stride} bp around its middle that the model "
                f"predicts; use span, or windows that are centred on variants"
            )
        if hidden:
            _logger.warning(
                "%d of %d genes are left out: they are so long that their windows show none of "
                "their exons (%s). Windows centred on variants may show them",
                *(len(hidden), len(self.genes), listed(hidden)),
            )


def _identity(gene: Gene) -> tuple[str, str, str, int]:
    """Tell genes apart, whichever replicate read them from the annotation."""
    return gene.identifier, gene.chrom, gene.strand, gene.start
