"""From coverage at each base of a window to binned 16-bit targets, as the reference computes them.

The order of steps, and the precision of each, are Baskerville's: its records and these are equal
bit for bit. New targets (the default): scale, bins, root, soft clip, clip. Old targets (those of
the Borzoi paper): bins, power, soft clip, clip, scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from whelp.making.quantiles import quantile

Floats = npt.NDArray[Any]

SUM_STATS = (
    "sum",
    "sum_sqrt",
    "sum_exp75",
    "mean",
    "mean_sqrt",
    "avg",
    "avg_sqrt",
    "median",
    "max",
    "peak",
)
"""What can be asked of a bin; avg is another word for mean."""

LARGEST = float(np.finfo(np.float16).max)
_BASELINE_BINS = 8
"""Windows of fewer bins have the baseline 0."""

_ROUNDED_BITS = np.uint32(13)
_SMALLEST_NORMAL = np.float32(2.0**-14)
_SUBNORMAL_SHIFT = np.float32(0.75)
"""Neighbours of 0.75 are 2^-24 apart, as 16-bit floats below 2^-14 are."""


@dataclass(frozen=True)
class TrackSettings:
    """How the coverage of one track becomes targets.

    Attributes:
        sum_stat: One of `SUM_STATS`.
        scale: Factor of the coverage (of the targets, with `transform_old`).
        clip: Largest target; None for no limit.
        clip_soft: Target above which only the root of the excess is kept; None for no limit.
        pool_width: Length of a bin in bp; it divides the window.
        interp_nan: Fill bases without a value from their neighbours, instead of by 0.
        transform_old: The targets of the Borzoi paper.
        blacklist_quantile: Blacklisted bases are brought down to this quantile of their window.
    """

    sum_stat: str = "sum"
    scale: float = 1.0
    clip: float | None = None
    clip_soft: float | None = None
    pool_width: int = 32
    interp_nan: bool = False
    transform_old: bool = False
    blacklist_quantile: float = 0.5


class PooledWindow(NamedTuple):
    """One window of one track.

    Attributes:
        targets: float16 of shape `(bins,)`.
        missing: Number of bases without a value.
        clipped: Number of bins that a limit changed.
        undefined: Number of bins that are NaN: a root was drawn of something negative.
    """

    targets: npt.NDArray[np.float16]
    missing: int
    clipped: int
    undefined: int


def pool_window(
    coverage: Floats, settings: TrackSettings, blacklisted: Sequence[tuple[int, int]] = ()
) -> PooledWindow:
    """Turn the coverage of a window into targets.

    Args:
        coverage: Values at each base, of shape `(bases,)`; changed by the call.
        settings: How.
        blacklisted: Stretches of the window, from and to, in bp from its start.

    Returns:
        Targets, and what had to be done for them.
    """
    coverage, missing = _fill(coverage.astype(np.float32, copy=False), settings, blacklisted)
    bins = coverage.reshape(-1, settings.pool_width)
    with np.errstate(over="ignore", invalid="ignore"):
        targets, clipped = (_old_targets if settings.transform_old else _targets)(bins, settings)
        undefined = int(np.count_nonzero(np.isnan(targets)))
        clipped += int(np.count_nonzero(np.abs(targets) > LARGEST))
        targets = np.clip(targets, -LARGEST, LARGEST).astype(np.float16)
    return PooledWindow(targets, missing, clipped, undefined)


def round_to_half(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Round values as a trip through 16-bit floats does, in place and five times as fast.

    Args:
        values: float32 of any shape, NaN without payload.

    Returns:
        The same array; infinite where the value is beyond 16-bit floats.
    """
    small = np.abs(values) < _SMALLEST_NORMAL
    rounded_small = values + _SUBNORMAL_SHIFT
    rounded_small -= _SUBNORMAL_SHIFT
    bits = values.view(np.uint32)
    # Ties go to the even neighbour, so half a step is added, less a bit where the last kept is 0.
    half_step = bits >> _ROUNDED_BITS
    half_step &= np.uint32(1)
    half_step += np.uint32(0xFFF)
    bits += half_step
    bits &= np.uint32(0xFFFFE000)
    np.copyto(values, rounded_small, where=small)
    largest = np.fmax.reduce(values, axis=None, initial=0)
    least = np.fmin.reduce(values, axis=None, initial=0)
    if max(largest, -least) > LARGEST:
        values[np.abs(values) > LARGEST] *= np.float32(np.inf)
    return values


