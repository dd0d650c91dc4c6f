"""The summary in a BigWig's header: sum and range of all values, without reading them."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from whelp.genome.bigwig import BigWig

_OFFSET = struct.Struct("<Q")
_OFFSET_AT = 44
_SUMMARY = struct.Struct("<Q4d")


@dataclass(frozen=True)
class BigWigSummary:
    """What the header says about all values of a file.

    Attributes:
        covered: Bases that have a value.
        minimum: Smallest value.
        maximum: Largest value.
        total: Sum over all bases; NaN or infinite if a value is.
    """

    covered: int
    minimum: float
    maximum: float
    total: float


def read_summary(path: str | Path) -> BigWigSummary | None:
    """Read the summary of a BigWig.

    Returns:
        The summary; None if the file has none, as those of the oldest programs.

    Raises:
        whelp.genome.bigwig.BigWigError: The file is no BigWig, or is cut short.
        OSError: The file cannot be read.
    """
    with BigWig(path):  # says what is wrong with a file
        pass
    with Path(path).open("rb") as file:
        file.seek(_OFFSET_AT)
        (offset,) = _OFFSET.unpack(file.read(_OFFSET.size))
        if not offset:
            return None
        file.seek(offset)
        packed = file.read(_SUMMARY.size)
    if len(packed) < _SUMMARY.size:
        return None
    covered, minimum, maximum, total, _ = _SUMMARY.unpack(packed)
    return BigWigSummary(covered, minimum, maximum, total) if covered else None
