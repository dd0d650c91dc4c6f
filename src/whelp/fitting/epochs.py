"""News of each epoch, for whoever watches a run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras


@dataclass(frozen=True)
class EpochNews:
    """What came of an epoch.

    Attributes:
      epoch: Its number, from 1.
      seconds: Its time, validation included.
      logs: Loss and metrics, those of validation after `val_`; those of several heads with the
        head's name.
      best: Whether it is the best so far.
      phase: `"head"` while the head is trained alone before adapters are put in, else `"main"`.
    """

    epoch: int
    seconds: float
    logs: Mapping[str, float]
    best: bool
    phase: str = "main"


class EpochWatch(keras.callbacks.Callback):
    """Collects an epoch's numbers until its files are written, then tells them.

    Args:
      tell: Takes the news.
      phase: See `EpochNews`.
    """

    def __init__(self, tell: Callable[[EpochNews], None] | None, phase: str = "main") -> None:
        super().__init__()
        self._tell = tell
        self._phase = phase
        self._begun = time.perf_counter()
        self._epoch = 0
        self._logs: dict[str, float] = {}
        self._best = False

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Starts the clock."""
        self._begun, self._epoch, self._best = time.perf_counter(), epoch + 1, False

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Keeps the numbers: whether the epoch is the best is not known yet."""
        self._logs = {name: float(value) for name, value in (logs or {}).items()}

    def mark_best(self) -> None:
        """Notes that the epoch is the best so far."""
        self._best = True

    def announce(self) -> None:
        """Tells the news, once the epoch's files are written."""
        if self._tell is not None:
            seconds = time.perf_counter() - self._begun
            self._tell(EpochNews(self._epoch, seconds, self._logs, self._best, self._phase))
