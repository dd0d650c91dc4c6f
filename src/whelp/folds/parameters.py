"""Parameter files of replicates."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from whelp.files import atomic_path
from whelp.specs import Params, load_params


def digest(params: Params) -> str:
    """Digest of parameters, the same for files that say the same."""
    text = json.dumps(params.to_dict(), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def write_params(source: str | Path | Mapping[str, Any], target: Path) -> None:
    """Writes parameters: a copy of their file, where that says the same in its new place.

    A file that is there and says the same stays.

    Args:
        source: Path of the parameter file, or its contents.
        target: Where to write.
    """
    given = load_params(source)
    if target.exists() and digest(load_params(target)) == digest(given):
        return
    with atomic_path(target) as temporary:
        if not isinstance(source, Mapping):
            shutil.copyfile(source, temporary)
            # Files that it names without their folder are found no more.
            if digest(load_params(temporary)) == digest(given):
                return
        temporary.write_text(given.to_json(), encoding="utf-8")


def with_seed(source: Path, added: int) -> dict[str, Any]:
    """Returns the contents of a parameter file with another seed."""
    values = load_params(source).to_dict()
    values["train"]["seed"] = values["train"].get("seed", 0) + added
    return values
