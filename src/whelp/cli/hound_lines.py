"""Lines that the reference's commands print, for scripts that read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from whelp.cli.console import say

if TYPE_CHECKING:
    import pandas as pd

    from whelp.expression import GeneAccuracy
    from whelp.fitting import EpochNews

_GENE_NUMBERS = (
    ("Overall PearsonR", "pearsonr"),
    ("Overall R2", "r2"),
    ("Normalized PearsonR", "pearsonr_norm"),
    ("Normalized R2", "r2_norm"),
    ("Within-gene PearsonR", "pearsonr_gene"),
)
_NUMBERS = (("loss", "loss"), ("pearsonr", "r"), ("r2", "r2"))


def say_hound_epoch(news: EpochNews) -> None:
    """Prints the line of an epoch; epochs count from 0 there."""
    if news.phase == "main":
        for line in epoch_lines(news):
            say(line)


def epoch_lines(news: EpochNews) -> list[str]:
    """Words an epoch: one line, or with several heads one more a head."""
    begin = f"Epoch {news.epoch - 1} - {int(news.seconds)}s"
    best = " - best!" if news.best else ""
    heads = _heads(news.logs)
    if not heads:
        return [begin + _numbers(news.logs, "") + best]
    lines = [
        f"  Data {number}" + _numbers(news.logs, f"{head}_") for number, head in enumerate(heads)
    ]
    return [begin, *(line + best for line in lines)]


def evaluation_lines(accuracy: pd.DataFrame) -> list[str]:
    """Words an evaluation: loss with penalties, and means over tracks."""
    names = {"pearsonr": "Test PearsonR:", "r2": "Test R2:"}
    if "auroc" in accuracy:
        names = {"auroc": "Test AUROC:", "auprc": "Test AUPRC:"}
    lines = [""]
    if accuracy.attrs.get("loss") is not None:
        loss = accuracy.attrs["loss"] + accuracy.attrs["penalty"]
        lines.append(f"{'Test Loss:':<19}{loss:7.5f}")
    return [*lines, *(f"{label:<19}{accuracy[n].mean():7.5f}" for n, label in names.items())]


def gene_lines(accuracy: GeneAccuracy, *, strict: bool = False) -> list[str]:
    """Words an evaluation by gene.

    Args:
        accuracy: What came of it.
        strict: Let one missing number make a mean over genes missing, as the reference does.
    """
    tracks = accuracy.tracks
    lines = [f"{len(accuracy.genes)} genes"]
    for label, name in _GENE_NUMBERS:
        lines.append(f"{label + ':':<22}{tracks[name].mean():.4f}")
    for group in accuracy.groups:
        table = accuracy.by_gene
        varied = table[table[f"{group}_sd"] > table[f"{group}_sd"].median()]
        for words, part in (("", table), (" (sd50)", varied)):
            for label, ending in (("R", "r"), ("R2", "r2")):
                mean = part[f"{group}_{ending}"].mean(skipna=not strict)
                head = f"{group} {label}{words}:"
                width = len(f"{group} R2{words}:")
                lines.append(f"{head:<{width}} {mean:.4f}")
        lines.append("")
    return lines


def specificity_lines(table: pd.DataFrame, *, group_min: int) -> list[str]:
    """Words an evaluation of what sets tracks apart: each group's tracks, and their mean."""
    lines = []
    for group, tracks in table.groupby("group"):
        lines.append(f"{group:<15s}  {len(tracks):4d}")
        if len(tracks) >= group_min:
            lines.append(f" PearsonR {tracks['pearsonr'].mean():.4f}")
    return lines


def _heads(logs: Mapping[str, float]) -> list[str]:
    """Names of the heads, where there are several, in the order of the logs."""
    ending = "_pearsonr"
    names = [name.removesuffix(ending) for name in logs if name.endswith(ending)]
    return [name for name in names if not name.startswith("val")]


def _numbers(logs: Mapping[str, float], head: str) -> str:
    """Training, then validation numbers; a head has no loss of its own."""
    parts = []
    for split, prefix in (("train", ""), ("valid", "val_")):
        for name, word in _NUMBERS:
            key = f"{prefix}{head}{name}" if name != "loss" else f"{prefix}loss"
            if key in logs:
                parts.append(f" - {split}_{word}: {logs[key]:.4f}")
    return "".join(parts)
