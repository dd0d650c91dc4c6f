"""Quantiles of 16-bit floats without sorting them, and of windows as the reference takes them.

A quantile lies between two neighbours in the sorted values, at the place `(count - 1) * q`. The
reference lets NumPy (before version 2) find it: the two values are subtracted in their own
precision, the rest is done in 64 bits. Later versions of NumPy round `q` to the precision of the
values, so that 0.9999999 of 16-bit floats is 1; therefore the steps are spelt out here.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Halves = npt.NDArray[np.float16]

_CODES = 1 << 16
_ALL_BUT_SIGN = np.uint16(0x7FFF)
_SIGN = np.uint16(0x8000)


class HalfHistogram:
    """Counts of the 65,536 values that a 16-bit float can have: quantiles in one pass.

    Attributes:
        count: Number of values seen.
    """

    def __init__(self) -> None:
        self._counts = np.zeros(_CODES, dtype=np.int64)
        self.count = 0

    def add(self, values: Halves) -> None:
        """Count values, of any shape, without NaN."""
        codes = values.reshape(-1).view(np.uint16)
        self._counts += np.bincount(codes, minlength=_CODES)
        self.count += values.size

    @property
    def numbers(self) -> npt.NDArray[np.int64]:
        """How often each value was seen, of shape `(65536,)`, in the order of their bits."""
        return self._counts

    def merge(self, codes: npt.NDArray[np.integer], numbers: npt.NDArray[np.int64]) -> None:
        """Add what another one has counted.

        Args:
            codes: Different values by their bits.
            numbers: How often each was seen, of the same shape.
        """
        self._counts[codes] += numbers
        self.count += int(numbers.sum())

    def clipped_values(self, limit: np.float16) -> tuple[Halves, npt.NDArray[np.int64]]:
        """Give the different values seen, clipped to plus and minus a limit, and their counts."""
        codes = np.flatnonzero(self._counts).astype(np.uint16)
        return np.clip(codes.view(np.float16), -limit, limit), self._counts[codes]

    def quantile(self, q: float) -> float:
        """Give a quantile of all values seen, as NumPy gives it of the whole array.

        Args:
            q: Share of the values below, 0 to 1.

        Raises:
            ValueError: No value was seen.
        """
        if not self.count:
            raise ValueError("a quantile needs at least one value; none was added")
        codes = np.arange(_CODES, dtype=np.uint16)
        order = np.argsort(_sortable(codes), kind="stable")
        upto = np.cumsum(self._counts[order])
        below, above, weight = _neighbours(self.count, q)
        ranks = np.searchsorted(upto, [below, above], side="right")
        previous, following = codes[order[ranks]].view(np.float16)
        return float(_between(previous, following, weight))


def quantile(values: npt.NDArray[np.floating], q: float) -> float:
    """Give a quantile of values of shape `(count,)`; 0 if one of them is NaN.

    Args:
        values: At least one value.
        q: Share of the values below, 0 to 1.
    """
    if np.isnan(values).any():
        return 0.0
    below, above, weight = _neighbours(len(values), q)
    ordered = np.partition(values, [below, above])
    found = float(_between(ordered[below], ordered[above], weight))
    return 0.0 if math.isnan(found) else found


def column_quantiles(values: Halves, q: float) -> npt.NDArray[np.float64]:
    """Give the quantile of each column of `(rows, columns)`, as float64 of shape `(columns,)`."""
    below, above, weight = _neighbours(len(values), q)
    # Integers sort many times faster than 16-bit floats.
    codes = np.partition(_sortable(values.view(np.uint16)), [below, above], axis=0)
    previous, following = _unsortable(codes[[below, above]]).view(np.float16)
    return _between(previous, following, weight)


def _neighbours(count: int, q: float) -> tuple[int, int, float]:
    """Give the ranks below and above a quantile, and how far it is from the first to the second."""
    place = (count - 1) * q
    if place >= count - 1:
        return count - 1, count - 1, 0.0
    below = math.floor(place)
    return below, below + 1, place - below


def _between(
    previous: npt.NDArray[np.floating] | np.floating,
    following: npt.NDArray[np.floating] | np.floating,
    weight: float,
) -> npt.NDArray[np.float64]:
    with np.errstate(over="ignore", invalid="ignore"):
        step = np.subtract(following, previous).astype(np.float64)
        if weight >= 0.5:
            return np.asarray(following, dtype=np.float64) - step * (1 - weight)
        return np.asarray(previous, dtype=np.float64) + step * weight


def _sortable(codes: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint16]:
    """Turn the bits of 16-bit floats into integers of the same order."""
    return np.where(codes & _SIGN, ~codes, codes | _SIGN)


def _unsortable(keys: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint16]:
    return np.where(keys & _SIGN, keys & _ALL_BUT_SIGN, ~keys)
