"""Attributions of stretches of DNA: what each of their bases does to a number."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from whelp.genome.fasta import Fasta
from whelp.interpreting.gene_regions import bins_of_gene
from whelp.interpreting.gradients import Bases, Differentiator, Floats
from whelp.interpreting.objectives import Objective
from whelp.interpreting.regions import Region
from whelp.scoring.grid import Grid


class AttributedRegion(NamedTuple):
    """What the bases of a stretch do to the number that is explained.

    Attributes:
        value: The number for the window of the stretch, natural log units.
        share: How much of the gene the window shows: of the bins of its exons, 0 to 1. Without
            genes 1.
        bases: The stretch, base indexes of shape `(length,)`.
        gradient: What each base that could stand at a place contributes, float32 of shape
            `(length, 4)`; see `whelp.interpreting.gradients.Attribution`.
    """

    value: float
    share: float
    bases: Bases
    gradient: Floats


class Attributor:
    """Explains stretches.

    Args:
        differentiator: Computes gradients.
        objective: What is explained of windows without genes.
        fasta: The genome.
        grid: The bins of the model's predictions.
        span: Of a gene all bins from the first to the last exon count.
    """

    def __init__(
        self,
        differentiator: Differentiator,
        objective: Objective,
        fasta: Fasta,
        *,
        grid: Grid,
        span: bool = False,
    ) -> None:
        self._differentiator = differentiator
        self._objective = objective
        self._fasta = fasta
        self._grid = grid
        self._span = span

    def layout(self, length: int) -> np.dtype:
        """Give the structure of what is known about a stretch of so many bp.

        Returns:
            The fields of `AttributedRegion`.
        """
        return np.dtype(
            [
                ("value", np.float64),
                ("share", np.float64),
                ("bases", np.uint8, (length,)),
                ("gradient", np.float32, (length, 4)),
            ]
        )

    def explain(self, region: Region, *, number: int = 0) -> AttributedRegion:
        """Explain a stretch.

        Args:
            region: The stretch, in a window of the model's length. If the window has genes, the
                number is that of the first of them. The stretch is taken on the + strand.
            number: Which stretch of a run it is, for random draws.

        Raises:
            ObjectiveError: No bin of the gene is in the part of the window that is predicted.
            FastaError: The genome cannot be read.
        """
        region = region._replace(strand="+")
        objective, share = self._objective, 1.0
        for gene in region.window.genes[:1]:
            bins = bins_of_gene(gene, region, self._grid, span=self._span)
            objective, share = objective.for_gene(bins, gene.strand), bins.share
        bases = region.sequence(self._fasta)
        made = self._differentiator.explain(bases, objective, number=number)
        kept = slice(region.first, region.first + region.length)
        return AttributedRegion(made.value, share, bases[kept], made.gradient[kept])
