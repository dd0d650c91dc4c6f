"""Where things are in the folder of a replicate, and how far it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TRAIN = "train"
"""Folder of the training."""

PARAMS = "params.json"
"""Parameters: those of all replicates beside their folders, a replicate's own in its folder."""

LOG = "train.log"
"""What the process of the training prints."""

FAILURE = "failure.txt"
"""Why the replicate failed."""

GENES = "genes"
"""Folder of the evaluation on genes, there when it is whole."""


def run_record(folder: Path) -> dict[str, Any]:
    """Reads what the training of a replicate says of itself; empty before it begins."""
    try:
        record = json.loads((folder / TRAIN / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def is_trained(folder: Path) -> bool:
    """Whether a replicate is trained and evaluated on its test windows."""
    return run_record(folder).get("status") == "finished"


def is_finished(folder: Path, *, genes: bool) -> bool:
    """Whether nothing is left to do for a replicate.

    Args:
        folder: Its folder.
        genes: Whether it is to be evaluated on genes, too.
    """
    return is_trained(folder) and (not genes or (folder / GENES).is_dir())
