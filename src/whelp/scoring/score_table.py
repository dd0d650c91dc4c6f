"""Tables of a file of scores, a part at a time."""

from __future__ import annotations

import gzip
import heapq
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pandas as pd

from whelp.files import atomic_path
from whelp.scoring.statistics import STATISTICS

_MOST_ROWS = 1 << 16
_NUMBER = "%.6g"


def score_frames(path: Path) -> Iterator[pd.DataFrame]:
    """Read a `scores.h5` as a long table, a part at a time.

    Args:
        path: The file, of whelp or Baskerville.

    Yields:
        A row for each variant and track: chrom, pos (bp from 1), id, ref, alt, track, description,
        and a column for each statistic, but REF and ALT, which are no scores. At least one table,
        which is empty if there are no variants.
    """
    with h5py.File(path) as file:
        names = _statistics(file)
        tracks = _texts(file["target_ids"][:]), _texts(file["target_labels"][:])
        number = len(tracks[0])
        step = max(1, _MOST_ROWS // max(number, 1))
        for first in range(0, max(len(file["pos"]), 1), step):
            part = slice(first, first + step)
            columns = {
                "chrom": _texts(file["chr"][part]),
                "pos": file["pos"][part],
                "id": _texts(file["snp"][part]),
                "ref": _texts(file["ref_allele"][part]),
                "alt": _texts(file["alt_allele"][part]),
            }
            size = len(columns["pos"])
            table = {name: np.repeat(values, number) for name, values in columns.items()}
            table |= {"track": np.tile(tracks[0], size), "description": np.tile(tracks[1], size)}
            table |= {name: file[name][part].reshape(-1) for name in names}
            yield pd.DataFrame(table)


def write_score_table(scores: Path, path: Path) -> None:
    """Write the long table of a `scores.h5` as tab-separated text, packed with gzip.

    Args:
        scores: The file of scores.
        path: The table; it appears whole or not at all.
    """
    with (
        atomic_path(path) as new,
        new.open("wb") as raw,
        gzip.GzipFile("", "wb", 6, raw, mtime=0) as file,
    ):
        for at, part in enumerate(score_frames(scores)):
            text = part.to_csv(sep="\t", index=False, header=at == 0, float_format=_NUMBER)
            file.write(text.encode())


def top_scores(path: Path, statistic: str, *, number: int = 10) -> pd.DataFrame:
    """Find the variants that change a track most.

    Args:
        path: A file of scores.
        statistic: Which of its statistics counts.
        number: How many variants.

    Returns:
        Rows as `score_frames` gives, one for each variant: that of the track with the largest
        absolute score; the largest first, the first of equal ones in the file first. Scores that
        are NaN do not count. The index is the variant's place in the file.
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
        rows = [_row(file, statistic, -minus, track) for _, minus, track in best]
    columns = ["chrom", "pos", "id", "ref", "alt", "track", "description", statistic]
    return pd.DataFrame(rows, columns=columns, index=[-minus for _, minus, _ in best])


def _row(file: h5py.File, statistic: str, at: int, track: int) -> list[Any]:
    texts = [file[name][at].decode() for name in ("chr", "snp", "ref_allele", "alt_allele")]
    labels = [file[name][track].decode() for name in ("target_ids", "target_labels")]
    score = float(file[statistic][at, track])
    return [texts[0], int(file["pos"][at]), *texts[1:], *labels, score]


def _statistics(file: h5py.File) -> list[str]:
    return [name for name in STATISTICS if name in file and not STATISTICS[name].is_coverage]


def _texts(values: npt.NDArray[np.bytes_]) -> npt.NDArray[Any]:
    return np.array([value.decode() for value in values], object)
