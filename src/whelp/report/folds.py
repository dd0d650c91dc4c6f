"""The report of replicates on the folds of a data set: mean and spread."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from whelp.report import formats
from whelp.report.accuracy import NUMBER_NAMES, assay_spread, draw_row, finish_rows
from whelp.report.assays import assay, assay_colours
from whelp.report.document import Report
from whelp.report.figures import new_axes, style
from whelp.report.palette import LIGHT
from whelp.report.tables import Column
from whelp.report.training import SPACE, add_facts, written_line

_COLOURS = ("rna", "cage", "atac", "chip", "gold", "open", "rose", "brown")
_MOST_DRAWN = 60
"""Tracks above which the figure of spreads shows some of them only."""


@dataclass(frozen=True)
class FoldTables:
    """What the report of replicates is made of.

    Attributes:
        replicates: One row a replicate: `replicate`, `fold`, `valid_fold`, `cross`, `leak`,
            `status`, means over its tracks (`pearsonr`, `r2` ...), `valid_pearsonr`, `epochs`,
            `best_epoch`, `seconds`, `message`.
        tracks: One row a track: `identifier`, `description`, numbers, and their standard deviation
            over replicates, named `_sd`.
        histories: Name of a replicate -> one row an epoch.
        remarks: What readers must know before they use the numbers.
        facts: How the replicates were made.
    """

    replicates: pd.DataFrame
    tracks: pd.DataFrame
    histories: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    remarks: Sequence[str] = ()
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def finished(self) -> pd.DataFrame:
        """The replicates that were trained and evaluated."""
        return self.replicates[self.replicates["status"] == "finished"]

    @property
    def numbers(self) -> list[str]:
        """Names of the measures of accuracy."""
        return [name for name in NUMBER_NAMES if name in self.tracks]


def folds_report(tables: FoldTables, path: str | Path, *, title: str, subtitle: str = "") -> Path:
    """Write accuracy over replicates as one HTML file.

    Args:
        tables: what to show; at least one replicate is finished.
        path: the file to write.
        title: heading.
        subtitle: line below it.

    Returns:
        The path.
    """
    report = Report(title, subtitle, eyebrow="whelp report of replicates")
    report.add_cards(_cards(tables))
    for remark in tables.remarks:
        report.add_text(f"Note: {remark}.")
    _add_replicates(report, tables)
    _add_tracks(report, tables)
    if tables.facts:
        add_facts(report, tables.facts)
    return report.set_footer(written_line()).write(path)


def _cards(tables: FoldTables) -> list[tuple[str, str, str]]:
    done = tables.finished
    cards = [
        (f"Test {NUMBER_NAMES[name]}", formats.score(done[name].mean()), _spread(done[name]))
        for name in tables.numbers
    ]
    valid = pd.to_numeric(done["valid_pearsonr"])
    if valid.notna().any():
        cards.append(("Valid Pearson r", formats.score(valid.mean()), _spread(valid)))
    states = tables.replicates["status"].value_counts()
    others = ", ".join(f"{states[name]} {name}" for name in states.index if name != "finished")
    cards.append(("Replicates", formats.count(len(done)), others or "all finished"))
    cards.append(("Tracks", formats.count(len(tables.tracks)), ""))
    return cards


def _spread(values: pd.Series) -> str:
    if len(values) < 2:
        return "one replicate"
    return f"± {formats.score(values.std())} over {len(values)} replicates"


def _add_replicates(report: Report, tables: FoldTables) -> None:
    done, numbers = tables.finished, tables.numbers
    report.add_section("Replicates", SPACE)
    figures = [_by_fold(done, number) for number in numbers]
    curves = _validation_curves(tables)
    legend = [(f"fold {fold}", colour) for fold, colour in _fold_colours(done).items()]
    report.add_figures(
        [*figures, *([curves] if curves is not None else [])],
        "Each dot is a replicate, its mean over tracks on the windows of its test fold; the "
        "upright line is the mean of a fold. Validation on the right, epoch by epoch.",
        legend=legend,
    )
    means: dict[str, object] = {name: done[name].mean() for name in (*numbers, "valid_pearsonr")}
    spreads: dict[str, object] = {name: done[name].std() for name in means}
    rows = pd.DataFrame(
        [
            *tables.replicates.to_dict("records"),
            {"replicate": "standard deviation", **spreads},
            {"replicate": "mean", **means},
        ]
    )
    top = max(float(done[numbers[0]].max()), 1e-6)
    columns = [
        Column("replicate", "Replicate"),
        Column("fold", "Test fold", formats.count, numeric=True),
        Column("valid_fold", "Valid fold", formats.count, numeric=True),
        Column(numbers[0], f"Test {NUMBER_NAMES[numbers[0]]}", formats.score, True, top),
        *(Column(name, f"Test {NUMBER_NAMES[name]}", formats.score, True) for name in numbers[1:]),
        Column("valid_pearsonr", "Valid r", formats.score, numeric=True),
        Column("epochs", "Epochs", formats.count, numeric=True),
        Column("best_epoch", "Best", formats.count, numeric=True),
        Column("seconds", "Time", formats.duration, numeric=True),
    ]
    if tables.replicates["leak"].astype(bool).any():
        columns.append(Column("leak", "Seen in pretraining"))
    if (tables.replicates["status"] != "finished").any():
        columns += [Column("status", "Status"), Column("message", "Why")]
    report.add_table(
        rows,
        caption="Every replicate; means over tracks on the test windows.",
        columns=columns,
        total=True,
    )


def _fold_colours(replicates: pd.DataFrame) -> dict[int, str]:
    folds = sorted(int(fold) for fold in replicates["fold"].unique())
    return {fold: _COLOURS[at % len(_COLOURS)] for at, fold in enumerate(folds)}


def _by_fold(done: pd.DataFrame, number: str) -> tuple[Figure, str]:
    """Each replicate as a dot, one row a fold."""
    colours = _fold_colours(done)
    title = f"Test {NUMBER_NAMES[number]}"
    with style():
        figure, axes = new_axes(340, 66 + 34 * len(colours))
        for row, (fold, colour) in enumerate(colours.items()):
            values = done.loc[done["fold"] == fold, number].dropna().to_numpy(dtype=float)
            draw_row(axes, values, (row, colour), None)
        finish_rows(axes, [f"fold {fold}" for fold in colours], title)
    means = done.groupby("fold")[number].mean()
    words = ", ".join(f"fold {fold} {means[fold]:.3f}" for fold in colours)
    return figure, f"{title} of every replicate by test fold; means: {words}."


def _validation_curves(tables: FoldTables) -> tuple[Figure, str] | None:
    """Validation Pearson of each replicate, in the colour of its test fold."""
    colours = _fold_colours(tables.finished)
    drawn = [
        (tables.histories[name][["epoch", "val_pearsonr"]], colours[int(fold)])
        for name, fold in zip(tables.finished["replicate"], tables.finished["fold"], strict=True)
        if "val_pearsonr" in tables.histories.get(name, ())
    ]
    if not drawn:
        return None
    with style():
        figure, axes = new_axes(340, 236)
        for history, colour in drawn:
            axes.plot(history["epoch"], history["val_pearsonr"], color=LIGHT[colour], alpha=0.8)
        axes.set_title("Validation Pearson r")
        axes.set_xlabel("epoch")
        axes.grid(axis="y")
        axes.spines["left"].set_visible(False)
        axes.locator_params(axis="x", integer=True, nbins=6)
    last = pd.Series([history["val_pearsonr"].iloc[-1] for history, _ in drawn])
    return figure, (
        f"Validation Pearson by epoch of {len(drawn)} replicates; at the end from "
        f"{last.min():.3f} to {last.max():.3f}."
    )


def _add_tracks(report: Report, tables: FoldTables) -> None:
    table = tables.tracks.assign(assay=tables.tracks["description"].map(assay))
    colours = assay_colours(table["assay"])
    table = table.assign(colour=table["assay"].map(colours))
    table = table.sort_values(tables.numbers[0], ascending=False)
    report.add_section("Tracks")
    report.add_figures(
        assay_spread(tables.tracks),
        "Every track, its mean over replicates; the upright line is the mean of an assay.",
    )
    if tables.replicates["status"].eq("finished").sum() > 1:
        figure, alt, caption = _spread_figure(table, tables.numbers[0])
        report.add_figure(figure, caption, alt=alt, wide=True)
    columns = [
        Column("identifier", "Track"),
        Column("assay", "Assay"),
        *_number_columns(tables),
        Column("replicates", "Replicates", formats.count, numeric=True),
        Column("description", "Description"),
    ]
    report.add_table(
        table,
        caption="Every track: mean and standard deviation over replicates; click a heading to "
        "sort.",
        columns=columns,
        sortable=True,
    )


def _number_columns(tables: FoldTables) -> list[Column]:
    columns = []
    for at, name in enumerate(tables.numbers):
        top = max(float(tables.tracks[name].max()), 1e-6) if at == 0 else None
        order = "descending" if at == 0 else None
        columns += [
            Column(
                name,
                NUMBER_NAMES[name],
                formats.score,
                True,
                top,
                "colour" if top else None,
                order=order,
            ),
            Column(f"{name}_sd", "sd", formats.score, numeric=True),
        ]
    return columns


def _spread_figure(table: pd.DataFrame, number: str) -> tuple[Figure, str, str]:
    """Tracks in the order of their means, with bars of one standard deviation."""
    table = table[table[number].notna()]
    step = -(-len(table) // _MOST_DRAWN)
    shown = table.iloc[::step]
    title = f"{NUMBER_NAMES[number]}, mean and spread over replicates"
    with style():
        figure, axes = new_axes(1040, 250)
        for at, row in enumerate(shown.to_dict("records")):
            colour = LIGHT[row["colour"]]
            axes.errorbar(
                at,
                row[number],
                yerr=row[f"{number}_sd"],
                fmt="o",
                color=colour,
                markersize=5,
                elinewidth=1.5,
            )
        axes.set_title(title)
        axes.grid(axis="y")
        axes.spines["left"].set_visible(False)
        axes.set_xticks([])
        axes.set_xlabel("tracks, the best first")
        axes.margins(x=0.01)
    spread = table[f"{number}_sd"].mean()
    high, low = table[number].max(), table[number].min()
    alt = f"{title}: means from {high:.3f} to {low:.3f}, standard deviation {spread:.3f}."
    some = f"; every {step}th of {len(table)}" if step > 1 else ""
    caption = (
        f"Tracks in the order of their accuracy{some}; bars reach one standard deviation to both "
        f"sides, {spread:.3f} on average. Colours are those of the assays."
    )
    return figure, alt, caption
