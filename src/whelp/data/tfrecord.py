"""ZLIB-compressed TFRecord files: the frames around the records, without TensorFlow.

A file is one zlib stream. In it each record is its length (8 bytes, little-endian), the checksum
of these 8 bytes (4 bytes), the payload, and the checksum of the payload (4 bytes). Checksums are
CRC-32C, rotated and offset ("masked"), as https://www.tensorflow.org/tutorials/load_data/tfrecord
describes.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import google_crc32c

from whelp.data.errors import RecordError
from whelp.files import atomic_path

_CHUNK = 1 << 20
"""Compressed bytes read at once."""

_HEADER = struct.Struct("<QI")
_FOOTER = struct.Struct("<I")
_MASK_DELTA = 0xA282EAD8


def masked_crc(data: bytes) -> int:
    """Returns the check sum that TensorFlow puts beside bytes: CRC32C, turned and moved."""
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF


class _Inflater:
    """Reads exact numbers of bytes from the zlib stream in a file."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        self._file = file
        self._zlib = zlib.decompressobj()
        self._compressed = b""
        self.record = 0

    def read(self, size: int) -> bytes:
        """Give the next `size` bytes, fewer only where the stream ends."""
        parts: list[bytes] = []
        missing = size
        while missing and not self._zlib.eof:
            parts.append(self._inflate(missing))
            missing -= len(parts[-1])
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _inflate(self, limit: int) -> bytes:
        source = self._compressed or self._file.read(_CHUNK)
        try:
            if source:
                inflated = self._zlib.decompress(source, limit)
                self._compressed = self._zlib.unconsumed_tail
                return inflated
            # The last bytes may still sit inside zlib when the file has been read to its end.
            inflated = self._zlib.decompress(b"", limit)
        except zlib.error as error:
            raise self.broken(
                f"the compressed data are damaged or not ZLIB ({error}). Expected a TFRecord file "
                "written with compression type ZLIB; write or copy the file again"
            ) from error
        if not inflated and not self._zlib.eof:
            raise self.broken(
                f"the file is cut short: it ends after {self._file.tell():,} bytes in the "
                "middle of its compressed data. Copy or write it again"
            )
        return inflated

    def check_end(self) -> None:
        """Make sure that nothing follows the stream."""
        extra = len(self._zlib.unused_data) + len(self._file.read(1))
        if extra:
            raise self.broken("data follow the end of the compressed stream: the file is damaged")

    def broken(self, problem: str) -> RecordError:
        return RecordError(self._path, self.record, problem)


def read_frames(path: str | Path) -> Iterator[bytes]:
    """Read the payloads of a record file one after the other.

    Args:
        path: A ZLIB TFRecord file. One that holds an empty zlib stream (8 bytes), as Baskerville
            writes for a fold without a remainder, has no records.

    Yields:
        Payloads, checked against their checksums.

    Raises:
        RecordError: If the file is missing, has 0 bytes, is cut short, is damaged or is not a
            ZLIB TFRecord file; it names the file and the record.
    """
    path = Path(path)
    with _opened(path) as file:
        stream = _Inflater(path, file)
        while (payload := _next_frame(stream)) is not None:
            yield payload
            stream.record += 1
        stream.check_end()


def _opened(path: Path) -> BinaryIO:
    try:
        size = path.stat().st_size
        file = path.open("rb")
    except FileNotFoundError as error:
        raise RecordError(path, None, "there is no such record file") from error
    if size == 0:
        file.close()
        raise RecordError(
            path,
            None,
            "the record file is empty (0 bytes), as an interrupted job leaves it. A file "
            "without records has 8 bytes; write or copy this one again",
        )
    return file


def _next_frame(stream: _Inflater) -> bytes | None:
    """Read one frame; None at the end of the stream."""
    header = stream.read(_HEADER.size)
    if not header:
        return None
    if len(header) < _HEADER.size:
        raise stream.broken(
            f"the record is cut short: {len(header)} of {_HEADER.size} header bytes"
        )
    length, length_crc = _HEADER.unpack(header)
    if masked_crc(header[:8]) != length_crc:
        raise stream.broken(
            "the checksum of its length is wrong: the file is damaged or not a TFRecord file"
        )
    payload = stream.read(length)
    footer = stream.read(_FOOTER.size)
    if len(payload) < length or len(footer) < _FOOTER.size:
        raise stream.broken(
            f"the record is cut short: {len(payload):,} of {length:,} bytes are there"
        )
    if masked_crc(payload) != _FOOTER.unpack(footer)[0]:
        raise stream.broken("the checksum of its content is wrong: the file is damaged")
    return payload


def write_frames(path: str | Path, payloads: Iterable[bytes], *, level: int = -1) -> int:
    """Write a record file as a whole or not at all.

    The records go to a temporary file in the same folder, which takes the name `path` when it is
    complete and on disk; an error or an interruption leaves what was at `path` before.

    Args:
        path: File to write.
        payloads: Records, in order.
        level: How hard to compress, 1 to 9; -1 for what zlib chooses, which is 6.

    Returns:
        Number of records written.

    Raises:
        OSError: If the disk is full or the folder cannot be written.
    """
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        return _compress(file, payloads, level)


def _compress(file: BinaryIO, payloads: Iterable[bytes], level: int) -> int:
    stream = zlib.compressobj(level)
    count = 0
    for payload in payloads:
        length = struct.pack("<Q", len(payload))
        file.write(stream.compress(length + _FOOTER.pack(masked_crc(length))))
        file.write(stream.compress(payload))
        file.write(stream.compress(_FOOTER.pack(masked_crc(payload))))
        count += 1
    file.write(stream.flush())
    return count
