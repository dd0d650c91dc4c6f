"""What a folder of replicates says of itself: `folds.json`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import whelp
from whelp.files import atomic_path
from whelp.folds.errors import FoldsError
from whelp.folds.places import GENES
from whelp.folds.settings import GenesAsked, Replicate

RECORD = "folds.json"


@dataclass(frozen=True)
class FoldsRecord:
    """What is done in a folder of replicates.

    Attributes:
        data: Data sets, absolute paths.
        params: Digest of the parameters.
        options: Head, precision and so on, plain values.
        replicates: The replicates.
        genes: The genes that they are evaluated on, if any.
        command: Command line of the last call.
        software: The version of whelp that wrote it.
    """

    data: Sequence[str]
    params: str
    options: Mapping[str, Any]
    replicates: Sequence[Replicate]
    genes: GenesAsked | None = None
    command: str = ""
    software: str = f"whelp {whelp.__version__}"


def read_record(folder: Path) -> FoldsRecord | None:
    """Reads the record of a folder; None if there is none.

    Raises:
        FoldsError: It is damaged.
    """
    path = folder / RECORD
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        values["replicates"] = tuple(Replicate(**each) for each in values["replicates"])
        if values.get("genes") is not None:
            values["genes"] = GenesAsked(**values["genes"])
        return FoldsRecord(**values)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, TypeError, KeyError) as error:
        raise FoldsError(f"{path} cannot be read: {error}. Take another folder") from error


def write_record(folder: Path, record: FoldsRecord) -> None:
    """Writes the record of a folder."""
    with atomic_path(folder / RECORD) as temporary:
        temporary.write_text(json.dumps(_plain(record), indent=2) + "\n", encoding="utf-8")


def joined(before: FoldsRecord | None, now: FoldsRecord, folder: Path) -> FoldsRecord:
    """Adds what is asked for now to what a folder says already.

    Folds, crosses and genes may be added to those that are there; all else must be the same, but
    for genes that no replicate has been evaluated on.

    Raises:
        FoldsError: Something else differs.
    """
    if before is None:
        return replace(now, replicates=_ordered(now.replicates))
    theirs, ours = _plain(before), _plain(now)
    different = [name for name in ("data", "params", "options") if theirs[name] != ours[name]]
    asked = before.genes is not None and now.genes is not None
    if asked and theirs["genes"] != ours["genes"] and any(folder.glob(f"f*c*/{GENES}")):
        different.append("genes")
    there = {each.name: each for each in before.replicates}
    different += [each.name for each in now.replicates if there.get(each.name, each) != each]
    if different:
        raise FoldsError(
            f"{folder} holds other replicates: they differ in {', '.join(different)}. Go on with "
            "the parameters, data and options that it was begun with, or choose another folder"
        )
    together = {**there, **{each.name: each for each in now.replicates}}
    genes = now.genes or before.genes
    return replace(now, replicates=_ordered(together.values()), genes=genes)


def _ordered(replicates: Iterable[Replicate]) -> tuple[Replicate, ...]:
    return tuple(sorted(replicates, key=lambda each: (each.fold, each.cross)))


def _plain(record: FoldsRecord) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(json.dumps(asdict(record)))
    return values
