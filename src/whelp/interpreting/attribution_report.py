"""From a file of attributions to the tables of its report."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from whelp.genome import dna
from whelp.genome.genes import Gene
from whelp.interpreting.attributions import regions_of
from whelp.report import AttributionTables, Contributions

_UNIT = "contribution (ln)"


def attribution_tables(
    path: Path,
    *,
    most: int,
    genes: Iterable[Gene] = (),
    rejected: int = 0,
    facts: Mapping[str, str],
) -> AttributionTables:
    """Make the tables of a report.

    Args:
        path: The `attributions.h5`.
        most: Stretches to be drawn, at most: those with the strongest base.
        genes: Genes whose exons are to be marked in the stretches that are theirs.
        rejected: Number of rows that could not be explained.
        facts: How the attributions were made.

    Returns:
        The tables; but for a row a stretch, what they hold does not grow with their number.
    """
    with h5py.File(path) as file:
        regions = regions_of(file)
        strongest: list[tuple[float, int]] = []
        tops = np.zeros(len(regions))
        for at in range(len(regions)):
            values = file["contributions"][at]
            top = int(np.argmax(np.abs(values)))
            tops[at] = values[top]
            strongest = heapq.nlargest(most, [*strongest, (float(abs(tops[at])), -at)])
        regions["strongest"] = tops
        known = {(gene.identifier, gene.chrom): gene for gene in genes}
        stretches = [_shown(file, regions.iloc[-minus], -minus, known) for _, minus in strongest]
    return AttributionTables(regions=regions, stretches=stretches, rejected=rejected, facts=facts)


def _shown(
    file: h5py.File, region: pd.Series, at: int, genes: Mapping[tuple[str, str], Gene]
) -> Contributions:
    gene = genes.get((region.get("gene", ""), region["chrom"]))
    exons = [] if gene is None else [(int(start), int(end)) for start, end in gene.exons]
    return Contributions(
        name=region["name"],
        chrom=region["chrom"],
        start=int(region["start"]),
        bases=dna.from_one_hot(file["seqs"][at]),
        values=file["contributions"][at],
        unit=_UNIT,
        exons=exons,
    )
