"""What has come of each replicate, read from its folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from whelp.folds.places import FAILURE, GENES, TRAIN, is_finished, run_record
from whelp.folds.settings import Replicate

NUMBERS = ("pearsonr", "spearmanr", "r2", "auroc", "auprc")
_LEVELS = ("pearsonr", "r2", "pearsonr_norm", "r2_norm", "pearsonr_gene")
_CHANGES = ("pearsonr", "spearmanr", "auroc_up", "auroc_down")


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
        expression: Numbers of the evaluation on genes, one row each: `of` (`levels`, or a contrast
            and assay), `number`, `value`.
    """

    replicate: Replicate
    status: str
    message: str = ""
    record: Mapping[str, Any] = field(default_factory=dict)
    history: pd.DataFrame | None = None
    accuracy: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    expression: pd.DataFrame | None = None

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


def read_result(folder: Path, replicate: Replicate, *, genes: bool) -> ReplicateResult:
    """Reads what has come of a replicate.

    Args:
        folder: The replicate's folder.
        replicate: The replicate.
        genes: Whether it is evaluated on genes, too.
    """
    train = folder / TRAIN
    log = train / "log.csv"
    history = pd.read_csv(log) if log.exists() else None
    if is_finished(folder, genes=genes):
        record = run_record(folder)
        accuracy = _accuracy(train, list(record.get("data", {})))
        expression = _expression(folder / GENES) if genes else None
        return ReplicateResult(replicate, "finished", "", record, history, accuracy, expression)
    failure = folder / FAILURE
    if failure.exists():
        message = failure.read_text(encoding="utf-8").strip()
        return ReplicateResult(replicate, "failed", message, history=history)
    return ReplicateResult(replicate, "unfinished", history=history)


def _expression(folder: Path) -> pd.DataFrame:
    """Numbers of an evaluation on genes: one row each, `of` what it is and its `value`."""
    tracks = pd.read_table(folder / "task_metrics.tsv")
    rows = [
        {"of": "levels", "number": name, "value": tracks[name].mean()}
        for name in _LEVELS
        if name in tracks
    ]
    contrasts = folder / "contrasts.tsv"
    for row in pd.read_table(contrasts).to_dict("records") if contrasts.exists() else ():
        assay = "" if pd.isna(row["assay"]) else f" ({row['assay']})"
        of = f"{row['a']}:{row['b']}{assay}"
        rows += [{"of": of, "number": name, "value": row[name]} for name in _CHANGES]
    return pd.DataFrame(rows)


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
