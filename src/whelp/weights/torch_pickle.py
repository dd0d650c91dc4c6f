"""The index of a PyTorch file, which is a pickle, read without running what it asks for.

A pickle names functions to call. Here only the few names that a dictionary of tensors needs mean
something, and each of them makes a description; any other name is refused.
"""

from __future__ import annotations

import math
import pickle
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from whelp.weights.porting import PortError

_DTYPES: dict[str, Any] = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "BFloat16Storage": ml_dtypes.bfloat16,
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}


@dataclass(frozen=True)
class TorchTensor:
    """Where a tensor lies.

    Attributes:
      storage: Name of the run of numbers that it is cut from.
      dtype: Type of the numbers.
      offset: Its first number.
      shape: Its shape.
      strides: Numbers from one entry of an axis to the next.
    """

    storage: str
    dtype: np.dtype[Any]
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def of(self, storage: bytes) -> NDArray[Any]:
        """Cuts the tensor from the bytes of its storage.

        Raises:
          EOFError: It does not lie within them.
        """
        if not math.prod(self.shape):
            return np.empty(self.shape, self.dtype)
        numbers = np.frombuffer(storage, self.dtype)
        last = sum((n - 1) * s for n, s in zip(self.shape, self.strides, strict=True))
        negative = any(n < 0 for n in (self.offset, *self.shape, *self.strides))
        if negative or self.offset + last >= len(numbers):
            raise EOFError(f"a tensor of {self.shape} lies outside of its {len(numbers)} numbers")
        return np.lib.stride_tricks.as_strided(
            numbers[self.offset :],
            self.shape,
            [stride * self.dtype.itemsize for stride in self.strides],
            writeable=False,
        )


def read_torch_pickle(file: IO[bytes], path: Path) -> dict[str, TorchTensor]:
    """Reads the names and places of the tensors of a state dict.

    Args:
      file: The archive's `data.pkl`.
      path: The archive, for messages.

    Returns:
      Tensors by name; of a checkpoint with a `state_dict` in it, that one's.

    Raises:
      PortError: It asks for code to run, is damaged, or is no state dict.
    """
    try:
        value = _Unpickler(file, path).load()
    except PortError:
        raise
    except Exception as error:  # An unpickler's errors are of any class.
        raise PortError(
            f"{path} has a damaged index ({type(error).__name__}: {error}). Copy or download it "
            "again."
        ) from error
    if isinstance(value, Mapping) and isinstance(value.get("state_dict"), Mapping):
        value = value["state_dict"]
    if not isinstance(value, Mapping) or not value:
        raise PortError(f"{path} holds a {type(value).__name__}: expected a state dict.")
    other = [name for name, entry in value.items() if not isinstance(entry, TorchTensor)]
    if other:
        raise PortError(
            f"{path} holds more than tensors: {str(other[:5])[1:-1]}. Expected a state dict: save "
            "model.state_dict() alone."
        )
    return {str(name): entry for name, entry in value.items()}


class _Unpickler(pickle.Unpickler):
    """Knows tensors and dictionaries, and nothing else that a pickle could call."""

    def __init__(self, file: IO[bytes], path: Path) -> None:
        super().__init__(file)
        self._path = path

    def find_class(self, module: str, name: str) -> Any:
        known = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
            ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
            **{("torch", storage): dtype for storage, dtype in _DTYPES.items()},
        }
        if (module, name) in known:
            return known[module, name]
        raise PortError(
            f"{self._path} is a pickle that wants to run {module}.{name}: refused, because whoever "
            "wrote the file would run code here. Expected a state dict of tensors alone. Ask for "
            "the weights as .safetensors; or, where you trust the file, load it with the package "
            "that wrote it and save model.state_dict()."
        )

    def persistent_load(self, key: Any) -> tuple[str, np.dtype[Any]]:
        _, dtype, storage, *_ = key
        return str(storage), np.dtype(dtype)


def _rebuild_tensor(
    storage: tuple[str, np.dtype[Any]], offset: int, shape: Any, strides: Any, *_: Any
) -> TorchTensor:
    name, dtype = storage
    return TorchTensor(name, dtype, int(offset), tuple(shape), tuple(strides))


def _rebuild_parameter(tensor: TorchTensor, *_: Any) -> TorchTensor:
    return tensor
