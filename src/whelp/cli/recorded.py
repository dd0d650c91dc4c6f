"""The options of a command whose parts were done by several jobs, for the one that ends it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from whelp.files import atomic_path

RECORD = ".gather.json"


def record_options(out_dir: Path, options: Mapping[str, Any]) -> None:
    """Writes down options in the folder of the results.

    Args:
        out_dir: The folder.
        options: Numbers, texts, paths, and sequences and dictionaries of these.
    """
    with atomic_path(out_dir / RECORD) as new:
        new.write_text(json.dumps(_plain(options), indent=1), encoding="utf-8")


def recorded_options(out_dir: Path) -> dict[str, Any] | None:
    """Reads what was written down; sequences are tuples. None where nothing was.

    Raises:
        ValueError: The file is damaged.
    """
    path = out_dir / RECORD
    if not path.exists():
        return None
    try:
        options: dict[str, Any] = _rich(json.loads(path.read_text(encoding="utf-8")))
    except ValueError:
        raise ValueError(
            f"{path} is damaged; run one of the parts again to write it anew"
        ) from None
    return options


def forget_options(out_dir: Path) -> None:
    """Removes what was written down."""
    (out_dir / RECORD).unlink(missing_ok=True)


def _plain(value: Any) -> Any:
    """Write paths, absolute ones, as what JSON knows."""
    if isinstance(value, Path):
        return {"path": str(value.absolute())}
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value


def _rich(value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {"path"}:
            return Path(value["path"])
        return {name: _rich(inner) for name, inner in value.items()}
    return tuple(_rich(inner) for inner in value) if isinstance(value, list) else value
