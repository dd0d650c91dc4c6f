"""What has come of each replicate, read from its folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from whelp.folds.settings import Replicate
from whelp.folds.training_task import TRAIN

FAILURE = "failure.txt"
"""Says why a replicate failed, in its folder."""

NUMBERS = ("pearsonr", "spearmanr", "r2", "auroc", "auprc")


@dataclass(frozen=True)
class ReplicateResult:
    """A replicate and what has come of it.

    Attributes:
        replicate: The replicate.
        status: `finished`, `failed` or `unfinished`.
        message: Why it failed.
        record: What its training says of itself: epochs, seconds and so on.
        history: Loss and metrics, one row an epoch; None if no epoch is finished.
        accuracy: Head -> accuracy on the test windows, one row a track.
    """

    replicate: Replicate
    status: str
    message: str = ""
    record: Mapping[str, Any] = field(default_factory=dict)
    history: pd.DataFrame | None = None
    accuracy: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    def row(self, head: str) -> dict[str, Any]:
        """Numbers of one head, means over its tracks."""
        table = self.accuracy.get(head)
        replicate, record = self.replicate, self.record
        means = {} if table is None else {name: table[name].mean() for name in numbers_of(table)}
        return {
            "replicate": replicate.name,
            "head": head,
            "fold": replicate.fold,
            "valid_fold": replicate.valid_fold,
            "cross": replicate.cross,
            "leak": replicate.leak,
            "status": self.status,
            **means,
            "valid_pearsonr": record.get("valid_pearsonr"),
            "epochs": record.get("epochs"),
            "best_epoch": record.get("best_epoch"),
            "seconds": record.get("seconds"),
            "peak_memory": record.get("peak_memory"),
            "weights": replicate.weights or "",
            "message": self.message,
        }


def numbers_of(table: pd.DataFrame) -> list[str]:
    """Names of the measures of accuracy that a table has."""
    return [name for name in NUMBERS if name in table]


def is_finished(folder: Path) -> bool:
    """Whether the replicate of a folder is trained and evaluated."""
    return _record(folder).get("status") == "finished"


def read_result(folder: Path, replicate: Replicate) -> ReplicateResult:
    """Reads what has come of a replicate.

    Args:
        folder: The replicate's folder.
        replicate: The replicate.
    """
    train, record = folder / TRAIN, _record(folder)
    log = train / "log.csv"
    history = pd.read_csv(log) if log.exists() else None
    if record.get("status") == "finished":
        heads = list(record.get("data", {}))
        accuracy = _accuracy(train, heads)
        return ReplicateResult(replicate, "finished", "", record, history, accuracy)
    failure = folder / FAILURE
    if failure.exists():
        message = failure.read_text(encoding="utf-8").strip()
        return ReplicateResult(replicate, "failed", message, {}, history)
    return ReplicateResult(replicate, "unfinished", "", {}, history)


def _accuracy(train: Path, heads: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Tables of accuracy; a head without test windows has none."""
    places = {heads[0]: "test"} if len(heads) == 1 else {head: f"test_{head}" for head in heads}
    files = {head: train / place / "acc.txt" for head, place in places.items()}
    text = {"identifier": str, "description": str, "leak": str}
    return {
        head: pd.read_table(file, dtype=text, keep_default_na=True).fillna(dict.fromkeys(text, ""))
        for head, file in files.items()
        if file.exists()
    }


def _record(folder: Path) -> dict[str, Any]:
    try:
        record = json.loads((folder / TRAIN / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}
