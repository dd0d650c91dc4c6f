"""Lines that the reference's commands print, for scripts that read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from whelp.cli.console import say

if TYPE_CHECKING:
    import pandas as pd

    from whelp.fitting import EpochNews

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
