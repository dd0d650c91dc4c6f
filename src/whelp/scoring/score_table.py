"""Tables of a file of scores, a part at a time."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pandas as pd

from whelp.scoring.group_table import AGAINST, MEANS
from whelp.scoring.statistics import STATISTICS
from whelp.scoring.table import SPREAD

_MOST_ROWS = 1 << 16
_VARIANTS = {
    "chrom": "chr",
    "pos": "pos",
    "id": "snp",
    "ref": "ref_allele",
    "alt": "alt_allele",
}
_GENES = {"gene": "gene", "gene_name": "gene_name", "strand": "gene_strand"}


def score_frames(path: Path) -> Iterator[pd.DataFrame]:
    """Read a file of scores as a long table, a part at a time.

    Args:
        path: The file, of whelp or Baskerville.

    Yields:
        A row for each variant and track: chrom, pos (bp from 1), id, ref, alt, track, description,
        and a column for each statistic, but whole coverage, which is no score. Scores by gene have
        a row for each variant, gene and track, with gene, gene_name, strand and share behind alt.
        Scores of replicates have STATISTIC_sd behind each statistic.
        At least one table, which is empty if there are no scores.
    """
    with h5py.File(path) as file:
        names = [name for name in STATISTICS if name in file and file[name].ndim == 2]
        labels = {
            "track": _texts(file["target_ids"][:]),
            "description": _texts(file["target_labels"][:]),
        }
        columns = [one for name in names for one in (name, name + SPREAD) if one in file]
        yield from _frames(file, labels, {name: name for name in columns})


def group_frames(path: Path) -> Iterator[pd.DataFrame]:
    """Read the scores of groups of tracks in a file of scores, a part at a time.

    Args:
        path: The file; it must have groups.

    Yields:
        Tables as of `score_frames`, with a row for each group instead of each track: group, and for
        each statistic STATISTIC, the mean of the group's tracks, and STATISTIC_against_others. Of
        replicates there is STATISTIC_sd, too, the spread of that mean.
    """
    with h5py.File(path) as file:
        datasets: dict[str, str] = {}
        for name in STATISTICS:
            if name + MEANS in file:
                datasets[name] = name + MEANS
            if name + MEANS + SPREAD in file:
                datasets[name + SPREAD] = name + MEANS + SPREAD
            if name + AGAINST in file:
                datasets[name + AGAINST] = name + AGAINST
        yield from _frames(file, {"group": _texts(file["groups"][:])}, datasets)


def has_groups(path: Path) -> bool:
    """Say whether a file of scores has those of groups of tracks."""
    with h5py.File(path) as file:
        return "groups" in file


def _frames(
    file: h5py.File, labels: Mapping[str, npt.NDArray[Any]], datasets: Mapping[str, str]
) -> Iterator[pd.DataFrame]:
    """Give long tables: each row of the file once for each label, with data sets as columns."""
    number = len(next(iter(labels.values())))
    step = max(1, _MOST_ROWS // max(number, 1))
    for first in range(0, max(len(file["si" if "si" in file else "pos"]), 1), step):
        part = slice(first, first + step)
        columns = _columns(file, part)
        size = len(columns["pos"])
        table = {name: np.repeat(values, number) for name, values in columns.items()}
        table |= {name: np.tile(values, size) for name, values in labels.items()}
        table |= {name: file[data][part].reshape(-1) for name, data in datasets.items()}
        yield pd.DataFrame(table)


def _columns(file: h5py.File, part: slice) -> dict[str, npt.NDArray[Any]]:
    """Say what some rows are about: the variants, and the genes if there are any."""
    if "si" not in file:
        return _read(file, _VARIANTS, part)
    columns: dict[str, npt.NDArray[Any]] = {}
    for numbers, names in (("si", _VARIANTS), ("gi", _GENES)):
        places, back = np.unique(file[numbers][part], return_inverse=True)
        columns |= {name: values[back] for name, values in _read(file, names, places).items()}
    return {**columns, "share": file["share"][part]}


def _read(file: h5py.File, names: Mapping[str, str], part: Any) -> dict[str, npt.NDArray[Any]]:
    columns = {name: file[data][part] for name, data in names.items()}
    return {
        # Positions with a sign, for those who subtract from them.
        name: _texts(values) if values.dtype.kind == "S" else values.astype(np.int64)
        for name, values in columns.items()
    }


def top_scores(path: Path, statistic: str, *, number: int = 10) -> pd.DataFrame:
    """Find the variants that change a track most.

    Args:
        path: A file of scores.
        statistic: Which of its statistics counts.
        number: How many variants.

    Returns:
        Rows as `score_frames` gives, one for each variant (and gene): that of the track with the
        largest absolute score; the largest first, the first of equal ones in the file first. Scores
        that are NaN do not count. The index is the row's place in the file. Of replicates there is
        the score's spread, STATISTIC_sd, too.
    """
    best: list[tuple[float, int, int]] = []
    with h5py.File(path) as file:
        data = file[statistic]
        step = max(1, _MOST_ROWS // max(data.shape[1], 1))
        for first in range(0, len(data), step):
            sizes = np.nan_to_num(np.abs(data[first : first + step].astype(float)), nan=-1.0)
            tracks = sizes.argmax(axis=1)
            found = [
                (float(sizes[at, track]), -(first + at), int(track))
                for at, track in enumerate(tracks)
            ]
            best = heapq.nlargest(number, best + found)
        numbers = [name for name in (statistic, statistic + SPREAD) if name in file]
        rows = [_row(file, numbers, -minus, track) for _, minus, track in best]
        names = [*_columns(file, slice(0, 0)), "track", "description", *numbers]
    return pd.DataFrame(rows, columns=names, index=[-minus for _, minus, _ in best])


def _row(file: h5py.File, numbers: Sequence[str], at: int, track: int) -> list[Any]:
    facts = [values[0] for values in _columns(file, slice(at, at + 1)).values()]
    labels = [file[name][track].decode() for name in ("target_ids", "target_labels")]
    return [*facts, *labels, *(float(file[name][at, track]) for name in numbers)]


def _texts(values: npt.NDArray[np.bytes_]) -> npt.NDArray[Any]:
    return np.array([value.decode() for value in values], object)
