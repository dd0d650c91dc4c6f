"""How a training is shown: a bar within the epoch on a terminal, and a line after each."""

from __future__ import annotations

import math
from typing import Any

import keras
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from whelp.cli.console import console, say
from whelp.cli.epoch_line import epoch_words
from whelp.fitting import EpochNews


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


def say_epoch(news: EpochNews) -> None:
    """Prints the line of an epoch."""
    phase = "head alone, " if news.phase == "head" else ""
    line = epoch_words(news.epoch, news.seconds, news.logs)
    say(f"{phase}{line}" + ("  best" if news.best else ""))
