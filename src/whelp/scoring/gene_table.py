"""A file of scores by gene."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from whelp.genome.genes import Gene
from whelp.genome.variants import Variant
from whelp.scoring.group_table import write_groups
from whelp.scoring.groups import Groups
from whelp.scoring.table import Sizes, row_blocks, write_tracks, write_values, write_variants
from whelp.specs import Target

NOT_SCORES = ("variant", "gene", "share")


def write_gene_scores(
    file: h5py.File,
    variants: Iterable[Variant],
    rows: npt.NDArray[Any],
    *,
    sizes: Sizes,
    genes: Sequence[Gene],
    tracks: Sequence[Target],
    groups: Groups,
) -> None:
    """Write scores by variant and gene, a block at a time.

    Variants, genes and tracks are described once; row by row stand `si` and `gi`, places among
    variants and genes, the `share` of the gene's bins that lay in the window, and the scores.

    Args:
        file: An empty file.
        variants: All variants; those without scores too.
        rows: Scores by variant and gene: `variant`, `gene`, `share`, and one field a statistic.
        sizes: How many variants there are, and how long.
        genes: All genes; only those with scores are written.
        tracks: The scored tracks.
        groups: Groups of the scored tracks.
    """
    write_variants(file, variants, sizes=sizes)
    scored = scored_genes(rows, len(genes))
    write_genes(file, [genes[number] for number in scored])
    write_tracks(file, tracks)
    write_values(file, "si", rows["variant"])
    write_values(file, "share", rows["share"])
    data = file.create_dataset("gi", (len(rows),), np.uint32)
    for part in row_blocks(rows):
        data[part] = np.searchsorted(scored, rows["gene"][part])
    for name in rows.dtype.names or ():
        if name not in NOT_SCORES:
            write_values(file, name, rows[name])
            write_groups(file, name, rows[name], groups)


def scored_genes(rows: npt.NDArray[Any], genes: int) -> npt.NDArray[np.int64]:
    """Find the genes that have scores.

    Args:
        rows: Scores with the field `gene`.
        genes: Number of all genes.

    Returns:
        Numbers of genes, sorted.
    """
    found = np.zeros(genes, bool)
    for part in row_blocks(rows):
        found[rows["gene"][part]] = True
    return np.flatnonzero(found)


def write_genes(file: h5py.File, genes: Sequence[Gene]) -> None:
    """Write what is known about genes; positions are in bp from 0, half-open."""
    texts = {
        "gene": [gene.identifier for gene in genes],
        "gene_name": [gene.name for gene in genes],
        "gene_chr": [gene.chrom for gene in genes],
        "gene_strand": [gene.strand for gene in genes],
    }
    for name, values in texts.items():
        file[name] = np.array([value.encode() for value in values], "S")
    file["gene_start"] = np.array([gene.start for gene in genes], np.int64)
    file["gene_end"] = np.array([gene.end for gene in genes], np.int64)
