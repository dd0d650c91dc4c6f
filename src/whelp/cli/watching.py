"""How a training is shown: a bar within the epoch on a terminal, and a line after each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import keras
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from whelp.cli.console import console, say
from whelp.fitting import EpochNews
from whelp.making.options import Progress as DataProgress

_STAGES = {"tracks": "reading tracks", "records": "writing windows"}


class StepBar(keras.callbacks.Callback):
    """Shows the steps of the running epoch, on terminals only; it leaves nothing behind."""

    def __init__(self) -> None:
        super().__init__()
        self._progress: Progress | None = None
        self._task: Any = None

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Starts a bar."""
        there = console()
        if not there.is_terminal:
            return
        columns = (
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[loss]}"),
            TimeRemainingColumn(),
        )
        self._progress = Progress(*columns, console=there, transient=True)
        steps = self.params.get("steps")
        self._task = self._progress.add_task("", total=steps, epoch=epoch + 1, loss="")
        self._progress.start()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Moves the bar."""
        if self._progress is not None:
            loss = float((logs or {}).get("loss", math.nan))
            self._progress.update(self._task, advance=1, loss=f"loss {loss:.4f}")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Removes the bar."""
        self.stop()

    def on_train_end(self, logs: Any = None) -> None:
        """Removes the bar."""
        self.stop()

    def stop(self) -> None:
        """Removes the bar, if there is one."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


class DataBar:
    """Shows how far the making of a data set is; without a terminal, a line a stage."""

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._stage = ""
        self._task: Any = None

    def __call__(self, news: DataProgress) -> None:
        """Takes news of `whelp.making.make_data`."""
        if news.stage != self._stage:
            self.stop()
            self._stage = news.stage
            self._begin(news)
        if self._progress is not None:
            self._progress.update(self._task, completed=news.done, name=news.name)

    def _begin(self, news: DataProgress) -> None:
        there = console()
        if not there.is_terminal:
            done = f", {news.done:,} of them done before" if news.done else ""
            say(f"{_STAGES[news.stage]}: {news.total:,}{done}")
            return
        columns = (
            TextColumn(_STAGES[news.stage]),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[name]}"),
        )
        self._progress = Progress(*columns, console=there, transient=True)
        self._task = self._progress.add_task("", total=news.total, completed=news.done, name="")
        self._progress.start()

    def stop(self) -> None:
        """Removes the bar, if there is one."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


def say_epoch(news: EpochNews) -> None:
    """Prints the line of an epoch."""
    phase = "head alone, " if news.phase == "head" else ""
    parts = [f"{phase}epoch {news.epoch:>3}", f"{news.seconds:6.1f} s"]
    parts += [f"{label} {value:.4f}" for label, value in named(news.logs).items()]
    say("  ".join(parts) + ("  best" if news.best else ""))


def named(logs: Mapping[str, float]) -> dict[str, float]:
    """Orders an epoch's numbers for a line: training first, then validation."""
    training = {name: value for name, value in logs.items() if not name.startswith("val_")}
    words = {"pearsonr": "r", "r2": "R2"}

    def label(name: str) -> str:
        for ending, word in words.items():
            if name.endswith(ending):
                return name.removesuffix(ending).replace("_", " ") + word
        return name.replace("_", " ")

    chosen = {label(name): value for name, value in training.items()}
    valid = {name: value for name, value in logs.items() if name.startswith("val_")}
    return chosen | {label(f"valid_{name[4:]}"): value for name, value in valid.items()}
