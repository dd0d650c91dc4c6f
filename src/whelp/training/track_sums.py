"""Sums over the positions of each track, and what to make of a track that has no number."""

from typing import Any

import numpy as np
from keras import ops

# Summed one after the other, thousands of float32 values lose digits; in two stages they do not.
BLOCK = 64


def mean_of_defined(values: Any, defined: Any, summarize: bool) -> Any:
    """Return per-track values with NaN where not defined, or the mean of those that are."""
    if summarize:
        total = ops.sum(ops.where(defined, values, ops.zeros_like(values)))
        return total / ops.sum(ops.cast(defined, values.dtype))
    return ops.where(defined, values, ops.full_like(values, np.nan))


def weight_positions(values: Any, sample_weight: Any) -> Any:
    """Spread (batch,), (batch, 1) or (batch, bins) over (batch, [bins,] tracks)."""
    if sample_weight is None:
        return ops.ones_like(values)
    weights = ops.cast(sample_weight, values.dtype)
    while len(weights.shape) < len(values.shape):
        weights = ops.expand_dims(weights, axis=-1)
    return weights * ops.ones_like(values)


def sum_positions(values: Any) -> Any:
    """Sum (batch, [bins,] tracks) over all but the last axis, not in one long chain."""
    if len(values.shape) == 3 and values.shape[1] > BLOCK:
        spare = -values.shape[1] % BLOCK
        if spare:
            values = ops.pad(values, ((0, 0), (0, spare), (0, 0)))
        blocks = ops.reshape(values, (-1, values.shape[1] // BLOCK, BLOCK, values.shape[2]))
        values = ops.sum(blocks, axis=2)
    return ops.sum(values, axis=tuple(range(len(values.shape) - 1)))
