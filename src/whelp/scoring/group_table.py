"""Scores of groups of tracks in a file of scores."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from whelp.scoring.groups import Groups
from whelp.scoring.statistics import STATISTICS
from whelp.scoring.table import row_blocks

MEANS = "_groups"
AGAINST = "_against_others"


def write_groups(file: h5py.File, statistic: str, scores: npt.NDArray[Any], groups: Groups) -> None:
    """Write the mean score of each group's tracks, and each group's against those of the others.

    Args:
        file: The file; it gets the data sets `groups`, names; `STATISTIC_groups`, and from two
            groups up `STATISTIC_against_others`, both float32 of shape `(rows, groups)`.
        statistic: Name of the statistic; coverage is not averaged.
        scores: Scores of shape `(rows, tracks)`.
        groups: The groups; without any nothing is written.
    """
    if not len(groups) or (STATISTICS[statistic].is_coverage and scores.ndim != 2):
        return
    if "groups" not in file:
        file["groups"] = np.array([name.encode() for name in groups.names], "S")
    shape = len(scores), len(groups)
    means = file.create_dataset(statistic + MEANS, shape, np.float32)
    several = len(groups) > 1
    against = file.create_dataset(statistic + AGAINST, shape, np.float32) if several else None
    for part in row_blocks(scores):
        values = groups.means(scores[part])
        means[part] = values
        if against is not None:
            against[part] = groups.against_others(values)
