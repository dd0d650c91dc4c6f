"""Accuracy over replicates: tables and a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from whelp.files import atomic_path
from whelp.folds.errors import FoldsError
from whelp.folds.record import RECORD, FoldsRecord, read_record
from whelp.folds.results import ReplicateResult, numbers_of, read_result

REPLICATES, SUMMARY, TRACKS = "replicates.tsv", "summary.tsv", "tracks.tsv"
GENES_TABLE = "genes.tsv"
ALL = "all"
_SPREAD = ("mean", "sd", "min", "max", "replicates", "leak")


@dataclass(frozen=True)
class FoldsResult:
    """What a folder of replicates holds.

    Attributes:
        folder: The folder.
        record: What is done there.
        results: The replicates, by fold and cross.
        replicates: One row a replicate and head: folds, leak, status, means over tracks.
        summary: Mean and spread over the finished replicates of each fold, and over all.
        tracks: Mean and spread over replicates of each track.
        genes: Mean and spread over replicates of the numbers of an evaluation on genes.
    """

    folder: Path
    record: FoldsRecord
    results: Sequence[ReplicateResult]
    replicates: pd.DataFrame
    summary: pd.DataFrame
    tracks: pd.DataFrame
    genes: pd.DataFrame

    @property
    def failed(self) -> list[ReplicateResult]:
        """Replicates that have failed."""
        return [each for each in self.results if each.status == "failed"]


def summarize_folds(folder: str | Path) -> FoldsResult:
    """Sums up the replicates of a folder, finished or not.

    Writes `replicates.tsv`, `summary.tsv` and `tracks.tsv` (the tables of `FoldsResult`) and, once
    a replicate is finished, `report.html`. Spreads are standard deviations over replicates, of
    n - 1. The column `leak` names held-out windows that weights had been trained on before.

    Args:
        folder: Folder of the replicates.

    Raises:
        FoldsError: There are none.
        OSError: A file cannot be read or written.
    """
    folder = Path(folder)
    record = read_record(folder)
    if record is None:
        raise FoldsError(f"{folder} holds no replicates: there is no {RECORD} (see whelp folds)")
    genes = record.genes is not None
    results = [read_result(folder / each.name, each, genes=genes) for each in record.replicates]
    heads = list(dict.fromkeys(head for each in results for head in each.accuracy)) or [""]
    replicates = pd.DataFrame([each.row(head) for each in results for head in heads])
    measured = [*numbers_of(replicates), "valid_pearsonr", "epochs", "best_epoch", "seconds"]
    replicates[measured] = replicates[measured].apply(pd.to_numeric)
    tracks = tracks_table(results)
    summary, expression = summary_table(replicates), expression_table(results)
    found = FoldsResult(folder, record, results, replicates, summary, tracks, expression)
    for name, table in (
        (REPLICATES, found.replicates),
        (SUMMARY, found.summary),
        (TRACKS, found.tracks),
        *([(GENES_TABLE, found.genes)] if genes else []),
    ):
        with atomic_path(folder / name) as temporary:
            table.to_csv(temporary, sep="\t", index=False, float_format="%.6g")
    if len(tracks):
        from whelp.folds.page import write_pages  # drawing, which parts of a run may not need

        tables = {"replicates": replicates, "tracks": tracks, "genes": expression}
        write_pages(folder, record, results, **tables)
    return found


def summary_table(replicates: pd.DataFrame) -> pd.DataFrame:
    """Mean and spread over the replicates of each fold, and over all of them.

    Args:
        replicates: One row a replicate and head.

    Returns:
        One row a head, fold (`all` at the end) and number: `mean`, `sd`, `min`, `max`, the number
        of `replicates`, and which of them have a `leak`.
    """
    done = replicates[replicates["status"] == "finished"]
    rows = []
    for head, own in done.groupby("head", sort=False):
        groups: list[tuple[Any, pd.DataFrame]] = [*own.groupby("fold"), (ALL, own)]
        for fold, group in groups:
            for number in [*numbers_of(group), "valid_pearsonr"]:
                place = {"head": head, "fold": fold, "number": number}
                rows.append({**place, **_spread(group, number)})
    return pd.DataFrame(rows, columns=["head", "fold", "number", *_SPREAD])


def expression_table(results: Sequence[ReplicateResult]) -> pd.DataFrame:
    """Mean and spread over replicates of the numbers of an evaluation on genes.

    Returns:
        One row a number, as `summary_table` has them: `of` says whether it is of levels or of a
        contrast; empty without genes.
    """
    parts = [
        each.expression.assign(replicate=each.replicate.name, leak=each.replicate.leak)
        for each in results
        if each.expression is not None
    ]
    if not parts:
        return pd.DataFrame(columns=["of", "number", *_SPREAD])
    groups = pd.concat(parts, ignore_index=True).groupby(["of", "number"], sort=False)
    rows = [
        {"of": of, "number": number, **_spread(group, "value")} for (of, number), group in groups
    ]
    return pd.DataFrame(rows)


def _spread(group: pd.DataFrame, number: str) -> dict[str, Any]:
    values = group[number].dropna()
    return {
        "mean": values.mean(),
        "sd": values.std(),
        "min": values.min(),
        "max": values.max(),
        "replicates": len(values),
        "leak": named_leaks(group),
    }


def tracks_table(results: Sequence[ReplicateResult]) -> pd.DataFrame:
    """Mean and spread over replicates of each track.

    Returns:
        One row a head and track: its names, the number of `replicates` in which it is defined, each
        number's mean and, after `_sd`, its spread, and which replicates have a `leak`.
    """
    parts = [
        table.assign(head=head, replicate=each.replicate.name, leak=each.replicate.leak)
        for each in results
        for head, table in each.accuracy.items()
    ]
    if not parts:
        return pd.DataFrame()
    together = pd.concat(parts, ignore_index=True)
    numbers = numbers_of(together)
    names = [name for name in ("identifier", "description", "group") if name in together]
    tracks = together.groupby(["head", "index"], sort=False)
    table = tracks[names].first()
    table["replicates"] = tracks[numbers[0]].count()
    for number in numbers:
        table[number], table[f"{number}_sd"] = tracks[number].mean(), tracks[number].std()
    leaks = {
        head: named_leaks(own.drop_duplicates("replicate"))
        for head, own in together.groupby("head")
    }
    return table.reset_index().assign(leak=lambda rows: rows["head"].map(leaks))


def named_leaks(replicates: pd.DataFrame) -> str:
    """Names the replicates of a table whose weights had seen held-out windows, and which."""
    leaks = replicates["leak"].unique()
    if len(leaks) == 1:
        return f"all ({leaks[0]})" if leaks[0] else ""
    pairs = zip(replicates["replicate"], replicates["leak"], strict=True)
    return ", ".join(f"{name} ({leak})" for name, leak in pairs if leak)
