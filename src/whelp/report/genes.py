"""The part of a report that is about the expression of genes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from whelp.report import formats
from whelp.report.accuracy import draw_row, finish_rows
from whelp.report.assays import assay_colours
from whelp.report.document import Report
from whelp.report.figures import new_axes, style
from whelp.report.palette import LIGHT
from whelp.report.records import ContrastSummary, GeneSummary
from whelp.report.tables import Column

NUMBER_NAMES = {
    "pearsonr": "Across genes",
    "pearsonr_norm": "Beyond the group",
    "pearsonr_gene": "Along genes",
}
_SPACE = (
    "Log2 of the coverage of genes, with the squashing of targets undone: of the bins that hold "
    "their exons, on their strand, scaled to their length."
)
_SPREAD = (
    "Pearson correlation of every track: across genes; across genes beyond the group (quantile "
    "normalised within the group, less each gene's mean over it); and along the fifth of genes "
    "whose measured coverage varies most, bin by bin. The upright line is the mean of a group."
)
_MOST_ROWS = 16
_UP, _DOWN, _OTHER = "accent", "cage", "measured"


def gene_cards(genes: GeneSummary) -> list[tuple[str, str, str]]:
    """Headline numbers: label, number, remark."""
    across = float(genes.tracks["pearsonr"].mean())
    remark = f"{genes.genes:,} genes, mean over {len(genes.tracks):,} tracks"
    cards = [("Across genes, Pearson r", formats.score(across), remark)]
    for contrast in genes.contrasts[:1]:
        label = f"Log2 change {contrast.name}"
        cards.append((label, formats.score(contrast.pearsonr), "Pearson r over genes"))
    return cards


def add_genes(report: Report, genes: GeneSummary, split: str) -> None:
    """Add how well the expression of held-out genes is predicted."""
    number = f"{genes.genes:,} genes, {split} windows."
    if genes.reaching:
        number += f" {genes.reaching:,} of them reach into training windows."
    report.add_section("Expression of genes", f"{_SPACE} {number}")
    groups = sorted(set(genes.tracks["group"]))
    few = len(groups) <= _MOST_ROWS
    figures = _spread(genes.tracks, groups) if few else []
    if figures:
        report.add_figures(figures, _SPREAD)
    report.add_table(
        _group_table(genes.tracks, groups),
        caption=f"Correlations by group of tracks, {split} windows."
        + ("" if figures else f" {_SPREAD.partition(' The upright')[0]}"),
        total=len(groups) > 1,
        sortable=not few,
        columns=[
            Column("group", "Group"),
            Column("tracks", "Tracks", formats.count, numeric=True),
            *(
                Column(
                    f"{name}{ending}",
                    f"{label}, mean" if not ending else "median",
                    formats.score,
                    numeric=True,
                )
                for name, label in NUMBER_NAMES.items()
                for ending in ("", "_median")
            ),
        ],
    )
    if genes.contrasts:
        add_contrasts(report, genes.contrasts, split)


def _spread(tracks: pd.DataFrame, groups: list[str]) -> list[tuple[Figure, str]]:
    """Every track as a dot, one row a group, one figure a number."""
    colours = assay_colours(groups)
    figures = []
    with style():
        for name, title in NUMBER_NAMES.items():
            if not tracks[name].notna().any():
                continue
            figure, axes = new_axes(340, 62 + 42 * len(groups))
            for row, group in enumerate(groups):
                values = tracks.loc[tracks["group"] == group, name].dropna().to_numpy()
                draw_row(axes, values, (row, colours[group]), None)
            finish_rows(axes, groups, title)
            means = tracks.groupby("group")[name].mean()
            words = ", ".join(f"{group} {formats.score(means[group])}" for group in groups)
            figures.append((figure, f"Pearson r {title.lower()} of every track; means: {words}."))
    return figures


def _group_table(tracks: pd.DataFrame, groups: list[str]) -> pd.DataFrame:
    parts = [(group, tracks[tracks["group"] == group]) for group in groups]
    if len(parts) > 1:
        parts.append(("All", tracks))
    rows = [
        {"group": label, "tracks": len(part)}
        | {name: part[name].mean() for name in NUMBER_NAMES}
        | {f"{name}_median": part[name].median() for name in NUMBER_NAMES}
        for label, part in parts
    ]
    return pd.DataFrame(rows)


def add_contrasts(report: Report, contrasts: Sequence[ContrastSummary], split: str) -> None:
    """Add what changes between groups of tracks: a figure for each pair, and a table."""
    report.add_section(
        "Change between groups",
        "Log2 fold change of a gene from one group of tracks to another: the difference of the "
        "groups' mean log2 coverage, after all their tracks were quantile normalised together.",
    )
    least = contrasts[0].min_change
    report.add_figures(
        [_scatter(contrast) for contrast in contrasts],
        f"Each dot is a gene of the {split} windows. Genes are up, or down, from a measured change "
        f"of {least:g} on. The dotted line is perfect prediction.",
        legend=[("up", _UP), ("down", _DOWN), ("neither", _OTHER)],
    )
    table = pd.DataFrame([vars(contrast) for contrast in contrasts])
    report.add_table(
        table.assign(number=[len(contrast.genes) for contrast in contrasts]),
        caption="Predicted against measured change. AUROC: how well the predicted change tells "
        "genes that are up (or down) from all others; a dash where there are none.",
        columns=[
            Column("name", "Contrast"),
            *(
                Column(name, header, formats.count, numeric=True)
                for name, header in (("number", "Genes"), ("up", "Up"), ("down", "Down"))
            ),
            *(
                Column(name, header, formats.score, numeric=True)
                for name, header in (
                    ("pearsonr", "Pearson r"),
                    ("spearmanr", "Spearman ρ"),
                    ("auroc_up", "AUROC up"),
                    ("auroc_down", "AUROC down"),
                )
            ),
        ],
    )


def _scatter(contrast: ContrastSummary) -> tuple[Figure, str]:
    measured = contrast.genes["measured"].to_numpy(dtype=float)
    predicted = contrast.genes["predicted"].to_numpy(dtype=float)
    reach = 1.06 * max(float(np.abs([measured, predicted]).max()), contrast.min_change)
    up, down = measured >= contrast.min_change, measured <= -contrast.min_change
    with style():
        figure, axes = new_axes(340, 360)
        axes.plot(
            [-reach, reach],
            [-reach, reach],
            color=LIGHT["muted"],
            linewidth=1,
            linestyle=(0, (2, 3)),
        )
        for border in (-contrast.min_change, contrast.min_change):
            axes.axvline(border, color=LIGHT["rule"], linewidth=1)
        for chosen, colour in ((~(up | down), _OTHER), (up, _UP), (down, _DOWN)):
            axes.plot(
                measured[chosen],
                predicted[chosen],
                "o",
                color=LIGHT[colour],
                alpha=0.55,
                markersize=5,
                markeredgewidth=0,
            )
        axes.set_title(f"{contrast.name} · r = {contrast.pearsonr:.3f}")
        axes.set_xlabel("measured log2 fold change")
        axes.set_ylabel("predicted log2 fold change")
        axes.set_xlim(-reach, reach)
        axes.set_ylim(-reach, reach)
        axes.set_box_aspect(1)
        axes.locator_params(nbins=5)
    alt = (
        f"Predicted against measured log2 fold change of {len(measured)} genes, {contrast.name}: "
        f"Pearson {contrast.pearsonr:.3f}, Spearman {contrast.spearmanr:.3f}; {contrast.up} genes "
        f"up, {contrast.down} down."
    )
    return figure, alt
