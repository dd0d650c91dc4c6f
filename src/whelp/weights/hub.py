"""Weights by their name on the Hugging Face hub, through the optional package huggingface_hub."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whelp.weights.porting import PortError

PREFIX = "hf:"
_FILES = ("model.safetensors", "pytorch_model.bin")
_NAME = re.compile(r"hf:(?P<repository>[^/@:]+/[^/@:]+)(@(?P<revision>[^/:]+))?(:(?P<file>.+))?")
_LICENCE = re.compile(r"^license:\s*(\S+)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class SourceFile:
    """A file of weights on this machine.

    Attributes:
      path: Where it lies.
      source: Its name, or `hf:OWNER/NAME@COMMIT:FILE`, by which it is found again.
      licence: What the model's card says, such as `"mit"`; `None` where it says nothing.
    """

    path: Path
    source: str
    licence: str | None


def is_hub_name(name: str | Path) -> bool:
    """Whether this is the name of a model on a hub: `hf:johahi/flashzoi-replicate-0`."""
    return str(name).startswith(PREFIX)


def fetch(name: str) -> SourceFile:
    """Downloads a file of weights, or finds it among those that were downloaded before.

    Args:
      name: `hf:OWNER/NAME`, with `@REVISION` (the newest by default) and `:FILE` behind it
        (`model.safetensors` by default, or else `pytorch_model.bin`).

    Raises:
      PortError: The name is no such name, the package is not installed, the model or the file is
        not there, or the hub cannot be reached.
    """
    found = _NAME.fullmatch(name)
    if found is None:
        raise PortError(
            f"{name!r} is no name of a model: expected hf:OWNER/NAME, with @REVISION and :FILE "
            "behind it where wanted, as in hf:johahi/flashzoi-replicate-0."
        )
    repository, revision = found["repository"], found["revision"]
    path, file = _first(repository, revision, (found["file"],) if found["file"] else _FILES)
    # The files of a commit lie below a folder with its name.
    commit = path.parents[len(Path(file).parts) - 1].name
    return SourceFile(path, f"{PREFIX}{repository}@{commit}:{file}", _licence(repository, commit))


class _AbsentError(PortError):
    """A file is not on this machine, and not on the hub or the hub is out of reach."""


def _first(repository: str, revision: str | None, files: tuple[str, ...]) -> tuple[Path, str]:
    """The first of some files that the model has, and its name."""
    absent = []
    for file in files:
        try:
            return _download(repository, revision, file), file
        except _AbsentError as error:
            absent.append(error)
    raise absent[0]


def _licence(repository: str, commit: str) -> str | None:
    """The licence that the card of a model names."""
    try:
        card = _download(repository, commit, "README.md").read_text(encoding="utf-8")
    except _AbsentError:
        return None
    found = _LICENCE.search(card)
    return None if found is None else found[1]


def _download(repository: str, revision: str | None, file: str) -> Path:
    download, errors = _import_hub()
    try:
        return Path(download(repository, file, revision=revision))
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError) as error:
        named = f"{repository}@{revision}" if revision else repository
        raise PortError(
            f"The hub has no model {named} that may be read from here. Is the name right? A "
            "private model wants `hf auth login`."
        ) from error
    except OSError as error:  # The hub's own errors are of this class, and the network's.
        online = isinstance(error, errors.EntryNotFoundError)
        if online and not isinstance(error, errors.LocalEntryNotFoundError):
            raise _AbsentError(
                f"The model {repository} has no file {file}. Name one that it has: "
                f"{PREFIX}{repository}:FILE."
            ) from error
        raise _AbsentError(
            f"{file} of {repository} is not on this machine, and the hub cannot be reached. Where "
            f"there is a network, run `hf download {repository} {file}`, copy the file here and "
            "give its path."
        ) from error


def _import_hub() -> tuple[Any, Any]:
    """The package's function that downloads, and the module of its errors."""
    try:
        from huggingface_hub import errors, hf_hub_download
    except ImportError as error:
        raise PortError(
            "Names on the hub want the package huggingface_hub, which is not installed: "
            "`pip install whelp[hub]`; or download the file and give its path."
        ) from error
    return hf_hub_download, errors
