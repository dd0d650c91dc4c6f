"""The report of attributions: which bases matter, region by region."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from whelp.report import formats
from whelp.report.contributions import region_figure
from whelp.report.document import Report
from whelp.report.logos import Contributions
from whelp.report.tables import Column
from whelp.report.training import add_facts, written_line

_MOST_ROWS = 500


@dataclass(frozen=True, eq=False)
class AttributionTables:
    """What a report of attributions is made of.

    Attributes:
        regions: A row a region: `name`, `chrom`, `start`, `end` (bp from 0), `value` (the number
            that is explained, natural log units), `share` (how much of the gene its window shows),
            `strongest` (the contribution that is farthest from zero), and perhaps `gene`.
        stretches: Regions to be drawn.
        rejected: Number of rows that could not be explained.
        facts: How the attributions were made, with the command as `command`.
    """

    regions: pd.DataFrame
    stretches: Sequence[Contributions]
    rejected: int = 0
    facts: Mapping[str, str] = field(default_factory=dict)


def attributions_report(tables: AttributionTables, path: str | Path, *, title: str) -> Path:
    """Write which bases matter as one HTML file.

    Args:
        tables: The attributions of at least one region.
        path: The file to write.
        title: Its heading.

    Returns:
        The path.
    """
    length = int((tables.regions["end"] - tables.regions["start"]).iloc[0])
    number = len(tables.regions)
    subtitle = f"{number:,} region{'s' if number > 1 else ''} of {length:,} bp"
    report = Report(title, subtitle, eyebrow="whelp attributions")
    report.add_cards(_cards(tables))
    report.add_section("Contributions", _explained(tables))
    for shown in tables.stretches:
        figure, words = region_figure(shown)
        caption = f"{shown.name}, {shown.place}: {_what(shown, len(figure.axes) - 1)}"
        report.add_figure(figure, caption, alt=words, wide=True)
    _add_regions(report, tables)
    if tables.facts:
        add_facts(report, tables.facts)
    return report.set_footer(written_line()).write(path)


def _explained(tables: AttributionTables) -> str:
    """Say what the numbers mean."""
    what, raises = "the natural log of predicted coverage", "coverage"
    if "contrast" in tables.facts:
        one, _, other = tables.facts["contrast"].partition(":")
        what += f" in the tracks of {one} less that in those of {other}"
        raises = "their ratio"
    return (
        f"What is explained is {what}. A base contributes the gradient at its place, less the mean "
        f"over the four bases: a base of +0.01 is seen by the model as raising {raises} by about "
        f"1%."
    )


def _what(shown: Contributions, logos: int) -> str:
    """Say what a figure shows."""
    if not logos:
        return "the contribution of each base; letters below 0 lower the number."
    exons = " Bars below it are exons." if shown.exons else ""
    return (
        f"above, the highest and the lowest contribution along the region.{exons} Below, letter by "
        f"letter and on one scale, {'where they are' if logos == 1 else 'the stretches that are'} "
        f"strongest."
    )


def _cards(tables: AttributionTables) -> list[tuple[str, str, str]]:
    regions = tables.regions
    drawn = f"{len(tables.stretches)} drawn" if len(tables.stretches) < len(regions) else ""
    left_out = f"{tables.rejected:,} cannot be explained: rejected.tsv" if tables.rejected else ""
    cards = [("Regions", formats.count(len(regions)), left_out or drawn)]
    best = regions.iloc[int(np.argmax(np.abs(regions["strongest"])))]
    cards.append(("Strongest base", formats.signed(best["strongest"]), best["name"]))
    partly = int((regions["share"] < 1).sum())
    if "gene" in regions:
        remark = f"{partly:,} only partly in the window" if partly else "whole in their windows"
        cards.append(("Genes", formats.count(regions["gene"].nunique()), remark))
    return cards


def _add_regions(report: Report, tables: AttributionTables) -> None:
    shown = tables.regions.copy()
    starts, ends = shown["start"].clip(lower=0) + 1, shown["end"]
    shown["place"] = [
        f"{chrom}:{start:,}\N{EN DASH}{end:,}"
        for chrom, start, end in zip(shown["chrom"], starts, ends, strict=True)
    ]
    columns = [Column("name", "region"), Column("place", "place")]
    if "gene" in shown:
        columns += [
            Column("gene", "gene"),
            Column("share", "exons in the window", formats.share, numeric=True),
        ]
    columns += [
        Column("value", "ln coverage", formats.score, numeric=True),
        Column("strongest", "strongest base", formats.signed, numeric=True),
    ]
    caption = "The regions, the number that is explained, and the contribution farthest from zero."
    if len(shown) > _MOST_ROWS:
        order = np.argsort(-np.abs(shown["strongest"].to_numpy()), kind="stable")[:_MOST_ROWS]
        caption = f"{caption} Only the {_MOST_ROWS} with the strongest bases are listed."
        shown = shown.iloc[np.sort(order)]
    report.add_section("Regions")
    report.add_table(shown, caption=caption, columns=columns, sortable=True)
