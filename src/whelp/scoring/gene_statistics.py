"""Coverage of a gene: the bins of its exons, on its strand, to be compared between two alleles."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from whelp.genome.genes import Gene
from whelp.scoring.statistics import Allele, StatisticError
from whelp.scoring.strands import Strands
from whelp.scoring.untransform import Untransform

Overlap = Literal["any", "majority"]
Bins = npt.NDArray[np.int64]


class GeneBins(NamedTuple):
    """Where a gene lies among the bins of a window.

    Attributes:
        inside: Its bins that the window has, sorted, each once, int64 of shape `(bins,)`; empty
            where the gene lies outside.
        share: How much of the gene that is: bins inside among all bins of the gene, 0 to 1.
    """

    inside: Bins
    share: float


def gene_bins(
    gene: Gene, *, start: int, bins: int, width: int, overlap: Overlap = "any", span: bool = False
) -> GeneBins:
    """Find the bins that belong to a gene.

    Args:
        gene: The gene; its chromosome must be that of the window.
        start: Where the first bin starts, bp of the chromosome; may be negative. That is the
            window's start plus what the model leaves out there.
        bins: Number of bins that the model predicts.
        width: Length of a bin, bp.
        overlap: Bins that hold any base of an exon (`hound_snpgene.py`), or the majority
            (Borzoi's `borzoi_sed.py`). For the latter, ends of exons are rounded to the nearest
            border of bins, a half to the even one, as both do.
        span: Take everything from the first to the last exon; then the ends are rounded whatever
            the overlap.

    Returns:
        The bins inside the window, and their share.

    Raises:
        ValueError: The overlap is neither.
    """
    if overlap not in ("any", "majority"):
        raise ValueError(f"overlap must be 'any' or 'majority'; received {overlap!r}")
    stretches = np.array([[gene.start, gene.end]]) if span else gene.exons
    borders = (stretches - start) / width
    if span or overlap == "majority":
        first, last = np.round(borders).astype(np.int64).T
    else:
        first, last = np.floor(borders[:, 0]).astype(int), np.ceil(borders[:, 1]).astype(int)
    # Two exons may lie in one bin, which counts once.
    first[1:] = np.maximum(first[1:], last[:-1])
    whole = [np.arange(one, other) for one, other in zip(first, last, strict=True)]
    found = np.concatenate(whole).astype(np.int64)
    inside = found[(found >= 0) & (found < bins)]
    return GeneBins(inside, len(inside) / len(found) if len(found) else 0.0)


def gene_coverage(
    predictions: npt.NDArray[Any],
    bins: GeneBins,
    *,
    strand: str,
    strands: Strands,
    untransform: Untransform | None = None,
) -> Allele:
    """Cut out a gene's coverage, to be scored.

    Args:
        predictions: Of shape `(shifts, bins, tracks)`.
        bins: The gene's bins among them.
        strand: The gene's strand. Tracks of the other one are left out; "." adds both.
        strands: Strands of the tracks.
        untransform: Makes coverage of predictions, only where it is needed; None where they are
            coverage already.

    Returns:
        Coverage of shape `(shifts, bins of the gene, merged tracks)`.

    Raises:
        StatisticError: No bin of the gene lies inside the window.
        ValueError: The strand is none, or the predictions have other tracks than the table.
    """
    if not len(bins.inside):
        raise StatisticError(
            "no bin of the gene lies in the window; expected at least one. Leave the gene out, or "
            "score it in a window that shows it"
        )
    shown = predictions[:, bins.inside]
    coverage = shown if untransform is None else untransform(shown)
    return Allele(strands.select(coverage, strand))
