"""How the making of a data set is shown: bars while it runs, tables at the end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from whelp.cli.console import console, count, say, show_table
from whelp.files import Closing

if TYPE_CHECKING:
    from whelp.making import DataSummary, LabeledWindow
    from whelp.making.options import Progress as Step

_WORDS = {"tracks": "reading tracks", "records": "writing windows"}
_MOST_TRACKS = 40
_LOG_SECONDS = 60.0


class DataBar(Closing):
    """Shows how far the making of a data set is: bars with an estimate, or a line now and then.

    Bars begin with the first step and end with the last: others may follow.

    Args:
        seconds: Time between lines, where there is no terminal; the end of a stage has its own.
    """

    def __init__(self, *, seconds: float = _LOG_SECONDS) -> None:
        self._seconds = seconds
        self._said = time.monotonic()
        there = console(stderr=True)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[name]}", style="dim"),
        )
        self._progress = Progress(*columns, console=there)
        self._shown = there.is_terminal
        self._tasks: dict[str, Any] = {}

    def close(self) -> None:
        """Leaves the bars as they are."""
        if self._shown:
            self._progress.stop()

    def __call__(self, step: Step) -> None:
        """Shows a step."""
        words = _WORDS[step.stage]
        if not self._shown:
            self._log(words, step)
            return
        self._progress.start()
        if step.stage not in self._tasks:
            self._tasks[step.stage] = self._progress.add_task(words, total=step.total, name="")
            # What an earlier run did says nothing about how quick this one is.
            self._progress.update(self._tasks[step.stage], completed=step.done)
        else:
            self._progress.update(self._tasks[step.stage], completed=step.done, name=step.name)
        if step.stage == "records" and step.done == step.total:
            self.close()

    def _log(self, words: str, step: Step) -> None:
        now = time.monotonic()
        if step.done == step.total:
            say(f"{words}: {count(step.total)} done")
        elif now - self._said >= self._seconds:
            self._said = now
            say(f"{words}: {count(step.done)} of {count(step.total)}")


def say_windows(windows: Sequence[LabeledWindow]) -> None:
    """Prints how many windows each label has, and on how many chromosomes."""
    counts = Counter(window.label for window in windows)
    covered = {
        label: sum(window.end - window.start for window in windows if window.label == label)
        for label in counts
    }
    chroms = {label: len({w.chrom for w in windows if w.label == label}) for label in counts}
    rows = [
        [label, count(number), f"{covered[label] / 1e6:,.2f}", count(chroms[label])]
        for label, number in counts.items()
    ]
    headings = ["label", "windows", "targets, Mb", "chromosomes"]
    show_table("Windows", headings, rows, numbers=headings[1:])


def say_tracks(summary: DataSummary) -> None:
    """Prints what came of the tracks."""
    rows = [
        [
            track.identifier,
            f"{track.mean:,.4f}",
            f"{track.max:,.1f}",
            f"{track.clipped:.2%}",
            f"{track.missing:.1%}",
        ]
        for track in _shortened(summary.tracks)
    ]
    headings = ["track", "mean of bins", "largest", "clipped bins", "bases without value"]
    show_table("Tracks", headings, rows, numbers=headings[1:])
    if len(summary.tracks) > _MOST_TRACKS:
        say(f"{_MOST_TRACKS} of {count(len(summary.tracks))} tracks; the report has all of them.")


def _shortened(tracks: Sequence[Any]) -> Iterable[Any]:
    return tracks if len(tracks) <= _MOST_TRACKS else tracks[:_MOST_TRACKS]
