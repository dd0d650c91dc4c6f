"""From a file of scores of mutations to the tables of its report."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pandas as pd

from whelp.genome import dna
from whelp.interpreting.motif_arrays import CONTRIBUTIONS, SEQUENCES, write_motif_array
from whelp.interpreting.mutations import (
    mean_blocks,
    regions_table,
    signed_contributions,
    statistics_of,
)
from whelp.report.logos import Contributions
from whelp.report.mutations import MutatedStretch, MutationTables

_LARGEST = 20


def mutation_tables(
    path: Path, *, most: int, rejected: int = 0, facts: Mapping[str, str]
) -> MutationTables:
    """Make the tables of a report: the mean over tracks of the first statistic.

    Args:
        path: The `scores.h5`.
        most: Stretches to be drawn, at most: those with the largest changes.
        rejected: Number of rows that could not be explained.
        facts: How the scores were made.

    Returns:
        The tables; what they hold does not grow with the number of stretches.
    """
    with h5py.File(path) as file:
        statistic = statistics_of(file)[0]
        places, strongest = _largest(file, statistic, most)
        return MutationTables(
            statistic=statistic,
            stretches=[_stretch(file, statistic, at) for at in sorted(strongest)],
            largest=_table(file, statistic, places),
            regions=len(file["length"]),
            positions=int(file["length"][:].sum()),
            tracks=len(file["target_ids"]),
            rejected=rejected,
            facts=facts,
        )


def write_motif_arrays(path: Path, folder: Path) -> None:
    """Write sequences and hypothetical contributions of all stretches, see `motif_arrays`.

    Args:
        path: The `scores.h5`; its first statistic counts, averaged over tracks.
        folder: Where the two files go.
    """
    with h5py.File(path) as file:
        statistic = statistics_of(file)[0]
        number, length = file["seqs"].shape[:2]
        size = {"sequences": number, "length": length}
        write_motif_array(
            folder / SEQUENCES,
            (sequences for sequences, _ in mean_blocks(file, statistic)),
            dtype=bool,
            **size,
        )
        write_motif_array(
            folder / CONTRIBUTIONS, (values for _, values in mean_blocks(file, statistic)), **size
        )


_Place = tuple[float, int, int, int]


def _largest(file: h5py.File, statistic: str, most: int) -> tuple[list[_Place], list[int]]:
    """The largest changes (score, region, position, base), and the regions of the largest."""
    best: list[_Place] = []
    regions: list[tuple[float, int]] = []
    for at in range(len(file["length"])):
        scores = _mean(file, statistic, at)
        sizes = np.nan_to_num(np.abs(scores))
        order = np.argsort(-sizes, axis=None, kind="stable")[:_LARGEST]
        found = [(float(sizes.flat[i]), -at, *divmod(int(i), 4)) for i in order]
        best = heapq.nlargest(_LARGEST, [*best, *found])
        regions = heapq.nlargest(most, [*regions, (float(sizes.max(initial=0)), -at)])
    places = [(size, -minus, position, base) for size, minus, position, base in best if size > 0]
    return places, [-minus for _, minus in regions]


def _mean(file: h5py.File, statistic: str, at: int) -> npt.NDArray[np.float32]:
    length = int(file["length"][at])
    values = file[statistic][at, :length].astype(np.float32)
    return np.asarray(values.mean(axis=-1))


def _table(file: h5py.File, statistic: str, places: list[_Place]) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for _, at, position, base in places:
        region = regions_table(file, slice(at, at + 1)).iloc[0]
        along = position if region["strand"] != "-" else region["length"] - 1 - position
        bases = dna.from_one_hot(file["seqs"][at, position : position + 1])
        row = {
            "name": region["name"],
            "place": f"{region['chrom']}:{region['start'] + along + 1:,}",
        }
        row |= {"strand": region["strand"], "change": f"{dna.decode(bases)}>{dna.BASES[base]}"}
        row |= {"gene": region["gene"]} if "gene" in region else {}
        rows.append({**row, statistic: float(_mean(file, statistic, at)[position, base])})
    return pd.DataFrame(rows)


def _stretch(file: h5py.File, statistic: str, at: int) -> MutatedStretch:
    region = regions_table(file, slice(at, at + 1)).iloc[0]
    sequence = file["seqs"][at, : region["length"]]
    scores = _mean(file, statistic, at)
    values = signed_contributions(sequence, scores, statistic)
    shown = Contributions(
        name=region["name"],
        chrom=region["chrom"],
        start=int(region["start"]),
        bases=dna.from_one_hot(sequence),
        values=(values * sequence).sum(axis=1),
        unit=statistic,
        strand=region["strand"],
    )
    return MutatedStretch(shown, scores)
