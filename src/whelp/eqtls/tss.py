"""Distances to transcription start sites, for variants whose INFO does not give them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from whelp.eqtls.records import Eqtl, without_version
from whelp.genome.genes import Gene, read_genes


class StartSites:
    """The transcription start sites of an annotation's genes: the outermost of each.

    Args:
        genes: The genes.
    """

    def __init__(self, genes: Iterable[Gene]) -> None:
        self._of_gene: dict[tuple[str, str], int] = {}
        by_chrom: dict[str, list[int]] = {}
        for gene in genes:
            chrom, site = _plain(gene.chrom), _site(gene)
            for name in (gene.identifier, gene.name):
                self._of_gene.setdefault((without_version(name), chrom), site)
            by_chrom.setdefault(chrom, []).append(site)
        self._by_chrom = {chrom: np.array(sorted(sites)) for chrom, sites in by_chrom.items()}

    @classmethod
    def read(cls, path: str | Path) -> StartSites:
        """Read those of an annotation, GTF or GFF3.

        Raises:
            whelp.genome.genes.GenesError: The annotation cannot be read.
        """
        return cls(read_genes(path))

    def distance(self, variant: Eqtl) -> float:
        """Measure from a variant to its gene's site, or to the nearest where it names no gene.

        Returns:
            bp; NaN where the gene, or the chromosome, has no site.
        """
        chrom, position = _plain(variant.chrom), variant.position - 1
        if variant.gene:
            site = self._of_gene.get((variant.gene, chrom))
            return float("nan") if site is None else float(abs(position - site))
        sites = self._by_chrom.get(chrom)
        return float("nan") if sites is None else float(np.abs(sites - position).min())


def _plain(chrom: str) -> str:
    return chrom.removeprefix("chr")


def _site(gene: Gene) -> int:
    return gene.end - 1 if gene.strand == "-" else gene.start
