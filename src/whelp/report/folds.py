"""The report of replicates on the folds of a data set: mean and spread."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from whelp.report import formats
from whelp.report.accuracy import NUMBER_NAMES, assay_spread
from whelp.report.assays import assay, assay_colours
from whelp.report.document import Report
from whelp.report.fold_figures import by_fold, fold_colours, fold_curves, spread_figure
from whelp.report.tables import Column
from whelp.report.training import SPACE, add_facts, written_line
from whelp.wording import listed


@dataclass(frozen=True)
class FoldTables:
    """What the report of replicates is made of.

    Attributes:
        replicates: One row a replicate: `replicate`, `fold`, `valid_fold`, `cross`, `leak`,
            `status`, means over its tracks (`pearsonr`, `r2` ...), `valid_pearsonr`, `epochs`,
            `best_epoch`, `seconds`.
        tracks: One row a track: `identifier`, `description`, numbers, and their standard deviation
            over replicates, named `_sd`.
        genes: One row a number of the evaluation on genes: `of` what it is, `number`, `mean`, `sd`,
            `min`, `max`, `replicates`; empty without genes.
        histories: Name of a replicate -> one row an epoch.
        remarks: What readers must know before they use the numbers.
        facts: How the replicates were made.
    """

    replicates: pd.DataFrame
    tracks: pd.DataFrame
    genes: pd.DataFrame = field(default_factory=pd.DataFrame)
    histories: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    remarks: Sequence[str] = ()
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def finished(self) -> pd.DataFrame:
        """The replicates that were trained and evaluated."""
        return self.replicates[self.replicates["status"] == "finished"]

    @property
    def warning(self) -> str:
        """What each table says if weights had seen, or may have seen, windows that are held out."""
        leaks = self.replicates[self.replicates["leak"].astype(bool)]
        if leaks.empty:
            return ""
        seen = [f"{each.replicate} ({each.leak})" for each in leaks.itertuples()]
        return f" Held-out windows seen in pretraining: {listed(seen, most=12)}."

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
    _add_replicates(report, tables)
    if len(tables.genes):
        _add_genes(report, tables)
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
    leaks = tables.replicates["leak"]
    seen = int((leaks.astype(bool) & (leaks != "unknown")).sum())
    if seen:
        share = f"{seen} of {len(leaks)}"
        cards.append(("Seen in pretraining", share, "replicates: held-out windows"))
    elif leaks.astype(bool).any():
        cards.append(("Seen in pretraining", "unknown", "of held-out windows"))
    cards.append(("Tracks", formats.count(len(tables.tracks)), ""))
    return cards


def _spread(values: pd.Series) -> str:
    if len(values) < 2:
        return "one replicate"
    return f"± {formats.score(values.std())} over {len(values)} replicates"


def _add_replicates(report: Report, tables: FoldTables) -> None:
    """Add what is known of the weights, figures of accuracy by fold, and the table."""
    done, numbers = tables.finished, tables.numbers
    report.add_section("Replicates", SPACE)
    for remark in tables.remarks:
        report.add_text(f"{remark.rstrip('.')}.")
    figures = [by_fold(done, number) for number in numbers]
    curves = fold_curves(done, tables.histories)
    legend = [(f"fold {fold}", colour) for fold, colour in fold_colours(done).items()]
    report.add_figures(
        [*figures, *([curves] if curves is not None else [])],
        "Each dot is a replicate, its mean over tracks on the windows of its test fold; the "
        "upright line is the mean of a fold. Lines are validation, epoch by epoch.",
        legend=legend,
    )
    _add_table(report, tables)


def _add_table(report: Report, tables: FoldTables) -> None:
    """Add a row a replicate, and their mean and spread."""
    done, numbers = tables.finished, tables.numbers
    means: dict[str, object] = {name: done[name].mean() for name in (*numbers, "valid_pearsonr")}
    spreads: dict[str, object] = {name: done[name].std() for name in means}
    rows = pd.DataFrame(
        [
            *tables.replicates.to_dict("records"),
            {"replicate": "standard deviation", **spreads},
            {"replicate": "mean", **means},
        ]
    )
    top = max(1e-6, float(done[numbers[0]].max()))  # 1e-6 where it is not a number
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
        columns.append(Column("status", "Status"))  # why stands above; it may be long
    report.add_table(
        rows,
        caption=f"Every replicate; means over tracks on the test windows.{tables.warning}",
        columns=columns,
        total=True,
    )


_GENE_NUMBERS = {
    "pearsonr": "Pearson r",
    "r2": "explained variance",
    "pearsonr_norm": "Pearson r beyond the group of tracks",
    "r2_norm": "explained variance beyond the group of tracks",
    "pearsonr_gene": "Pearson r along genes",
    "spearmanr": "Spearman ρ",
    "auroc_up": "AUROC of genes that go up",
    "auroc_down": "AUROC of genes that go down",
}


def _add_genes(report: Report, tables: FoldTables) -> None:
    """Add mean and spread of the numbers of held-out genes."""
    names = {"levels": "log2 coverage"}
    report.add_section(
        "Genes",
        "Genes in the test windows, predicted against measured. A contrast A:B is the log2 fold "
        "change from group B to group A of the tracks of an assay.",
    )
    report.add_table(
        tables.genes.assign(
            of=[names.get(of, of) for of in tables.genes["of"]],
            number=tables.genes["number"].map(_GENE_NUMBERS),
        ),
        caption=f"Mean and standard deviation over replicates.{tables.warning}",
        columns=[
            Column("of", "Of"),
            Column("number", "Number"),
            *(
                Column(name, word, formats.score, numeric=True)
                for name, word in (("mean", "Mean"), ("sd", "sd"), ("min", "Min"), ("max", "Max"))
            ),
            Column("replicates", "Replicates", formats.count, numeric=True),
        ],
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
        figure, alt, caption = spread_figure(table, tables.numbers[0])
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
        f"sort.{tables.warning}",
        columns=columns,
        sortable=True,
    )


def _number_columns(tables: FoldTables) -> list[Column]:
    columns = []
    for at, name in enumerate(tables.numbers):
        top = max(1e-6, float(tables.tracks[name].max())) if at == 0 else None
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
