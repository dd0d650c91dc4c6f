"""Files of named tensors that PyTorch's packages leave: `.safetensors`, and `.bin` or `.pt`.

Neither needs PyTorch, and nothing of a file is run. A tensor is read when it is asked for, so that
beside a model no more than one is in memory.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from whelp.weights.porting import LazyTensor, PortError, own_pages
from whelp.weights.torch_pickle import TorchTensor, read_torch_pickle

_ZIP = b"PK\x03\x04"
_SAFETENSORS_DTYPES: dict[str, Any] = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": ml_dtypes.bfloat16,
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U8": "u1",
    "BOOL": "?",
}


@dataclass(frozen=True)
class StoredTensor:
    """A tensor in a file, read by `numpy.asarray`.

    Attributes:
      shape: Its shape.
      dtype: Type of the numbers in the file.
      read: Reads it.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    read: Callable[[], NDArray[Any]]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Reads the tensor."""
        return self.read().astype(dtype or self.dtype, copy=False)


@contextmanager
def open_tensors(path: str | Path) -> Iterator[Mapping[str, LazyTensor]]:
    """Opens a file of tensors; which format it has, its first bytes say.

    Args:
      path: A `.safetensors`, or what `torch.save` wrote of a state dict since PyTorch 1.6, alone or
        below the key `state_dict`.

    Yields:
      The tensors by name, to be read while the file is open.

    Raises:
      PortError: The file is missing, truncated, of another format, or a pickle that wants to run
        code.
    """
    path = Path(path)
    if not path.is_file():
        raise PortError(f"There is no file {path}.")
    with path.open("rb") as file:
        start = file.read(len(_ZIP))
        file.seek(0)
        yield _torch_tensors(file, path) if start == _ZIP else _safetensors(file, path)


def _safetensors(file: io.BufferedReader, path: Path) -> dict[str, LazyTensor]:
    if file.read(1) == b"\x80":
        raise PortError(
            f"{path} is a bare pickle: expected safetensors, or the archive that torch.save writes "
            "since PyTorch 1.6. Load it with PyTorch where you trust it, "
            "torch.load(path, weights_only=True), and save it again."
        )
    try:
        # Checks that the header is whole and describes the file; reading is done here, because a
        # mapped file counts as memory of the process.
        with safe_open(path, framework="numpy"):
            pass
    except (SafetensorError, OSError) as error:
        raise PortError(_damaged(path, error)) from error
    file.seek(0)
    size = int.from_bytes(file.read(8), "little")
    header = json.loads(file.read(size))
    header.pop("__metadata__", None)
    return {
        name: _stored(name, entry, file, path, start=8 + size) for name, entry in header.items()
    }


def _stored(
    name: str, entry: Mapping[str, Any], file: io.BufferedReader, path: Path, *, start: int
) -> StoredTensor:
    if entry["dtype"] not in _SAFETENSORS_DTYPES:
        raise PortError(
            f"{path} holds {name!r} as {entry['dtype']}: expected one of "
            f"{', '.join(_SAFETENSORS_DTYPES)}. Save it as float32."
        )
    shape, dtype = tuple(entry["shape"]), np.dtype(_SAFETENSORS_DTYPES[entry["dtype"]])

    def read() -> NDArray[Any]:
        array = own_pages((math.prod(shape),), dtype)
        file.seek(start + entry["data_offsets"][0])
        file.readinto(array.view("u1").data)
        return array.reshape(shape)

    return StoredTensor(shape, dtype, read)


def _torch_tensors(file: io.BufferedReader, path: Path) -> dict[str, LazyTensor]:
    try:
        archive = zipfile.ZipFile(file)
        pickles = [name for name in archive.namelist() if name.endswith("data.pkl")]
        if len(pickles) != 1:
            raise PortError(
                f"{path} is an archive without tensors: expected what torch.save writes, received "
                f"{', '.join(archive.namelist()[:5])}."
            )
        folder = pickles[0].removesuffix("data.pkl")
        found = read_torch_pickle(io.BytesIO(archive.read(pickles[0])), path)
    except (zipfile.BadZipFile, EOFError) as error:
        raise PortError(_damaged(path, error)) from error

    def stored(tensor: TorchTensor) -> StoredTensor:
        def read() -> NDArray[Any]:
            try:
                return tensor.of(archive.read(f"{folder}data/{tensor.storage}"))
            except (zipfile.BadZipFile, EOFError, KeyError) as error:
                raise PortError(_damaged(path, error)) from error

        return StoredTensor(tensor.shape, tensor.dtype, read)

    return {name: stored(tensor) for name, tensor in found.items()}


def _damaged(path: Path, error: Exception) -> str:
    return (
        f"{path} cannot be read: expected .safetensors, or a .bin or .pt of torch.save, received "
        f"{path.stat().st_size} bytes that are truncated or of another format ({error}). Copy or "
        "download it again."
    )
