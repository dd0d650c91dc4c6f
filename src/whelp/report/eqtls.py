"""The report of the benchmark of eQTLs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import precision_recall_curve, roc_curve

from whelp.report import formats
from whelp.report.accuracy import finish_rows
from whelp.report.document import Report
from whelp.report.figures import new_axes, style
from whelp.report.palette import LIGHT
from whelp.report.tables import Column
from whelp.report.training import add_facts, written_line

_GRID = np.linspace(0, 1, 256)
_MOST_POINTS = 2000
_WAYS = {
    "class": ("score", "accent"),
    "forest": ("random forest on all tracks", "gold"),
    "distance": ("distance to the start site", "measured"),
}
_NAMES = {
    "auroc_class": "Class AUROC",
    "auprc_class": "Class AUPRC",
    "auroc_distance": "Distance AUROC",
    "auprc_distance": "Distance AUPRC",
    "auroc_forest": "Forest AUROC",
    "auprc_forest": "Forest AUPRC",
    "auroc_sign": "Sign AUROC",
    "auprc_sign": "Sign AUPRC",
    "spearmanr": "Spearman ρ",
}


@dataclass(frozen=True)
class EqtlTables:
    """What a report of the benchmark is made of.

    Attributes:
        metrics: A row a tissue.
        variants: A row a tissue and variant.
        statistic: Name of the statistic.
        left_out: Tissue -> why it was left out.
        facts: How it was done, with the command as `command`.
        notes: What readers should know before they use the numbers.
    """

    metrics: pd.DataFrame
    variants: pd.DataFrame
    statistic: str
    left_out: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()


def eqtls_report(tables: EqtlTables, path: str | Path) -> Path:
    """Write the benchmark of eQTLs as one HTML file.

    Args:
        tables: What came of it.
        path: The file to write.

    Returns:
        The path.
    """
    metrics = tables.metrics
    subtitle = f"{len(metrics)} tissues, {metrics['variants'].sum():,} causal variants, "
    subtitle += f"{metrics['negatives'].sum():,} negatives, {tables.statistic}"
    report = Report("Expression QTLs", subtitle, eyebrow="whelp eQTL report")
    report.add_cards(_cards(metrics))
    _add_classes(report, tables)
    if metrics["spearmanr"].notna().any():
        _add_signs(report, tables)
    _add_tissues(report, tables)
    if tables.facts:
        add_facts(report, tables.facts)
    return report.set_footer(written_line()).write(path)


def _cards(metrics: pd.DataFrame) -> list[tuple[str, str, str]]:
    cards = []
    for name in ("auroc_class", "auroc_distance", "auroc_forest", "auroc_sign", "spearmanr"):
        if name in metrics and metrics[name].notna().any():
            tissues = int(metrics[name].notna().sum())
            remark = f"mean over {tissues} tissue{'s' * (tissues > 1)}"
            cards.append((_NAMES[name], formats.score(metrics[name].mean()), remark))
    share, others = (
        formats.share(float(metrics[name].mean())) for name in ("measured", "negatives_measured")
    )
    remark = f"of causal variants have a score, and {others} of negatives"
    return [*cards, ("Measured", share, remark)]


def _ways(metrics: pd.DataFrame) -> list[str]:
    return [
        way for way in _WAYS if f"auroc_{way}" in metrics and metrics[f"auroc_{way}"].notna().any()
    ]


def _add_classes(report: Report, tables: EqtlTables) -> None:
    metrics, ways = tables.metrics, _ways(tables.metrics)
    report.add_section(
        "Causal variants",
        "Do absolute scores tell causal variants from matched negatives? 0.5 of the area under the "
        "ROC curve is chance; of that under the precision-recall curve the share of causal "
        "variants is.",
    )
    legend = [_WAYS[way] for way in ways]
    for note in tables.notes:
        report.add_text(f"{note}.")
    report.add_figures(
        [
            _dots(metrics, [f"{area}_{way}" for way in ways], _NAMES[f"{area}_class"])
            for area in ("auroc", "auprc")
        ],
        "Tissues, by what tells their causal variants.",
        legend=legend,
    )
    report.add_figures(
        [_curves(tables, ways, "roc"), _curves(tables, ways, "pr")],
        "Curves of every tissue, thin, and their mean over tissues.",
        legend=legend,
    )


def _add_signs(report: Report, tables: EqtlTables) -> None:
    metrics = tables.metrics
    report.add_section(
        "Effects",
        "Do scores of causal variants say whether the alternate allele raises or lowers "
        "expression, and how much? Scores and effects are of the same allele.",
    )
    report.add_figures(
        [_dots(metrics, [name], _NAMES[name]) for name in ("auroc_sign", "spearmanr")],
        "Tissues, by how scores agree with measured effects.",
    )
    order = metrics.dropna(subset=["spearmanr"]).sort_values("spearmanr", ascending=False)
    picks = dict.fromkeys([0, len(order) // 2, len(order) - 1])
    chosen = [str(order["tissue"].iloc[at]) for at in picks]
    report.add_figures(
        [_scatter(tables, tissue) for tissue in chosen],
        "Measured effects against scores of causal variants, in the tissues of the highest, the "
        "median and the lowest correlation.",
    )


def _add_tissues(report: Report, tables: EqtlTables) -> None:
    report.add_section("Tissues")
    names = [name for name in _NAMES if name in tables.metrics]
    report.add_table(
        tables.metrics,
        caption="Every tissue; click a heading to sort. What has no score, for the model does not "
        "see it, has 0; metrics.tsv has the same numbers without those.",
        sortable=True,
        columns=[
            Column("tissue", "Tissue"),
            Column("variants", "Causal", formats.count, numeric=True),
            Column("negatives", "Negatives", formats.count, numeric=True),
            Column("tracks", "Tracks", formats.count, numeric=True),
            *(Column(name, _NAMES[name], formats.score, numeric=True) for name in names),
            Column("measured", "Measured", formats.share, numeric=True),
        ],
    )
    if tables.left_out:
        report.add_text("Left out:")
        report.add_facts(tables.left_out)


def _dots(metrics: pd.DataFrame, names: Sequence[str], title: str) -> tuple[Figure, str]:
    """A row a tissue, with a dot for each of some numbers."""
    tissues = [str(name) for name in metrics["tissue"]]
    with style():
        figure, axes = new_axes(510, 62 + 20 * len(tissues))
        for name in names:
            colour = _WAYS[name.split("_")[1]][1] if name.split("_")[-1] in _WAYS else "accent"
            values = metrics[name].to_numpy(float)
            axes.plot(
                values,
                np.arange(len(tissues)),
                "o",
                color=LIGHT[colour],
                markersize=7,
                markeredgewidth=0,
                alpha=0.85,
            )
        chance = {"Class AUROC": 0.5, "Sign AUROC": 0.5, "Spearman ρ": 0.0}.get(title)
        if chance is not None:
            axes.axvline(chance, color=LIGHT["ink"], linewidth=1, linestyle=":", zorder=0)
        finish_rows(axes, tissues, title)
    first = metrics[names[0]]
    words = f"{title} by tissue, {first.min():.3f} to {first.max():.3f}, mean {first.mean():.3f}."
    return figure, words


def _curves(tables: EqtlTables, ways: Sequence[str], kind: str) -> tuple[Figure, str]:
    """Curves of all tissues, and their mean."""
    groups = list(tables.variants.groupby("tissue", sort=False))
    with style():
        figure, axes = new_axes(400, 380)
        for way in reversed(ways):
            colour = LIGHT[_WAYS[way][1]]
            curves = [_curve(table, way, kind) for _, table in groups]
            known = [curve for curve in curves if curve is not None]
            for curve in known if len(known) > 1 else []:
                axes.plot(_GRID, curve, color=colour, linewidth=0.75, alpha=0.25)
            axes.plot(_GRID, np.mean(known, axis=0), color=colour, linewidth=2)
        if kind == "roc":
            axes.plot([0, 1], [0, 1], color=LIGHT["ink"], linewidth=1, linestyle=":")
        _finish_curves(axes, kind)
    name = "ROC" if kind == "roc" else "Precision-recall"
    return figure, f"{name} curves of {', '.join(_WAYS[way][0] for way in ways)}."


def _finish_curves(axes: Axes, kind: str) -> None:
    labels = ("false positive rate", "true positive rate")
    axes.set_title("ROC" if kind == "roc" else "Precision and recall")
    axes.set_xlabel(labels[0] if kind == "roc" else "recall")
    axes.set_ylabel(labels[1] if kind == "roc" else "precision")
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(-0.01, 1.01)
    axes.set_aspect("equal")
    axes.grid()


def _curve(table: pd.DataFrame, way: str, kind: str) -> np.ndarray | None:
    """The curve of a tissue on the common grid."""
    columns = {"class": "pred", "forest": "forest", "distance": "tss_dist"}
    values = table[columns[way]].to_numpy(float)
    values = -values if way == "distance" else np.abs(values)
    known = ~np.isnan(values)
    truth = (table["label"] == "pos").to_numpy()[known]
    if truth.all() or not truth.any():
        return None
    if kind == "roc":
        false, true, _ = roc_curve(truth, values[known])
        return np.interp(_GRID, false, true)
    precision, recall, _ = precision_recall_curve(truth, values[known])
    return np.interp(_GRID, recall[::-1], precision[::-1])


def _scatter(tables: EqtlTables, tissue: str) -> tuple[Figure, str]:
    table = tables.variants
    rows = table[(table["tissue"] == tissue) & (table["label"] == "pos") & table["measured"]]
    rows = rows.dropna(subset=["coef"])
    correlation = tables.metrics.set_index("tissue")["spearmanr"][tissue]
    step = -(-len(rows) // _MOST_POINTS) or 1
    with style():
        figure, axes = new_axes(330, 310)
        axes.axhline(0, color=LIGHT["rule"], linewidth=1)
        axes.axvline(0, color=LIGHT["rule"], linewidth=1)
        axes.plot(
            rows["coef"][::step],
            rows["pred"][::step],
            "o",
            color=LIGHT["accent"],
            markersize=5,
            markeredgewidth=0,
            alpha=0.5,
        )
        axes.set_title(f"{tissue}, ρ {formats.score(correlation)}")
        axes.set_xlabel("measured effect")
        axes.set_ylabel(tables.statistic)
    return figure, f"Effects and scores of {len(rows)} variants of {tissue}, rho {correlation:.3f}."
