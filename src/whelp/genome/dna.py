"""DNA as arrays: base indexes and one-hot rows, reverse complement, shift.

Two forms are used. The *index* form is what record files hold, one byte a base: A, C, G, T are 0
to 3 and anything else (N) is 4. The *one-hot* form is what models take, four columns a base, with
a row of zeros for N.

Positions run along axis -1 of an index array and along axis -2 of a one-hot array; leading axes
are batches.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

BASES = "ACGT"
"""Bases in the order of their indexes and of the one-hot columns."""

UNKNOWN = 4
"""Index of every letter that is not in `BASES`."""

_LETTERS = np.frombuffer(b"ACGTN", dtype=np.uint8)
_COMPLEMENT = np.array([3, 2, 1, 0, UNKNOWN], dtype=np.uint8)


def _index_of_byte() -> npt.NDArray[np.uint8]:
    table = np.full(256, UNKNOWN, dtype=np.uint8)
    for index, base in enumerate(BASES):
        table[ord(base)] = table[ord(base.lower())] = index
    return table


_INDEX_OF_BYTE = _index_of_byte()


def encode(sequence: str) -> npt.NDArray[np.uint8]:
    """Turn letters into base indexes.

    Args:
        sequence: DNA, upper or lower case. Letters other than A, C, G, T become `UNKNOWN`.

    Returns:
        Indexes of shape `(length,)`.

    Raises:
        UnicodeEncodeError: If the text holds characters outside ASCII.
    """
    return _INDEX_OF_BYTE[np.frombuffer(sequence.encode("ascii"), dtype=np.uint8)]


def decode(index: npt.NDArray[np.uint8]) -> str:
    """Turn base indexes of shape `(length,)` into upper-case letters, N for `UNKNOWN`."""
    return _LETTERS[index].tobytes().decode("ascii")


def one_hot(
    index: npt.NDArray[np.uint8], dtype: npt.DTypeLike = np.float32, *, unknown: float = 0
) -> npt.NDArray[np.generic]:
    """Turn base indexes into one-hot rows.

    Args:
        index: Indexes of shape `(..., length)`, 0 to 4.
        dtype: Type of the result.
        unknown: What stands in all four columns of `UNKNOWN`.

    Returns:
        Array of shape `(..., length, 4)`.
    """
    rows = np.eye(UNKNOWN + 1, len(BASES), dtype=dtype)
    rows[UNKNOWN] = unknown
    return np.take(rows, index, axis=0)


def from_one_hot(sequence: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Turn one-hot rows into base indexes.

    Args:
        sequence: Array of shape `(..., length, 4)` in which a row holds one 1 or, for N, zeros
            only.

    Returns:
        Indexes of shape `(..., length)`.

    Raises:
        ValueError: If the last axis is not 4 long, or a row is neither one-hot nor zero (then
            there is no index for it: a mixture of bases stays in the one-hot form).
    """
    if sequence.shape[-1:] != (len(BASES),):
        raise ValueError(
            f"one-hot DNA ends in an axis of length 4, received shape {sequence.shape}"
        )
    index = np.where(sequence.any(axis=-1), sequence.argmax(axis=-1), UNKNOWN).astype(np.uint8)
    if not np.array_equal(one_hot(index, dtype=np.uint8), sequence):
        raise ValueError("rows of one-hot DNA hold a single 1 or only zeros; some of these do not")
    return index


def reverse_complement(index: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Give the other strand of base indexes of shape `(..., length)`; N stays N."""
    return _COMPLEMENT[index[..., ::-1]]


def reverse_complement_one_hot(sequence: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Give the other strand of one-hot rows of shape `(..., length, 4)`, as a view.

    The complement reverses the columns because they run A, C, G, T.
    """
    return sequence[..., ::-1, ::-1]


def shift(index: npt.NDArray[np.uint8], by: int) -> npt.NDArray[np.uint8]:
    """Move base indexes along the sequence and fill with N.

    Args:
        index: Indexes of shape `(..., length)`.
        by: How far in bp: base `i` goes to `i + by`, so a positive shift moves to the right.

    Returns:
        Array of the same shape; what leaves at one end is lost.
    """
    return np.moveaxis(_moved(np.moveaxis(index, -1, 0), by, UNKNOWN), 0, -1)


def shift_one_hot(sequence: npt.NDArray[Any], by: int) -> npt.NDArray[Any]:
    """Move one-hot rows `(..., length, 4)` by `by` bp, as `shift` does, and fill with zeros."""
    return np.moveaxis(_moved(np.moveaxis(sequence, -2, 0), by, 0), 0, -2)


def _moved(values: npt.NDArray[Any], by: int, fill: int) -> npt.NDArray[Any]:
    """Shift along axis 0, which comes out `fill` where nothing moved in."""
    moved = np.full_like(values, fill)
    kept = max(0, len(values) - abs(by))
    if by >= 0:
        moved[len(values) - kept :] = values[:kept]
    else:
        moved[:kept] = values[len(values) - kept :]
    return moved
