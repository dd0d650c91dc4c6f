"""Percentiles of each track's scores over all variants, as `scores.h5` holds them."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

_BLOCK_VALUES = 1 << 22


class Scores(Protocol):
    """An array of shape `(variants, tracks)`, in memory or in an HDF5 file."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Variants and tracks."""

    def __getitem__(self, item: Any, /) -> npt.NDArray[Any]:
        """Read a part."""


def percentile_ranks() -> npt.NDArray[np.float64]:
    """Give the 279 shares of variants below: by hundredths, by thousandths at both ends."""
    fine, coarse = 0.001, 0.01
    ends = np.arange(fine, 0.1, fine), np.arange(0.9, 1, fine)
    return np.concatenate([ends[0], np.arange(0.1, 0.9, coarse), ends[1]])


def score_percentiles(scores: Scores) -> npt.NDArray[np.float16]:
    """Find the percentiles of each track's scores, a few tracks at a time.

    Args:
        scores: Scores of at least one variant.

    Returns:
        float16 of shape `(tracks, 279)`; NaN for a track with a score that is NaN.

    Raises:
        ValueError: There are no variants.
    """
    variants, tracks = scores.shape
    if not variants:
        raise ValueError("percentiles need the scores of at least one variant; received none")
    percents = 100 * percentile_ranks()
    found = np.empty((tracks, len(percents)), np.float16)
    step = max(1, _BLOCK_VALUES // variants)
    for start in range(0, tracks, step):
        block = np.asarray(scores[:, start : start + step], dtype=np.float64)
        found[start : start + step] = np.percentile(block, percents, axis=0).T
    return found
