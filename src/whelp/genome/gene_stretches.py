"""Which stretches of the genome are whose gene's, and which several genes share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from whelp.genome.genes import Gene

IntArray = npt.NDArray[np.int64]


def gene_stretches(
    genes: Sequence[Gene], *, span: bool = False, shared: bool = False
) -> list[IntArray]:
    """Find the stretches by which genes are told apart.

    A stretch that another gene of the same strand overlaps is left out whole, for coverage there
    cannot be given to one of them. A gene without a strand overlaps those of both.

    Args:
        genes: Genes, at most one place each.
        span: Take everything from a gene's first to its last exon as one stretch, and not its
            exons.
        shared: Keep stretches that genes share.

    Returns:
        For each gene starts and ends, bp, int64 of shape `(stretches, 2)`, sorted; none where all
        are shared.
    """
    whole = [np.array([[gene.start, gene.end]]) if span else gene.exons for gene in genes]
    if shared:
        return whole
    kept = list(whole)
    for members in _by_chromosome(genes).values():
        for strand in "+-.":
            rivals = [
                number
                for number in members
                if strand == "." or genes[number].strand in (strand, ".")
            ]
            if not rivals:
                continue
            starts, ends = np.sort(np.concatenate([whole[number] for number in rivals]), axis=0).T
            for number in rivals:
                if genes[number].strand == strand:
                    kept[number] = _alone(whole[number], starts, ends)
    return kept


def _by_chromosome(genes: Iterable[Gene]) -> dict[str, list[int]]:
    members: dict[str, list[int]] = {}
    for number, gene in enumerate(genes):
        members.setdefault(gene.chrom, []).append(number)
    return members


def _alone(stretches: IntArray, starts: IntArray, ends: IntArray) -> IntArray:
    """Keep the stretches that overlap none but themselves.

    Those of one gene are disjoint, so that whatever else overlaps one is another gene's.

    Args:
        stretches: Of one gene.
        starts: Of all genes, sorted.
        ends: Of all genes, sorted.
    """
    begun = np.searchsorted(starts, stretches[:, 1], side="left")
    over = np.searchsorted(ends, stretches[:, 0], side="right")
    alone: IntArray = stretches[begun - over == 1]
    return alone
