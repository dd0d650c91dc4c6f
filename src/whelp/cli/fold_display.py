"""How the training of replicates is shown: a plan, a line an epoch, a table at the end."""

from __future__ import annotations

import csv
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whelp.cli.cluster_options import chosen_runner
from whelp.cli.console import count, duration, fail, say, score, show_facts, show_table, warn
from whelp.cli.epoch_line import epoch_words
from whelp.files import Closing
from whelp.wording import listed

if TYPE_CHECKING:
    import pandas as pd

    from whelp.folds import FoldsResult, Replicate
    from whelp.folds.training_task import TrainingJob
    from whelp.workers import Failure

_SECONDS = 1.0
_MOST = 12


def train_and_report(
    jobs: Sequence[TrainingJob], out_dir: Path, options: Mapping[str, Any]
) -> None:
    """Trains replicates that are set up, and prints what comes of them.

    Args:
        jobs: The replicates.
        out_dir: Their folder.
        options: `cluster` and `workers` of the command; without a cluster, workers are processes of
            this machine, one a GPU if they are not given, and one without GPUs.

    Raises:
        FoldsError: Some have failed; the others are finished.
    """
    from whelp.cluster.machine import visible_gpus
    from whelp.folds import FoldsError, summarize_folds, train_replicates
    from whelp.workers import Processes

    number = options["workers"]
    if number is None and options["cluster"] in (None, "local"):
        number = max(1, len(visible_gpus()))
    with chosen_runner({**options, "workers": number}) as runner, EpochLines(jobs) as lines:
        runner = runner or Processes(number, threads_of(number))
        train_replicates(jobs, runner=runner, on_end=lines.say_end)
    result = summarize_folds(out_dir)
    say()
    say_result(result)
    mine = {job.replicate.name for job in jobs}
    if failed := [each for each in result.failed if each.replicate.name in mine]:
        names = ", ".join(each.replicate.name for each in failed)
        raise FoldsError(
            f"{len(failed)} of {len(jobs)} replicates failed: {names}. Their train.log says more; "
            "--resume tries them again and leaves the others alone"
        )


def threads_of(processes: int) -> int | None:
    """Threads of each of some processes that share this machine; one leaves it to its libraries."""
    return None if processes == 1 else max(1, (os.cpu_count() or 1) // processes)


def gather(folder: Path) -> None:
    """Sums up replicates that jobs with --part have trained, and prints it.

    Raises:
        FoldsError: Some are not finished.
    """
    from whelp.folds import FoldsError, summarize_folds

    result = summarize_folds(folder)
    say_result(result)
    if missing := [each for each in result.results if each.status != "finished"]:
        names = listed((f"{each.replicate.name} ({each.status})" for each in missing), most=12)
        raise FoldsError(
            f"{len(missing)} of {len(result.results)} replicates are not finished: {names}. Call "
            "their jobs again, and then this"
        )


class EpochLines(Closing):
    """Prints each epoch of replicates that other processes, or machines, train.

    Args:
        jobs: The replicates, whose logs are looked at once a second.
    """

    def __init__(self, jobs: Sequence[TrainingJob]) -> None:
        self._logs = {job.replicate.name: job.folder / "train" / "log.csv" for job in jobs}
        self._told = {name: len(_rows(path)) for name, path in self._logs.items()}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def say_end(self, replicate: Replicate, failure: Failure | None) -> None:
        """Prints that a replicate is finished, or why it failed."""
        self._say_new(replicate.name)
        if failure is None:
            say(f"{replicate.name}  finished")
        else:
            fail(f"{replicate.name}: {failure.message}")

    def close(self) -> None:
        """Prints nothing more."""
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(_SECONDS):
            for name in self._logs:
                self._say_new(name)

    def _say_new(self, name: str) -> None:
        rows = _rows(self._logs[name])
        for row in rows[self._told[name] :]:
            logs = {key: float(value) for key, value in row.items() if value}
            epoch, seconds = int(logs.pop("epoch")), logs.pop("seconds")
            say(f"{name}  {epoch_words(epoch, seconds, logs)}")
        self._told[name] = max(len(rows), self._told[name])


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="") as file:
            return list(csv.DictReader(file))
    except OSError:
        return []


def say_plan(jobs: Sequence[TrainingJob], notes: Sequence[str]) -> None:
    """Prints which replicates there are to be."""
    for note in notes:
        warn(note)
    replicates = [job.replicate for job in jobs]
    columns = ["replicate", "test fold", "validation fold", "weights", "seen in pretraining"]
    rows = [
        [
            each.name,
            each.fold,
            each.valid_fold,
            Path(each.weights).name if each.weights else "-",
            each.leak or ("nothing" if each.weights else "-"),
        ]
        for each in replicates
    ]
    show_table("Replicates", columns, rows[:_MOST], numbers=columns[1:3])
    if len(rows) > _MOST:
        say(f"... {count(len(rows))} in all")
    say()


def say_result(result: FoldsResult) -> None:
    """Prints accuracy over replicates, and which have failed."""
    words = {"pearsonr": "Pearson r", "spearmanr": "Spearman r", "r2": "R2"}
    words |= {"auroc": "AUROC", "auprc": "AUPRC", "valid_pearsonr": "valid r"}
    table = result.replicates
    names = [name for name in words if name in table]
    heads = ["head"] if table["head"].nunique() > 1 else []
    leaks = ["leak"] if table["leak"].astype(bool).any() else []
    rows: list[list[Any]] = [
        [
            *(row[name] for name in ("replicate", *heads, "status")),
            *(score(row[name]) for name in names),
            *(row[name] for name in leaks),
        ]
        for row in table.to_dict("records")
    ]
    columns = ["replicate", *heads, "status", *(words[name] for name in names), *leaks]
    show_table("Means over tracks", columns, rows, numbers=columns[-len(names) - len(leaks) :])
    say()
    show_facts(_spreads(result, words))
    if len(result.genes):
        _say_genes(result.genes)
    seconds = table.drop_duplicates("replicate")["seconds"].sum()
    show_facts([("training", f"{duration(seconds)} in all"), ("written to", str(result.folder))])


def _say_genes(genes: pd.DataFrame) -> None:
    rows = [
        [
            row["of"],
            row["number"],
            score(row["mean"]),
            score(row["sd"]),
            row["replicates"],
            row["leak"],
        ]
        for row in genes.to_dict("records")
    ]
    columns = ["of", "number", "mean", "sd", "replicates", "leak"]
    shown = len(columns) if genes["leak"].astype(bool).any() else len(columns) - 1
    say()
    show_table("Genes", columns[:shown], [row[:shown] for row in rows], numbers=columns[2:5])
    say()


def _spreads(result: FoldsResult, words: dict[str, str]) -> list[tuple[str, str]]:
    """Mean and spread over replicates."""
    whole = result.summary[result.summary["fold"] == "all"]
    several = whole["head"].nunique() > 1
    found = []
    for row in whole.to_dict("records"):
        label = words[row["number"]] + (f" {row['head']}" if several else "")
        spread = "" if row["replicates"] < 2 else f" ± {score(row['sd'])}"
        leak = f", leak: {row['leak']}" if row["leak"] else ""
        words_of = f"{score(row['mean'])}{spread} over {row['replicates']} replicate(s){leak}"
        found.append((label, words_of))
    return found
