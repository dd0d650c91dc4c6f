"""Which genes of an annotation lie in held-out windows, and where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from whelp.expression.errors import ExpressionError
from whelp.expression.places import Places, find_places
from whelp.expression.settings import ExpressionSettings
from whelp.genome.alleles import genome_name
from whelp.genome.gene_stretches import gene_stretches
from whelp.genome.genes import Gene, read_genes
from whelp.wording import listed

if TYPE_CHECKING:
    from whelp.data import Dataset

Genes = str | Path | Sequence[Gene]

# The reference predicts the first of every so many windows.
_REFERENCE_EVERY = 2


@dataclass(frozen=True, eq=False)
class GenePlan:
    """Genes, and where they lie.

    Attributes:
        genes: All genes of the annotation, in its order, with the data's names of chromosomes.
        whole: Of each its exons, or its span, int64 of shape `(stretches, 2)`, bp.
        stretches: Those of them that count: no other gene of the strand shares them.
        places: Their bins in the windows.
        trained: Share of each gene's stretches that lies in windows of the training, `(genes,)`.
    """

    genes: Sequence[Gene]
    whole: Sequence[npt.NDArray[np.int64]]
    stretches: Sequence[npt.NDArray[np.int64]]
    places: Places
    trained: npt.NDArray[np.float64]

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Bases of each gene's stretches, `(genes,)`."""
        return _lengths(self.stretches)

    @property
    def windows(self) -> list[int]:
        """Numbers of the windows in which genes lie."""
        return [number for number, places in enumerate(self.places.windows) if places]


def plan_genes(
    data: Dataset,
    genes: Genes,
    settings: ExpressionSettings,
    *,
    trained: pd.DataFrame | None = None,
) -> GenePlan:
    """Find the genes of a data set's windows.

    Args:
        data: The windows; their coordinates have to be known.
        genes: As for `plan_windows`.
        settings: The same.
        trained: The same.

    Raises:
        ExpressionError: No gene lies in the windows.
        whelp.data.DataError: The windows' coordinates are unknown.
        whelp.genome.genes.GenesError: The annotation cannot be read.
    """
    width = data.pool_width or 1
    return plan_windows(data.windows, genes, settings, width=width, name=data.name, trained=trained)


def plan_windows(
    windows: pd.DataFrame,
    genes: Genes,
    settings: ExpressionSettings,
    *,
    width: int,
    name: str,
    trained: pd.DataFrame | None = None,
) -> GenePlan:
    """Find the genes of windows.

    A chromosome may be called 1 or chr1, whatever the windows call it.

    Args:
        windows: Columns chrom, start, end, bp: where the bins of each window are.
        genes: GTF or GFF3 file, plain or gzipped; or genes.
        settings: How.
        width: bp a bin.
        name: What errors call the windows.
        trained: Windows of the training, with the same columns.

    Raises:
        ExpressionError: No gene lies in the windows.
        whelp.genome.genes.GenesError: The annotation cannot be read.
    """
    there = dict.fromkeys(windows["chrom"], 0)
    read = read_genes(genes) if isinstance(genes, str | Path) else list(genes)
    placed = [replace(gene, chrom=genome_name(gene.chrom, there)) for gene in read]
    whole = gene_stretches(placed, span=settings.span, shared=True)
    own = whole if settings.as_reference else gene_stretches(placed, span=settings.span)
    places = find_places(
        placed,
        own,
        windows,
        width=width,
        every=_REFERENCE_EVERY if settings.as_reference else 1,
        once=not settings.as_reference,
    )
    if not places.visits.any():
        raise ExpressionError(
            f"{name}: none of {len(read)} genes "
            + ("" if settings.as_reference else "(without what genes of a strand share) ")
            + f"lies in its {len(windows)} windows, on {listed(there)}; the genes are on "
            f"{listed(dict.fromkeys(gene.chrom for gene in read))}. Give the annotation of this "
            "genome, and of the same assembly"
        )
    seen = np.zeros(len(placed))
    if trained is not None:
        seen = _shares(own, find_places(placed, own, trained, width=width))
    return GenePlan(placed, whole, own, places, seen)


def _shares(stretches: Sequence[npt.NDArray[np.int64]], places: Places) -> npt.NDArray[np.float64]:
    """The share of each gene's bases that lies in windows, `(genes,)`."""
    bases = np.zeros(len(stretches))
    for window in places.windows:
        for place in window:
            bases[place.gene] += place.bases
    return bases / np.maximum(1, _lengths(stretches))


def _lengths(stretches: Sequence[npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
    return np.array([int((own[:, 1] - own[:, 0]).sum()) for own in stretches], np.int64)
