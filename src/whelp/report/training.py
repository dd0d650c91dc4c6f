"""The report of one training run."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import pandas as pd

from whelp.report import formats
from whelp.report.accuracy import NUMBER_NAMES, assay_spread, scatter_panels
from whelp.report.assays import assay, assay_colours
from whelp.report.curves import LEGEND, learning_curves
from whelp.report.document import Report
from whelp.report.genes import add_genes, gene_cards
from whelp.report.records import RunSummary, ScatterSample, WindowExample
from whelp.report.replicates import add_replicates
from whelp.report.tables import Column
from whelp.report.tracks import least_tops, region, window_figure

SPACE = (
    "All numbers are computed in the transformed (squashed) space of the stored targets, not in "
    "read counts."
)


def training_report(
    run: RunSummary, path: str | Path, *, title: str = "", subtitle: str = ""
) -> Path:
    """Write what a run did and how well it predicts as one HTML file.

    Sections without data are left out, so that it also reports an evaluation alone.

    Args:
        run: the run.
        path: the file to write.
        title: heading; the run's name if not given.
        subtitle: line below it.

    Returns:
        The path.
    """
    kind = "evaluation" if run.history is None else "training"
    report = Report(title or run.name, subtitle, eyebrow=f"whelp {kind} report")
    report.add_cards(run_cards(run))
    if run.history is not None and not run.history.empty:
        add_training(report, run)
    if run.accuracy is not None:
        add_accuracy(report, run.accuracy, run.split)
    if run.genes is not None:
        add_genes(report, run.genes, run.split)
    if run.examples:
        add_windows(report, run.examples, f"{run.split} set")
    if run.scatter:
        add_scatter(report, run.scatter, run.split)
    if run.facts:
        add_facts(report, run.facts)
    return report.set_footer(written_line()).write(path)


def run_cards(run: RunSummary) -> list[tuple[str, str, str]]:
    """Headline numbers of a run: label, number, remark."""
    cards = []
    for number in ("pearsonr", "auroc", "r2", "auprc"):
        if run.accuracy is not None and (mean := run.mean(number)) is not None:
            tracks = int(run.accuracy[number].notna().sum())
            label = f"{run.split.capitalize()} {NUMBER_NAMES[number]}"
            cards.append((label, formats.score(mean), f"mean over {tracks} tracks"))
    if run.genes is not None:
        cards += gene_cards(run.genes)
    if run.trained_parameters is not None:
        remark = "parameters"
        if run.total_parameters:
            part = formats.share(run.trained_parameters / run.total_parameters)
            remark = f"{part} of {run.total_parameters:,}"
        cards.append(("Trained parameters", formats.count(run.trained_parameters), remark))
    if run.seconds is not None:
        remark = f"{run.epochs} epochs" if run.epochs else ""
        if run.best_epoch is not None:
            remark += f", best: {run.best_epoch}"
        cards.append(("Training time", formats.duration(run.seconds), remark))
    if run.peak_memory is not None:
        cards.append(("Peak memory", formats.memory(run.peak_memory), "resident"))
    return cards


def add_training(report: Report, run: RunSummary) -> None:
    """Add the learning curves."""
    assert run.history is not None
    caption = "Training and validation windows, epoch by epoch."
    if run.best_epoch is not None:
        caption += f" The dotted line marks epoch {run.best_epoch}, whose weights were kept."
    caption += " Arrowheads at an edge are values beyond it."
    report.add_section("Training")
    report.add_figures(learning_curves(run.history, run.best_epoch), caption, legend=LEGEND)


def add_accuracy(report: Report, accuracy: pd.DataFrame, split: str) -> None:
    """Add accuracy by assay, as a figure and a table, and track by track."""
    table = accuracy.assign(assay=accuracy["description"].map(assay))
    colours = assay_colours(table["assay"])
    seen = accuracy.attrs.get("training_windows", {}).get("sentences", ())
    report.add_section("Accuracy", " ".join([SPACE, *(f"{sentence}." for sentence in seen)]))
    report.add_figures(
        assay_spread(accuracy),
        f"Every track on the {split} windows; the upright line is the mean of an assay. Arrowheads "
        "at the left edge are tracks below it.",
    )
    names = [name for name in NUMBER_NAMES if name in accuracy]
    report.add_table(
        _assay_table(table, names, list(colours)),
        caption=f"Accuracy by assay, {split} windows.",
        total=len(colours) > 1,
        columns=[
            Column("assay", "Assay"),
            Column("tracks", "Tracks", formats.count, numeric=True),
            *_number_columns(names, "mean"),
        ],
    )
    add_replicates(report, accuracy, split)
    table["colour"] = table["assay"].map(colours)
    _add_track_table(report, table.sort_values(names[0], ascending=False), split)


def _assay_table(table: pd.DataFrame, names: list[str], order: list[str]) -> pd.DataFrame:
    """Mean and median of each number for each assay, and for all tracks."""
    groups = [(name, table[table["assay"] == name]) for name in order]
    if len(groups) > 1:
        groups.append(("All", table))
    rows = [
        {"assay": label, "tracks": len(group)}
        | {name: group[name].mean() for name in names}
        | {f"{name}_median": group[name].median() for name in names}
        for label, group in groups
    ]
    return pd.DataFrame(rows)


def _number_columns(names: Sequence[str], word: str) -> list[Column]:
    columns = []
    for name in names:
        label = NUMBER_NAMES[name]
        columns.append(Column(name, f"{label}, {word}", formats.score, numeric=True))
        columns.append(Column(f"{name}_median", "median", formats.score, numeric=True))
    return columns


def _add_track_table(report: Report, table: pd.DataFrame, split: str) -> None:
    """Add one row a track, the best first, with bars in the colours of the assays."""
    names = [name for name in NUMBER_NAMES if name in table]
    undefined = int(table[names[0]].isna().sum())
    caption = f"Every track, {split} windows, best first; click a heading to sort."
    if undefined:
        caption += (
            f" A dash marks {undefined} track{'s' * (undefined > 1)} with the same measured value "
            "everywhere: nothing can be correlated with it, and means leave it out."
        )
    top = max(float(table[names[0]].max()), 1e-6) if undefined < len(table) else 1.0
    table = table.assign(description=table["description"].map(_after_colon))
    report.add_table(
        table,
        caption=caption,
        sortable=True,
        columns=[
            Column("identifier", "Track"),
            Column("assay", "Assay"),
            Column(
                names[0],
                NUMBER_NAMES[names[0]],
                formats.score,
                numeric=True,
                bar=top,
                colour="colour",
                order="descending",
            ),
            *(Column(name, NUMBER_NAMES[name], formats.score, numeric=True) for name in names[1:]),
            *(
                Column(f"{name}_sd", f"{NUMBER_NAMES[name]}, sd", formats.score, numeric=True)
                for name in names[:1]
                if f"{name}_sd" in table
            ),
            Column("description", "Sample"),
            *([Column("group", "Group")] if "group" in table else []),
        ],
    )


def _after_colon(description: str) -> str:
    head, colon, tail = str(description).partition(":")
    return tail if colon and tail else head


def add_windows(report: Report, examples: Sequence[WindowExample], source: str) -> None:
    """Add windows of a source, such as `test set`, to look at, each with some tracks."""
    report.add_section(
        "Predicted and measured tracks",
        f"Windows of the {source}, chosen by their mean correlation over all tracks. Measured "
        "values are grey, predicted ones below them in the colour of the assay, both on the scale "
        "at the right.",
    )
    tops = least_tops(examples)
    for example in examples:
        figure, alt = window_figure(example, least_tops=tops)
        caption = (
            f"The {example.label} window, {region(example)}; mean Pearson over all tracks "
            f"{formats.score(example.pearsonr)}; {example.bin_width} bp a bin."
        )
        report.add_figure(figure, caption, alt=alt, wide=True)


def add_scatter(report: Report, samples: Sequence[ScatterSample], split: str) -> None:
    """Add measured against predicted values."""
    report.add_section("Predicted against measured values")
    names = ", ".join(f"{assay(s.description)}: {s.identifier}" for s in samples)
    report.add_figures(
        scatter_panels(samples),
        f"Bins of the {split} windows; the fuller the colour, the more bins (logarithmic); the "
        "highest 0.1% are drawn at the edge. The dotted line is perfect prediction. For each assay "
        f"the track of median accuracy: {names}.",
    )


def add_facts(report: Report, facts: Mapping[str, str]) -> None:
    """Add how the results were made; the command on its own."""
    report.add_section("How this was made")
    rest = {name: value for name, value in facts.items() if name != "command"}
    if "command" in facts:
        report.add_code(facts["command"])
    if rest:
        report.add_facts(rest)


def written_line() -> str:
    """When the report was written, for its last line."""
    return f"Written {datetime.now().astimezone():%Y-%m-%d %H:%M %Z}."
