"""How far a scoring is, a bar on terminals only; and what came of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from whelp.cli.console import console, count, say, warn
from whelp.files import Closing

if TYPE_CHECKING:
    from whelp.interpreting.mutation_run import MutationSummary
    from whelp.scoring.run import ScoreSummary
    from whelp.specs import ModelSpec


_LOG_SECONDS = 60.0


class ScoreBar(Closing):
    """Shows how many variants, or others, are scored: a bar that leaves nothing behind.

    Where there is no terminal, a line now and then.

    Args:
        what: What is counted.
        seconds: Time between lines.
    """

    def __init__(self, what: str = "variants", *, seconds: float = _LOG_SECONDS) -> None:
        self._what = what
        self._seconds = seconds
        self._said = time.monotonic()
        self._progress: Progress | None = None
        self._task: Any = None

    def show(self, done: int, total: int) -> None:
        """Moves the bar."""
        if self._progress is None:
            there = console()
            if not there.is_terminal:
                self._log(done, total)
                return
            columns = (
                TextColumn(self._what),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
            )
            self._progress = Progress(*columns, console=there, transient=True)
            self._task = self._progress.add_task("", total=total)
            self._progress.start()
        self._progress.update(self._task, completed=done)

    def _log(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._said >= self._seconds:
            self._said = now
            say(f"{self._what}: {count(done)} of {count(total)}")

    def close(self) -> None:
        """Removes the bar, if there is one."""
        if self._progress is not None:
            self._progress.stop()


def say_transform(model: ModelSpec, old: bool | None) -> None:
    """Prints which transform of the targets is undone, where nobody said it on the command line."""
    if old is None:
        said = model.target_transform
        why = "as the model says" if said else "as neither the model nor a flag says which"
        say(f"Targets: the {said or 'new'} transform is undone, {why}")


def say_scored(summary: ScoreSummary) -> None:
    """Prints how many variants were scored, could not be, and were in windows of a training."""
    from whelp.scoring.exposure import exposure_sentences

    by_gene = summary.rows != summary.variants
    if summary.resumed:
        what = "scores by gene had been made" if by_gene else "variants had been scored"
        say(f"{count(summary.resumed)} {what} before")
    if summary.rejected:
        rejected = summary.path.with_name("rejected.tsv")
        warn(f"{count(summary.rejected)} variants cannot be scored; {rejected} says why")
    more = f", by gene in {count(summary.rows)} rows," if by_gene else ""
    say(f"{count(summary.variants)} variants scored{more} into {summary.path}")
    for sentence in exposure_sentences(summary.path):
        say(sentence)


def say_mutated(summary: MutationSummary) -> None:
    """Prints how many bases were replaced, and how many rows could not be explained."""
    if summary.resumed:
        say(f"{count(summary.resumed)} bases had been replaced before")
    if summary.rejected:
        rejected = summary.path.with_name("rejected.tsv")
        warn(f"{count(summary.rejected)} rows cannot be explained; {rejected} says why")
    say(
        f"{count(summary.positions)} bases of {count(summary.regions)} stretches replaced, scores "
        f"in {summary.path}"
    )
