"""The report that compares methods."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from whelp.report import formats
from whelp.report.accuracy import NUMBER_NAMES
from whelp.report.assays import assay
from whelp.report.curves import validation_curves
from whelp.report.document import Report
from whelp.report.methods import cost_plot, method_spread
from whelp.report.records import RunSummary
from whelp.report.tables import Column
from whelp.report.training import SPACE, add_facts, add_scatter, add_windows, written_line


def comparison_report(
    runs: Sequence[RunSummary],
    path: str | Path,
    *,
    title: str,
    subtitle: str = "",
    facts: Mapping[str, str] | None = None,
) -> Path:
    """Write how methods compare as one HTML file.

    Windows and scatter plots are those of the first run that has them.

    Args:
        runs: one a method, in the order in which to show them.
        path: the file to write.
        title: heading.
        subtitle: line below it.
        facts: what was done in all of them.

    Returns:
        The path.

    Raises:
        ValueError: there are no runs.
    """
    if not runs:
        raise ValueError("there is nothing to compare: give at least one run")
    report = Report(title, subtitle, eyebrow="whelp comparison report")
    report.add_cards(_cards(runs))
    _add_methods(report, runs)
    if any(run.accuracy is not None for run in runs):
        _add_tracks(report, runs)
    shown = next((run for run in runs if run.examples), None)
    if shown is not None:
        add_windows(report, shown.examples, f"{shown.split} set, predicted by {shown.name}")
    sampled = next((run for run in runs if run.scatter), None)
    if sampled is not None:
        add_scatter(report, sampled.scatter, sampled.split)
    if facts:
        add_facts(report, facts)
    return report.set_footer(written_line()).write(path)


def methods_table(runs: Sequence[RunSummary]) -> pd.DataFrame:
    """One row a method: parameters, share, epochs, seconds, memory, accuracy, note."""
    return pd.DataFrame(
        [
            {
                "method": run.name,
                "trained": run.trained_parameters,
                "share": _share(run),
                "epochs": run.epochs,
                "seconds": run.seconds,
                "peak_memory": run.peak_memory,
                "valid_pearsonr": run.valid_pearsonr,
                "pearsonr": run.mean("pearsonr"),
                "r2": run.mean("r2"),
                "note": run.note,
            }
            for run in runs
        ]
    )


def _share(run: RunSummary) -> float | None:
    if run.trained_parameters is None or not run.total_parameters:
        return None
    return run.trained_parameters / run.total_parameters


def _cards(runs: Sequence[RunSummary]) -> list[tuple[str, str, str]]:
    """Who is most accurate, lightest and quickest."""
    table = methods_table(runs)
    cards = []
    for column, label, show, best in (
        ("pearsonr", "Highest Pearson r", formats.score, "max"),
        ("trained", "Fewest trained parameters", formats.count, "min"),
        ("seconds", "Shortest training", formats.duration, "min"),
        ("peak_memory", "Lowest peak memory", formats.memory, "min"),
    ):
        values = pd.to_numeric(table[column], errors="coerce")
        if values.notna().any():
            row = int(np.nanargmax(values) if best == "max" else np.nanargmin(values))
            cards.append((label, show(values.iloc[row]), str(table["method"].iloc[row])))
    return cards


def _add_methods(report: Report, runs: Sequence[RunSummary]) -> None:
    """Add the table of methods and its figures."""
    table = methods_table(runs)
    split = runs[0].split
    top = pd.to_numeric(table["pearsonr"], errors="coerce").max()
    title = split.capitalize()
    bar = float(top) if top > 0 else None
    columns = [
        Column("method", "Method"),
        Column(
            "pearsonr", f"{title} Pearson r", formats.score, numeric=True, bar=bar, strong="max"
        ),
        Column("r2", f"{title} R²", formats.score, numeric=True, strong="max"),
        Column("valid_pearsonr", "Valid r", formats.score, numeric=True, strong="max"),
        Column("trained", "Trained parameters", formats.count, numeric=True, strong="min"),
        Column("share", "of all", formats.share, numeric=True),
        Column("epochs", "Epochs", formats.count, numeric=True),
        Column("seconds", "Time, s", formats.seconds, numeric=True, strong="min"),
        Column("peak_memory", "Peak memory, MB", formats.megabytes, numeric=True, strong="min"),
    ]
    if table["note"].str.len().any():
        columns.append(Column("note", "Note"))
    report.add_section("Methods", SPACE)
    report.add_table(
        table, caption="Methods compared; the best of a column is bold.", columns=columns
    )
    figures = [method_spread(runs), cost_plot(runs), validation_curves(runs)]
    report.add_figures(
        [figure for figure in figures if figure is not None],
        "Accuracy of every track (ticks) and its mean (dots); accuracy against the size of what "
        "was trained; and the course of training.",
    )


def _add_tracks(report: Report, runs: Sequence[RunSummary]) -> None:
    """Add the accuracy of each track under each method."""
    scored = [run for run in runs if run.accuracy is not None and "pearsonr" in run.accuracy]
    if not scored:
        return
    first = scored[0].accuracy
    assert first is not None
    table = first[["identifier", "description"]].copy()
    table["assay"] = table["description"].map(assay)
    for i, run in enumerate(scored):
        assert run.accuracy is not None
        by_name = run.accuracy.set_index("identifier")["pearsonr"]
        table[f"run{i}"] = table["identifier"].map(by_name[~by_name.index.duplicated()])
    names = [f"run{i}" for i in range(len(scored))]
    top = max(float(table[names].to_numpy(dtype=float, na_value=0).max()), 1e-6)
    columns = [
        Column("identifier", "Track"),
        Column("assay", "Assay"),
        *(
            Column(
                f"run{i}",
                run.name,
                formats.score,
                numeric=True,
                bar=top,
                order=None if i else "descending",
            )
            for i, run in enumerate(scored)
        ),
    ]
    report.add_section("Tracks")
    report.add_table(
        table.sort_values(names[0], ascending=False),
        caption=f"{NUMBER_NAMES['pearsonr']} of every track on the {scored[0].split} windows, by "
        "method; click a heading to sort.",
        columns=columns,
        sortable=True,
    )
