"""Genes of an annotation, on the chromosomes of a genome."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from whelp.genome.alleles import genome_name
from whelp.genome.genes import Gene, GenesError, read_genes
from whelp.wording import listed

_logger = logging.getLogger(__name__)


def located_genes(path: str | Path, lengths: Mapping[str, int]) -> list[Gene]:
    """Read the genes of an annotation that lie on a genome.

    A chromosome may be called 1 or chr1, MT or chrM, whatever the genome calls it. Genes of
    chromosomes that the genome lacks, or that reach beyond its ends, are left out; a remark says
    how many.

    Args:
        path: GTF or GFF3, plain or gzipped.
        lengths: The genome's chromosomes, bp.

    Returns:
        Genes with the genome's names of chromosomes, in the order of the file.

    Raises:
        GenesError: The annotation cannot be read, or none of its genes lies on the genome.
        OSError: The file cannot be read.
    """
    genes = read_genes(path)
    kept: list[Gene] = []
    foreign: Counter[str] = Counter()
    beyond = 0
    for gene in genes:
        chrom = genome_name(gene.chrom, lengths)
        if chrom not in lengths:
            foreign[gene.chrom] += 1
        elif gene.end > lengths[chrom]:
            beyond += 1
        else:
            kept.append(gene if chrom == gene.chrom else replace(gene, chrom=chrom))
    if not kept:
        raise GenesError(
            f"{path}: none of its {len(genes)} genes lies on the genome; its chromosomes are "
            f"{listed(dict.fromkeys(gene.chrom for gene in genes))}, those of the genome "
            f"{listed(lengths)}. Give the annotation of this genome, and of the same assembly"
        )
    if foreign:
        _logger.warning(
            "%s: %d genes are left out: the genome has no chromosome %s",
            *(path, foreign.total(), listed(foreign)),
        )
    if beyond:
        _logger.warning(
            "%s: %d genes are left out: they reach beyond the ends of the genome's chromosomes; "
            "is it the annotation of another assembly?",
            *(path, beyond),
        )
    return kept
