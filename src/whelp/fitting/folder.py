"""The output folder of a run: whose it is, and what the run says of itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from whelp.files import atomic_path
from whelp.specs import Params, load_params

PARAMS, RECORD = "params.json", "run.json"
RESULTS = (
    "run.json",
    "log.csv",
    "checkpoint_*.npz",
    "model*_best.h5",
    "model*_check.h5",
    "model*_best.mergeW.h5",
    "adapter*.safetensors",
    "report*.html",
    "head_first/log.csv",
    "head_first/checkpoint_*.npz",
    "test*/acc*.txt",
    "test*/evaluation.json",
)
"""What a run writes beside `params.json`, which people put there beforehand."""


class OutputFolderError(ValueError):
    """The output folder holds an earlier run, or one that cannot be resumed."""


def check_folder(folder: Path, existing: str, identity: Mapping[str, Any]) -> None:
    """Decides whether a run may write into a folder; changes nothing.

    Args:
      folder: The folder, which need not exist.
      existing: `refuse`, `resume` or `replace` an earlier run.
      identity: What must be the same for a run to be resumed.

    Raises:
      OutputFolderError: There is an earlier run and it is refused, or it is another one.
    """
    found = results(folder)
    if existing == "replace" or not found:
        return
    if existing == "refuse":
        raise OutputFolderError(
            f"{folder} holds an earlier run ({found[0].name}). Go on with it (--resume), replace "
            "it (--overwrite), or choose another folder."
        )
    record = read_run(folder)
    before = {} if record is None else record.get("identity", {})
    different = [key for key in identity if key in before and before[key] != identity[key]]
    if different:
        raise OutputFolderError(
            f"{folder} holds a run that differs in {', '.join(different)} and cannot be resumed "
            "with these parameters. Resume with those it was begun with, replace it (--overwrite), "
            "or choose another folder."
        )


def clear_folder(folder: Path) -> None:
    """Removes the results of an earlier run, and nothing else."""
    for path in results(folder):
        path.unlink(missing_ok=True)


def results(folder: Path) -> list[Path]:
    """Lists the files of an earlier run."""
    found = [path for pattern in RESULTS for path in folder.glob(pattern) if path.is_file()]
    return sorted(set(found))


def write_params(params: Params, source: Path | None, folder: Path) -> None:
    """Puts `params.json` into the folder: a copy of the file, if that says the same.

    Raises:
      OSError: The folder cannot be written to.
    """
    target = folder / PARAMS
    text = params.to_json()
    if source is not None and load_params(source).to_dict() == params.to_dict():
        if target.exists() and source.samefile(target):
            return
        text = source.read_text(encoding="utf-8")
    with atomic_path(target) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_adapter_keys(params: Params, keys: Mapping[str, Any], folder: Path) -> None:
    """Rewrites `params.json` with the keys by which the reference rebuilds adapters."""
    values = params.to_dict()
    values["model"] |= keys
    with atomic_path(folder / PARAMS) as temporary:
        temporary.write_text(json.dumps(values, indent=4) + "\n", encoding="utf-8")


def write_run(folder: Path, record: Mapping[str, Any]) -> None:
    """Writes what a run says of itself to `run.json`."""
    with atomic_path(folder / RECORD) as temporary:
        temporary.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def read_run(folder: str | Path) -> dict[str, Any] | None:
    """Reads `run.json` of a folder; `None` if there is none, or it is damaged."""
    try:
        record = json.loads((Path(folder) / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None
