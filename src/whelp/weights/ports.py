"""Files of other libraries: whose they are, by a tensor that each of them has, and loading them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from whelp.models import SequenceModel
from whelp.weights.borzoi_pytorch import borzoi_pytorch_rules
from whelp.weights.enformer_deepmind import enformer_deepmind_rules, enformer_deepmind_tensors
from whelp.weights.enformer_pytorch import enformer_pytorch_rules, enformer_pytorch_tensors
from whelp.weights.hub import SourceFile, fetch, is_hub_name
from whelp.weights.porting import LazyTensor, PortError, Rule, port
from whelp.weights.tensor_bundle import find_index, open_bundle
from whelp.weights.tensor_files import open_tensors

_TORCH = (".safetensors", ".bin", ".pt", ".pth", ".ckpt")
_TENSORFLOW = ".index"
_PIECE = 1 << 20


@dataclass(frozen=True)
class Library:
    """A library whose files can be read.

    Attributes:
      name: Its name.
      mark: End of the name of a tensor that its files have, and no other's.
      rules: Its table of names.
      tidy: Gives each tensor once, under the names of the table.
    """

    name: str
    mark: str
    rules: Callable[[], list[Rule]]
    tidy: Callable[[Mapping[str, LazyTensor]], Mapping[str, LazyTensor]] = dict


LIBRARIES = (
    Library("borzoi-pytorch", "horizontal_conv0.conv_layer.weight", borzoi_pytorch_rules),
    Library(
        "enformer-pytorch",
        ".to_attn_logits.weight",
        enformer_pytorch_rules,
        enformer_pytorch_tensors,
    ),
    Library(
        "DeepMind's Enformer",
        "_trunk/_layers/0/_layers/0/w",
        enformer_deepmind_rules,
        enformer_deepmind_tensors,
    ),
)


def is_port(path: str | Path) -> bool:
    """Whether a file is one of another library, by its ending, or by its name on a hub.

    Raises:
      PortError: It is a folder, and not of one checkpoint.
    """
    if is_hub_name(path) or Path(path).suffix in _TORCH:
        return True
    return find_index(path) is not None


def load_port(
    model: SequenceModel, path: str | Path, *, trunk: bool | None = None
) -> tuple[str, ...]:
    """Loads weights from a file of another library; nothing is changed unless all of it fits.

    Args:
      model: A plain model of the architecture of the file.
      path: A file of PyTorch or of safetensors; a checkpoint of TensorFlow by its `.index`, its
        name without that, or its folder; or a name on a hub as `whelp.weights.hub.fetch` takes it.
      trunk: `True` leaves heads alone; `False` wants all of them; `None` takes those that fit.

    Returns:
      Names of the model's heads that keep the weights they had.

    Raises:
      PortError: The file cannot be read, is of a library that whelp does not know, or does not fit.
    """
    file = find(path).path
    with open_port(file) as tensors:
        library = library_of(tensors, file)
        try:
            return port(model, library.tidy(tensors), library.rules(), trunk=trunk)
        except PortError as error:
            raise PortError(f"{file}, a file of {library.name}: {error}") from None


def find(name: str | Path) -> SourceFile:
    """Returns a file on this machine: itself, or what is downloaded by a name on a hub.

    Raises:
      PortError: There is no such file, or `whelp.weights.hub.fetch` does not find it.
    """
    if is_hub_name(name):
        return fetch(str(name))
    path = find_index(name) or Path(name)
    if not path.is_file():
        raise PortError(f"There is no file {path}.")
    return SourceFile(path, path.name, None)


def provenance_of(file: SourceFile) -> dict[str, str]:
    """Returns what is known of a file of weights: `source`, `library`, `sha256`, and `licence`.

    Raises:
      PortError: The file cannot be read, or is of a library that whelp does not know.
    """
    with open_port(file.path) as tensors:
        library = library_of(tensors, file.path).name
    facts = {"source": file.source, "library": library, "sha256": file_digest(file.path)}
    return facts | ({"licence": file.licence} if file.licence else {})


def file_digest(path: Path) -> str:
    """Returns the SHA-256 of a file; of a checkpoint of TensorFlow, that of its numbers."""
    parts = (
        sorted(path.parent.glob(f"{path.stem}.data-*")) if path.suffix == _TENSORFLOW else [path]
    )
    sha = hashlib.sha256()
    for part in parts:
        with part.open("rb") as opened:
            while piece := opened.read(_PIECE):
                sha.update(piece)
    return sha.hexdigest()


def open_port(path: Path) -> AbstractContextManager[Mapping[str, LazyTensor]]:
    """Opens a file of another library; as a context manager it gives the tensors by name."""
    return open_bundle(path) if path.suffix == _TENSORFLOW else open_tensors(path)


def library_of(tensors: Mapping[str, LazyTensor], path: str | Path) -> Library:
    """Returns the library that wrote tensors.

    Raises:
      PortError: None of those that are known did.
    """
    for library in LIBRARIES:
        if any(name.endswith(library.mark) for name in tensors):
            return library
    known = ", ".join(library.name for library in LIBRARIES)
    raise PortError(
        f"{path} holds {len(tensors)} tensors of a library or model that whelp does not know, the "
        f"first is {next(iter(tensors), None)!r}. Expected a model of {known}."
    )