def interpolate(values: Floats) -> Floats:
    """Fill NaN on the straight line between its neighbours; beyond both ends there is 0.

    Args:
        values: Array of shape `(length,)`.

    Returns:
        The same array where nothing is missing, else a new one of float64.
    """
    missing = np.isnan(values)
    if not missing.any():
        return values
    padded = np.zeros(len(values) + 2)
    padded[1:-1] = values
    known = np.ones(len(padded), dtype=bool)
    known[1:-1] = ~missing
    places = np.flatnonzero(~known)
    padded[places] = np.interp(places, np.flatnonzero(known), padded[known])
    return padded[1:-1]


def _fill(
    coverage: npt.NDArray[np.float32],
    settings: TrackSettings,
    blacklisted: Sequence[tuple[int, int]],
) -> tuple[Floats, int]:
    """Give values to bases without one, and bring blacklisted ones down."""
    nan = np.isnan(coverage)
    missing = int(np.count_nonzero(nan))
    filled: Floats = coverage
    if missing and settings.interp_nan:
        filled = interpolate(coverage)
    elif missing:
        # The reference's baseline of a window with NaN is 0.
        np.copyto(filled, 0, where=nan)
    if blacklisted:
        known = not missing or settings.interp_nan
        enough = len(filled) // settings.pool_width >= _BASELINE_BINS
        level = quantile(filled, settings.blacklist_quantile) if known and enough else 0.0
        limit = filled.dtype.type(level)
        for start, end in blacklisted:
            np.clip(filled[start:end], -limit, limit, out=filled[start:end])
    return filled, missing


def _targets(bins: Floats, settings: TrackSettings) -> tuple[Floats, int]:
    if settings.scale != 1:
        bins = settings.scale * bins
    values = _pool(bins, settings.sum_stat)
    if settings.sum_stat.endswith("_sqrt"):
        values = -1 + np.sqrt(1 + values)
    elif settings.sum_stat == "sum_exp75":
        values = -1 + (1 + values) ** 0.75
    clipped = 0
    if settings.clip_soft is not None:
        above = values > settings.clip_soft
        clipped = int(np.count_nonzero(above))
        excess = values[above] - settings.clip_soft + 1
        values[above] = settings.clip_soft - 1 + np.sqrt(excess)
    return _clip(values, clipped, settings)


def _old_targets(bins: Floats, settings: TrackSettings) -> tuple[Floats, int]:
    values = _pool(bins, settings.sum_stat)
    if settings.sum_stat.endswith("_sqrt"):
        values = values**0.75
    clipped = 0
    if settings.clip_soft is not None:
        above = values > settings.clip_soft
        clipped = int(np.count_nonzero(above))
        values[above] = settings.clip_soft + np.sqrt(values[above] - settings.clip_soft)
    values, clipped = _clip(values, clipped, settings)
    return settings.scale * values, clipped


def _clip(values: Floats, clipped: int, settings: TrackSettings) -> tuple[Floats, int]:
    if settings.clip is None:
        return values, clipped
    beyond = int(np.count_nonzero(np.abs(values) > settings.clip))
    return np.clip(values, -settings.clip, settings.clip), max(clipped, beyond)


def _pool(bins: Floats, sum_stat: str) -> Floats:
    """Summarise each row of `(bins, pool_width)`."""
    if sum_stat == "median":
        return np.median(bins, axis=1).astype(np.float32)
    if sum_stat == "max":
        return np.max(bins, axis=1)
    if sum_stat.startswith("sum"):
        return np.asarray(np.sum(bins, axis=1, dtype=np.float32))
    means = np.asarray(np.mean(bins, axis=1, dtype=np.float32))
    return np.clip(np.sqrt(means * 4), 0, 1) if sum_stat == "peak" else means
