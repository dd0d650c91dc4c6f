"""Quantile normalisation: tracks that differ in depth, brought to one distribution."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[Any]


def quantile_normalized(values: Floats) -> Floats:
    """Give all columns the same distribution: the mean over columns of their sorted values.

    Bolstad et al. 2003 (https://doi.org/10.1093/bioinformatics/19.2.185). Equal values of a column
    get the mean of what their ranks would get.

    Args:
        values: `(rows, columns)`, finite.

    Returns:
        New array of the same shape; float32 for float32, else float64.
    """
    kind = np.float32 if values.dtype == np.float32 else np.float64
    normalized = values.astype(kind)
    level = mean_quantiles(normalized.T)
    for column in normalized.T:
        column[:] = at_quantiles(column, level)
    return normalized


def mean_quantiles(columns: Iterable[Floats]) -> npt.NDArray[np.float64]:
    """Average the sorted values of columns.

    Args:
        columns: Arrays `(rows,)`, one or more; they are taken one at a time.

    Returns:
        `(rows,)`, rising.
    """
    return mean_column(np.sort(column).astype(np.float64) for column in columns)


def mean_column(columns: Iterable[Floats]) -> npt.NDArray[np.float64]:
    """Average columns `(rows,)`, one or more, of which one at a time is in memory."""
    total: Any = 0.0
    number = 0
    for column in columns:
        total = total + column
        number += 1
    return np.asarray(total / max(number, 1), np.float64)


def at_quantiles(column: Floats, level: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Replace each value by the level of its rank, or by the mean of levels where values are equal.

    Args:
        column: `(rows,)`.
        level: Level of each rank, `(rows,)`, rising.
    """
    if not len(column):
        return np.zeros(0)
    order = np.argsort(column, kind="stable")
    ordered = column[order]
    first = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    counts = np.diff(first, append=len(column))
    placed = np.empty(len(column))
    placed[order] = np.repeat(np.add.reduceat(level, first) / counts, counts)
    return placed
