"""What stands at both ends of a BigWig file."""

from __future__ import annotations

import errno
import os
import struct
from pathlib import Path

_MAGIC = 0x888FFC26
_BIGBED_MAGIC = 0x8789F2EB
_HEADER_SIZE = 64


class BigWigError(ValueError):
    """A file that is no BigWig, is cut short, or does not have what was asked of it."""


def check_file(path: Path) -> None:
    """Read the header: pyBigWig takes some broken files, and says little about the others.

    Raises:
        BigWigError: The file is not a BigWig, or is cut short.
        OSError: It cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        header = file.read(_HEADER_SIZE)
        zooms = file.read(24 * _zoom_levels(header))
    magic = int.from_bytes(header[:4], "little")
    if magic != _MAGIC:
        raise BigWigError(f"{path}: {_what_it_is(magic)}; expected a BigWig file (.bw)")
    if len(header) < _HEADER_SIZE or max(_offsets(header, zooms)) >= size:
        raise BigWigError(
            f"{path}: the BigWig is cut short: it has {size:,} bytes and its header speaks of more."
            " Copy or download it again"
        )


def _zoom_levels(header: bytes) -> int:
    return int.from_bytes(header[6:8], "little") if len(header) == _HEADER_SIZE else 0


def _offsets(header: bytes, zooms: bytes) -> list[int]:
    """Places in the file of which the header speaks, in bytes; the indexes come after the data."""
    chromosomes, data, index = struct.unpack_from("<QQQ", header, 8)
    levels = [struct.unpack_from("<QQ", zooms, at + 8) for at in range(0, len(zooms) - 23, 24)]
    return [chromosomes, data, index, *(place for level in levels for place in level)]


def _what_it_is(magic: int) -> str:
    if magic == _BIGBED_MAGIC:
        return "this is a bigBed file"
    if magic == int.from_bytes(_MAGIC.to_bytes(4, "big"), "little"):
        return "this BigWig was written with the bytes in big-endian order"
    return "this is not a BigWig file"


def check_whole(written: Path, path: Path) -> None:
    """Check that a file was finished: pyBigWig only prints that it could not be.

    Raises:
        OSError: The last mark is missing, which is written when all else is.
    """
    with written.open("rb") as file:
        file.seek(max(0, os.path.getsize(written) - 4))
        if int.from_bytes(file.read(), "little") != _MAGIC:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
