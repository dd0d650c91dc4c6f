"""Scores of mutations, read from their file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pandas as pd

from whelp.interpreting.mutagenesis import contributions
from whelp.scoring.errors import ScoreError

UNSIGNED = frozenset({"D1", "logD1", "sqrtD1", "D2", "logD2", "sqrtD2", "JS", "logJS"})
"""Statistics that say how much a mutation changes, and not in which direction."""

_SCORES_AXES = 4
_COLUMNS = {"chr": "chrom", "start": "start", "end": "end", "strand": "strand", "label": "name"}
_BLOCK_VALUES = 1 << 24

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Mutations:
    """Scores of every mutation of some stretches.

    Attributes:
        sequences: One-hot, bool of shape `(regions, length, 4)`; short stretches are filled up.
        scores: Statistic -> float32 of shape `(regions, length, 4, tracks)`: with that base (A, C,
            G, T) in place of the sequence's, less the sequence itself; 0 for the sequence's base.
        regions: A row a stretch: chrom, start, end (bp from 0), strand, name, length, and perhaps
            gene.
        tracks: A row a track: track and description.
        rejected: Rows of the file that cannot be explained, with reasons.
    """

    sequences: npt.NDArray[np.bool_]
    scores: dict[str, Floats]
    regions: pd.DataFrame
    tracks: pd.DataFrame
    rejected: pd.DataFrame

    def contributions(self, statistic: str | None = None) -> Floats:
        """Give what bases contribute, averaged over tracks.

        Args:
            statistic: Which statistic; the first by default.

        Returns:
            Hypothetical contributions of all four bases, float32 of shape `(regions, length, 4)`;
            times `sequences` those of the sequences. See `signed_contributions`.

        Raises:
            ScoreError: There is no such statistic.
        """
        name = statistic or next(iter(self.scores))
        if name not in self.scores:
            raise ScoreError(f"there are no scores {name!r}; there are {', '.join(self.scores)}")
        return signed_contributions(self.sequences, self.scores[name].mean(axis=-1), name)


def signed_contributions(
    sequences: npt.NDArray[np.bool_], scores: npt.NDArray[Any], statistic: str
) -> Floats:
    """Give contributions that are above 0 where a base's mutations lower what is predicted.

    For statistics without direction they are above 0 where mutations change it much.

    Args:
        sequences: One-hot, bool of shape `(..., length, 4)`.
        scores: Of shape `(..., length, 4)`.
        statistic: What they are.

    Returns:
        As `whelp.interpreting.mutagenesis.contributions`.
    """
    values = contributions(sequences, scores)
    return -values if statistic in UNSIGNED else values


def read_mutations(path: str | Path) -> Mutations:
    """Read the `scores.h5` of `whelp ism`, `hound_ism_bed.py` or `hound_ism_snp.py` as a whole.

    Args:
        path: The file; whelp's, not Baskerville's, which lacks places or names.

    Raises:
        OSError: The file cannot be read.
    """
    path = Path(path)
    rejected = path.with_name("rejected.tsv")
    with h5py.File(path) as file:
        return Mutations(
            sequences=file["seqs"][:],
            scores={name: file[name][:].astype(np.float32) for name in statistics_of(file)},
            regions=regions_table(file),
            tracks=pd.DataFrame(
                {
                    "track": _texts(file["target_ids"][:]),
                    "description": _texts(file["target_labels"][:]),
                }
            ),
            rejected=pd.read_csv(rejected, sep="\t", dtype=str, na_filter=False)
            if rejected.exists()
            else pd.DataFrame(columns=["name", "place", "reason"]),
        )


def statistics_of(file: h5py.File) -> list[str]:
    """Give the names of the statistics in a file of scores of mutations, in its order."""
    known = [name.decode() for name in file.attrs.get("statistics", [])]
    return known or [name for name in file if file[name].ndim == _SCORES_AXES]


def regions_table(file: h5py.File, rows: slice = slice(None)) -> pd.DataFrame:
    """Give the stretches of a file of scores of mutations, see `Mutations.regions`."""
    table = {name: _plain(file[column][rows]) for column, name in _COLUMNS.items()}
    table |= {name: _plain(file[name][rows]) for name in ("length", "gene") if name in file}
    return pd.DataFrame(table)


def mean_blocks(file: h5py.File, statistic: str) -> Iterator[tuple[npt.NDArray[np.bool_], Floats]]:
    """Read sequences and contributions averaged over tracks, some stretches at a time.

    Args:
        file: A file of scores of mutations.
        statistic: Which statistic.

    Yields:
        Sequences, bool, and hypothetical contributions, float32, both `(some, length, 4)`.
    """
    data = file[statistic]
    step = max(1, _BLOCK_VALUES // max(1, int(np.prod(data.shape[1:]))))
    for first in range(0, len(data), step):
        sequences = file["seqs"][first : first + step]
        scores = data[first : first + step].astype(np.float32).mean(axis=-1)
        yield sequences, signed_contributions(sequences, scores, statistic)


def _plain(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return _texts(values) if values.dtype.kind == "S" else values


def _texts(values: npt.NDArray[np.bytes_]) -> npt.NDArray[Any]:
    return np.array([value.decode() for value in values], object)
