"""The report of a folder of replicates."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from whelp.folds.leaks import leak_words
from whelp.folds.record import FoldsRecord
from whelp.folds.results import ReplicateResult
from whelp.report.folds import FoldTables, folds_report
from whelp.wording import listed


def write_pages(
    folder: Path,
    record: FoldsRecord,
    results: Sequence[ReplicateResult],
    *,
    replicates: pd.DataFrame,
    tracks: pd.DataFrame,
    genes: pd.DataFrame,
) -> None:
    """Writes `report.html` of a folder of replicates, or one report a head if there are several.

    Args:
        folder: The folder.
        record: What is done there.
        results: The replicates.
        replicates: One row a replicate and head.
        tracks: One row a track and head, with its mean and spread.
        genes: Mean and spread of the numbers of an evaluation on genes; may be empty.
    """
    heads = list(dict.fromkeys(tracks["head"]))
    folds = sorted({each.fold for each in record.replicates})
    for head in heads:
        own = tracks[tracks["head"] == head]
        tables = FoldTables(
            replicates=replicates[replicates["head"] == head],
            tracks=own,
            genes=genes,
            histories=_histories(results, head),
            remarks=_remarks(results),
            facts=_facts(record),
        )
        folds_report(
            tables,
            folder / ("report.html" if len(heads) == 1 else f"report_{head}.html"),
            title=f"Replicates: {folder.resolve().name}",
            subtitle=f"{len(own)} tracks of {head}, tested on fold "
            + listed(map(str, folds), most=12),
        )


def _histories(results: Sequence[ReplicateResult], head: str) -> dict[str, pd.DataFrame]:
    """Epochs of each replicate, the head's own columns under their plain names."""
    return {
        each.replicate.name: each.history.rename(columns=lambda name: name.replace(f"{head}_", ""))
        for each in results
        if each.history is not None
    }


def _remarks(results: Sequence[ReplicateResult]) -> list[str]:
    """What readers must know of the weights and of what failed."""
    found: dict[str, list[str]] = {}
    for each in results:
        if each.replicate.leak:
            found.setdefault(leak_words(each.replicate.leak), []).append(each.replicate.name)
        if each.status == "failed":
            found.setdefault(f"failed: {each.message}", []).append(each.replicate.name)
    return [f"{listed(names, most=12)}: {words}" for words, names in found.items()]


def _facts(record: FoldsRecord) -> dict[str, str]:
    weights = list(dict.fromkeys(each.weights for each in record.replicates if each.weights))
    leaks = {each.leak for each in record.replicates if each.weights}
    unseen = "held-out windows are ones that the weights had not been trained on"
    options = ", ".join(f"{name} {value}" for name, value in record.options.items())
    facts = {
        "command": record.command,
        "data": ", ".join(record.data),
        "weights": listed(weights) or "none: random ones",
        "pretraining": unseen if leaks == {""} else "",
        "options": options,
        "replicates": listed([each.name for each in record.replicates], most=40),
        "software": record.software,
    }
    return {name: text for name, text in facts.items() if text}
