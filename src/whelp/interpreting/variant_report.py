"""What a report of scored variants shows of the file of scores."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt
import pandas as pd

from whelp.report import VariantTables
from whelp.scoring.exposure import exposure_sentences
from whelp.scoring.score_table import top_scores

_BLOCK = 1 << 14


def variant_tables(
    scores: Path,
    statistic: str,
    *,
    best: int = 20,
    rejected: int = 0,
    facts: Mapping[str, str] | None = None,
) -> VariantTables:
    """Read from a file of scores what its report shows.

    Args:
        scores: A `scores.h5` with at least one row, of variants or of variants and genes.
        statistic: Which of its statistics counts.
        best: How many variants are listed.
        rejected: Number of variants that could not be scored.
        facts: How they were scored.

    Returns:
        The tables, without pictures.
    """
    ranking = top_scores(scores, statistic, number=best)
    ranking["place"] = [
        f"{row.chrom}:{row.pos:,}" for row in ranking[["chrom", "pos"]].itertuples()
    ]
    with h5py.File(scores) as file:
        data = file[statistic]
        largest = np.concatenate(
            [_farthest(data[at : at + _BLOCK]) for at in range(0, len(data), _BLOCK)]
        )
        rows = np.stack([data[at] for at in ranking.index]).astype(np.float64)
        tracks = pd.DataFrame(
            {
                "identifier": [text.decode() for text in file["target_ids"][:]],
                "description": [text.decode() for text in file["target_labels"][:]],
            }
        )
    return VariantTables(
        statistic,
        ranking,
        rows,
        tracks,
        largest,
        len(largest),
        rejected,
        facts=facts or {},
        seen=exposure_sentences(scores),
    )


def _farthest(scores: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Of each row the score farthest from zero, NaN left out."""
    known = np.nan_to_num(scores.astype(np.float32))
    places = np.abs(known).argmax(axis=1)[:, None]
    return np.take_along_axis(known, places, axis=1)[:, 0]
