"""Checkpoints of TensorFlow, read without it: `NAME.index` and `NAME.data-00000-of-00001`.

TensorFlow's own name for one is `NAME`; the folder often says which is the newest, in `checkpoint`.

The index is a table of LevelDB's format (sorted keys, of which each keeps only what differs from
the one before) from variables' names to small protocol-buffer messages that say where in the data
files each variable lies, with a check sum.
"""

from __future__ import annotations

import io
import math
import re
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from whelp.data.tfrecord import masked_crc
from whelp.weights.porting import LazyTensor, PortError
from whelp.weights.tensor_files import StoredTensor

_MAGIC = struct.pack("<Q", 0xDB4775248B80FB57)
_FOOTER_SIZE = 48
_INDEX = ".index"
_NEWEST = re.compile(r'^model_checkpoint_path:\s*"(.+)"', re.MULTILINE)
_SUFFIX = "/.ATTRIBUTES/VARIABLE_VALUE"
_DTYPES: dict[int, Any] = {
    1: "<f4",
    2: "<f8",
    3: "<i4",
    9: "<i8",
    14: ml_dtypes.bfloat16,
    19: "<f2",
}


@dataclass(frozen=True)
class _Entry:
    """Where a variable lies: number of the data file, first byte, bytes, and their check sum."""

    dtype: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    check: int


def find_index(path: str | Path) -> Path | None:
    """Returns the `.index` of a checkpoint; `None` for a path that names none.

    Args:
      path: The index itself, `NAME` for `NAME.index`, the folder of a checkpoint, or a SavedModel.

    Raises:
      PortError: A folder holds no checkpoint, or several and nothing that says which.
    """
    path = Path(path)
    if path.suffix == _INDEX:
        return path
    if path.is_dir():
        return _index_in(path)
    beside = path.with_name(path.name + _INDEX)
    return beside if beside.is_file() and not path.exists() else None


def _index_in(folder: Path) -> Path:
    saved_model, pointer = folder / "variables" / f"variables{_INDEX}", folder / "checkpoint"
    if saved_model.is_file():
        return saved_model
    if pointer.is_file() and (newest := _NEWEST.search(pointer.read_text("utf-8", "replace"))):
        # A checkpoint that was moved as a whole still has its old path there.
        for named in (folder / newest[1], folder / Path(newest[1]).name):
            if (index := named.with_name(named.name + _INDEX)).is_file():
                return index
    found = sorted(folder.glob(f"*{_INDEX}"))
    if len(found) == 1:
        return found[0]
    names = ", ".join(index.name for index in found[:5])
    raise PortError(
        f"{folder} holds {len(found)} checkpoints of TensorFlow{f': {names}' if names else ''}; "
        "expected one, NAME.index beside NAME.data-*, or a file `checkpoint` that names one. Give "
        "the .index."
    )


@contextmanager
def open_bundle(path: str | Path) -> Iterator[dict[str, LazyTensor]]:
    """Opens a checkpoint of TensorFlow.

    Args:
      path: Its `.index` file.

    Yields:
      The variables of numbers by their names in it, to be read while it is open; names of variables
      that Keras or Sonnet saved come without the ending that all of them have.

    Raises:
      PortError: A file is missing, truncated or of another format.
    """
    path = Path(path)
    entries = _read_index(path)
    count = _message(entries.pop("")).get(1, [1])[0]
    parts = [path.with_suffix(f".data-{n:05d}-of-{count:05d}") for n in range(count)]
    for part in parts:
        if not part.is_file():
            raise PortError(
                f"There is no file {part}, in which {path.name} says that variables are. Copy it "
                "beside the index."
            )
    with ExitStack() as files:
        shards = [files.enter_context(part.open("rb")) for part in parts]
        found = {name.removesuffix(_SUFFIX): _entry(value) for name, value in entries.items()}
        yield {
            name: _stored(entry, shards[entry.shard], f"{path}: {name}")
            for name, entry in found.items()
            if entry.dtype in _DTYPES
        }


def _stored(entry: _Entry, file: io.BufferedReader, place: str) -> StoredTensor:
    dtype = np.dtype(_DTYPES[entry.dtype])

    def read() -> NDArray[Any]:
        file.seek(entry.offset)
        data = file.read(entry.size)
        if len(data) != math.prod(entry.shape) * dtype.itemsize or masked_crc(data) != entry.check:
            raise PortError(
                f"{place} cannot be read: its numbers are missing or do not match their check sum. "
                "Copy or download the checkpoint again."
            )
        return np.frombuffer(data, dtype).reshape(entry.shape)

    return StoredTensor(entry.shape, dtype, read)


def _read_index(path: Path) -> dict[str, bytes]:
    """Reads all entries of a table."""
    if not path.is_file():
        raise PortError(f"There is no file {path}.")
    table = path.read_bytes()
    if len(table) < _FOOTER_SIZE or table[-8:] != _MAGIC:
        raise PortError(_damaged(path, len(table)))
    footer = io.BytesIO(table[-_FOOTER_SIZE:])
    _varint(footer), _varint(footer)  # The place of an index of metadata, of which there are none.
    entries: dict[bytes, bytes] = {}
    for handle in _block(table, footer, path).values():
        entries |= _block(table, io.BytesIO(handle), path)
    return {key.decode(): value for key, value in entries.items()}


def _block(table: bytes, handle: io.BytesIO, path: Path) -> dict[bytes, bytes]:
    """Reads the entries of the block of a table that a handle says the place of."""
    start, size = _varint(handle), _varint(handle)
    kind, check = struct.unpack_from("<BI", table, start + size)
    if kind != 0 or masked_crc(table[start : start + size + 1]) != check:
        raise PortError(_damaged(path, len(table)))
    restarts = struct.unpack_from("<I", table, start + size - 4)[0]
    content = table[start : start + size - 4 * (restarts + 1)]
    stream = io.BytesIO(content)
    entries, key = {}, b""
    while stream.tell() < len(content):
        shared, own, length = (_varint(stream) for _ in range(3))
        key = key[:shared] + stream.read(own)
        entries[key] = stream.read(length)
    return entries


def _damaged(path: Path, size: int) -> str:
    return (
        f"{path} is no index of a TensorFlow checkpoint: expected what tf.train.Checkpoint writes, "
        f"received {size} bytes that are damaged or of another format. Copy or download it again."
    )


def _entry(value: bytes) -> _Entry:
    fields = _message(value)
    shape = _message(fields[2][0]) if 2 in fields else {}
    sides = tuple(_message(side).get(1, [0])[0] for side in shape.get(2, []))
    dtype, shard, offset, size, check = (fields.get(n, [0])[0] for n in (1, 3, 4, 5, 6))
    return _Entry(dtype, sides, shard, offset, size, check)


def _message(data: bytes) -> dict[int, list[Any]]:
    """Reads the fields of a protocol-buffer message by number: numbers, and bytes of the others."""
    stream = io.BytesIO(data)
    fields: dict[int, list[Any]] = {}
    while stream.tell() < len(data):
        tag = _varint(stream)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value: Any = _varint(stream)
        elif kind == 2:
            value = stream.read(_varint(stream))
        else:
            size = 8 if kind == 1 else 4
            value = int.from_bytes(stream.read(size), "little")
        fields.setdefault(number, []).append(value)
    return fields


def _varint(stream: io.BytesIO) -> int:
    """Reads a number of seven bits a byte, the lowest first."""
    number, shift = 0, 0
    while True:
        (byte,) = stream.read(1)
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return number
