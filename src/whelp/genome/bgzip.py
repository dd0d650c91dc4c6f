"""Files packed with bgzip: gzip in blocks, so that an index can point into them."""

from __future__ import annotations

import struct
import zlib
from typing import IO

from whelp.files import Closing

# The extra field that marks a gzip file as bgzip's, and the empty block that ends one.
MARK = b"BC\x02\x00"
LAST_BLOCK = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
# Packed, however badly, so many bytes stay below the 64 kB that a block may have.
_BLOCK = 0xFF00
_HEADER = bytes.fromhex("1f8b08040000000000ff0600") + MARK


class BgzipWriter(Closing):
    """Writes a file packed with bgzip.

    Other than with pysam, what the system says of a disk that is full reaches the caller.

    Args:
        file: Where to; it stays open.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._waiting = bytearray()

    def write(self, data: bytes) -> None:
        """Writes bytes, as soon as there are enough for a block."""
        self._waiting += data
        self._write_blocks(_BLOCK)

    def close(self) -> None:
        """Writes what is left, and the end."""
        self._write_blocks(1)
        self._file.write(LAST_BLOCK)
        self._file.flush()

    def _write_blocks(self, least: int) -> None:
        while len(self._waiting) >= least:
            self._file.write(_block(bytes(self._waiting[:_BLOCK])))
            del self._waiting[:_BLOCK]


def _block(data: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = packer.compress(data) + packer.flush()
    size = len(_HEADER) + 2 + len(body) + 8
    ends = struct.pack("<II", zlib.crc32(data), len(data))
    return _HEADER + struct.pack("<H", size - 1) + body + ends
