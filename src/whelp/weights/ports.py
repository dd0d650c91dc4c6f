"""Files of other libraries: whose they are, by a tensor that each of them has, and loading them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from whelp.models import SequenceModel
from whelp.weights.borzoi_pytorch import borzoi_pytorch_rules
from whelp.weights.enformer_deepmind import enformer_deepmind_rules, enformer_deepmind_tensors
from whelp.weights.enformer_pytorch import enformer_pytorch_rules, enformer_pytorch_tensors
from whelp.weights.porting import LazyTensor, PortError, Rule, port
from whelp.weights.tensor_bundle import open_bundle
from whelp.weights.tensor_files import open_tensors


@dataclass(frozen=True)
class Library:
    """A library whose files can be read.

    Attributes:
      name: Its name.
      marks: Names in the table by which its files are known; one of them is enough.
      rules: Its table of names.
      parameters: The parameter file in `json_configs/models` that describes its released models.
      tidy: Gives each tensor once, under the names of the table.
    """

    name: str
    marks: tuple[str, ...]
    rules: Callable[[], list[Rule]]
    parameters: str
    tidy: Callable[[Mapping[str, LazyTensor]], Mapping[str, LazyTensor]] = dict


LIBRARIES = (
    Library(
        "borzoi-pytorch",
        ("horizontal_conv0.conv_layer.weight",),
        borzoi_pytorch_rules,
        "flashzoi.json",
    ),
    Library(
        "enformer-pytorch",
        ("stem.0.weight",),
        enformer_pytorch_rules,
        "enformer.json",
        enformer_pytorch_tensors,
    ),
    Library(
        "DeepMind's Enformer",
        ("_trunk/_layers/0/_layers/0/w",),
        enformer_deepmind_rules,
        "enformer.json",
        enformer_deepmind_tensors,
    ),
)


ENDINGS = (".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".index")
"""Endings of the files of PyTorch, and of the index of a checkpoint of TensorFlow."""


def is_port(path: str | Path) -> bool:
    """Whether a file is one of another library by its ending."""
    return Path(path).suffix in ENDINGS


def load_port(
    model: SequenceModel, path: str | Path, *, trunk: bool | None = None
) -> tuple[str, ...]:
    """Loads weights from a file of another library; nothing is changed unless all of it fits.

    Args:
      model: A plain model of the architecture of the file.
      path: The file.
      trunk: `True` leaves heads alone; `False` wants all of them; `None` takes those that fit.

    Returns:
      Names of the model's heads that keep the weights they had.

    Raises:
      PortError: The file cannot be read, is of a library that whelp does not know, or does not fit.
    """
    opened = open_bundle(path) if Path(path).suffix == ".index" else open_tensors(path)
    with opened as tensors:
        library = library_of(tensors, path)
        try:
            return port(model, library.tidy(tensors), library.rules(), trunk=trunk)
        except PortError as error:
            raise PortError(f"{path}, a file of {library.name}: {error}") from None


def library_of(tensors: Mapping[str, LazyTensor], path: str | Path) -> Library:
    """Returns the library that wrote tensors.

    Raises:
      PortError: None of those that are known did.
    """
    for library in LIBRARIES:
        if any(mark in library.tidy(tensors) for mark in library.marks):
            return library
    known = ", ".join(library.name for library in LIBRARIES)
    raise PortError(
        f"{path} holds {len(tensors)} tensors of a library or model that whelp does not know, the "
        f"first is {next(iter(tensors), None)!r}. Expected a model of {known}."
    )
