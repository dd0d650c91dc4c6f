"""The report of scored variants: the ranking, what sets tracks apart, and pictures of the best."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from whelp.report import formats
from whelp.report.assays import assay, assay_colours
from whelp.report.document import Report
from whelp.report.figures import TEXT_SIZE, new_axes, style
from whelp.report.palette import LIGHT
from whelp.report.tables import Column
from whelp.report.training import add_facts, written_line
from whelp.report.variant_picture import VariantPicture, logos_figure, variant_figure

_WIDTH = 1040
_CELL = 18
_MOST_TRACKS = 48
_DOTS = 2000
_UP, _DOWN = "accent", "cage"
_TEXTS = {
    "id": "variant",
    "place": "place",
    "ref": "ref",
    "alt": "alt",
    "gene_name": "gene",
    "track": "track",
    "description": "description",
}


@dataclass(frozen=True)
class VariantTables:
    """What a report of variants is made of.

    Attributes:
        statistic: The statistic by which variants are ranked.
        best: The variants that change a track most, the first first: `id`, `place`, `ref`, `alt`,
            perhaps `gene_name`, the `track` with the largest change, its `description`, the
            statistic, and perhaps its spread over replicates, `STATISTIC_sd`.
        scores: Scores of the first of them in all tracks, `(variants, tracks)`.
        tracks: One row a track: `identifier` and `description`.
        largest: Of every variant, or a sample, the score that is farthest from zero.
        variants: Number of variants that were scored, or of variants and genes.
        rejected: Number of those that could not be.
        pictures: Variants to look at.
        facts: How they were scored, with the command as `command`.
        seen: How many of them the model was trained on, in sentences; nothing where nobody knows.
    """

    statistic: str
    best: pd.DataFrame
    scores: np.ndarray
    tracks: pd.DataFrame
    largest: np.ndarray
    variants: int
    rejected: int = 0
    pictures: Sequence[VariantPicture] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    seen: Sequence[str] = ()


def variants_report(
    tables: VariantTables, path: str | Path, *, title: str = "Scored variants"
) -> Path:
    """Write what variants change as one HTML file.

    Args:
        tables: The scores, with at least one variant.
        path: The file to write.
        title: Its heading.

    Returns:
        The path.
    """
    subtitle = f"{tables.variants:,} {_what(tables).lower()}, {len(tables.tracks):,} tracks, "
    subtitle += tables.statistic
    report = Report(title, subtitle, eyebrow="whelp variant report")
    report.add_cards(_cards(tables))
    _add_ranking(report, tables)
    for picture in tables.pictures:
        _add_picture(report, picture)
    if tables.facts:
        add_facts(report, tables.facts)
    return report.set_footer(written_line()).write(path)


def _cards(tables: VariantTables) -> list[tuple[str, str, str]]:
    first = tables.best.iloc[0]
    rejected = f"{tables.rejected:,} could not be scored: rejected.tsv" if tables.rejected else ""
    return [
        (_what(tables), formats.count(tables.variants), rejected),
        ("Tracks", formats.count(len(tables.tracks)), "strands merged"),
        (
            f"Largest {tables.statistic}",
            formats.signed(first[tables.statistic]),
            f"{first['id']}, {first['place']}",
        ),
    ]


def _what(tables: VariantTables) -> str:
    return "Variants by gene" if "gene_name" in tables.best else "Variants"


def _add_ranking(report: Report, tables: VariantTables) -> None:
    report.add_section("Ranking", " ".join(f"{sentence}." for sentence in tables.seen))
    columns = [Column(name, header) for name, header in _TEXTS.items() if name in tables.best]
    columns.append(Column(tables.statistic, tables.statistic, formats.signed, numeric=True))
    spread = f"{tables.statistic}_sd"
    if spread in tables.best:
        columns.append(Column(spread, "sd over replicates", formats.digits, numeric=True))
    report.add_table(
        tables.best,
        caption=f"The variants with the largest {tables.statistic}, in the track where it is. "
        "Scores are of the alternate minus the reference allele.",
        columns=columns,
        sortable=True,
    )
    report.add_figure(
        _rank_figure(tables),
        "Scores of all variants in order, each in the track where it is farthest from zero.",
        alt=f"Scores of {tables.variants:,} variants in order.",
    )
    figure, alt = _heat_figure(tables)
    report.add_figure(
        figure,
        f"{tables.statistic} of the first variants in "
        + ("all tracks." if len(tables.tracks) <= _MOST_TRACKS else "the tracks that change most.")
        + " Blue rises with the alternate allele, red falls; the fuller, the more.",
        alt=alt,
        wide=True,
    )


def _rank_figure(tables: VariantTables) -> Figure:
    values = np.sort(tables.largest[np.isfinite(tables.largest)])
    if len(values) > _DOTS:
        # Both ends are what a reader looks for: they keep all their dots.
        inner = np.linspace(100, len(values) - 101, _DOTS - 200).astype(int)
        places = np.concatenate([np.arange(100), inner, np.arange(len(values) - 100, len(values))])
    else:
        places = np.arange(len(values))
    with style():
        figure, axes = new_axes(_WIDTH, 240)
        axes.axhline(0, color=LIGHT["rule"], linewidth=1)
        for sign, colour in ((1, _UP), (-1, _DOWN)):
            kept = places[np.sign(values[places]) == sign]
            axes.plot(
                kept,
                values[kept],
                "o",
                color=LIGHT[colour],
                markersize=4.5,
                markeredgewidth=0,
                alpha=0.7,
            )
        axes.set_ylabel(tables.statistic)
        axes.set_xlabel("variants, from the lowest score to the highest")
        axes.spines["bottom"].set_visible(False)
        axes.tick_params(axis="x", length=0)
    return figure


def _heat_figure(tables: VariantTables) -> tuple[Figure, str]:
    """Variants by tracks, as cells whose opacity is the score's share of the largest."""
    scores = np.nan_to_num(np.asarray(tables.scores, dtype=float))
    order = np.argsort(-np.abs(scores).max(axis=0), kind="stable")[:_MOST_TRACKS]
    descriptions = [str(text) for text in tables.tracks["description"]]
    order = np.array(sorted(order, key=lambda at: (assay(descriptions[at]), at)))
    top = max(float(np.abs(scores).max()), 1e-12)
    number = len(scores)
    colours = assay_colours(assay(descriptions[at]) for at in order)
    with style():
        figure, axes = new_axes(_WIDTH, 200 + _CELL * number)
        for row in range(number):
            for column, track in enumerate(order):
                value = scores[row, track]
                colour = LIGHT[_UP if value > 0 else _DOWN]
                cell = Rectangle(
                    (column, row), 0.94, 0.9, color=colour, alpha=abs(value) / top, linewidth=0
                )
                axes.add_patch(cell)
        axes.set_xlim(0, len(order))
        axes.set_ylim(number, 0)
        names = [_name(row) for row in tables.best[:number].to_dict("records")]
        axes.set_yticks(np.arange(number) + 0.45, names, fontsize=TEXT_SIZE - 1)
        labels = [_cut(descriptions[track]) for track in order]
        axes.set_xticks(
            np.arange(len(order)) + 0.5, labels, rotation=90, fontsize=TEXT_SIZE - 2, va="top"
        )
        for label, track in zip(axes.get_xticklabels(), order, strict=True):
            label.set_color(LIGHT[colours[assay(descriptions[track])]])
        axes.tick_params(length=0)
        for side in ("left", "bottom"):
            axes.spines[side].set_visible(False)
    return figure, f"{tables.statistic} of {number} variants in {len(order)} tracks."


def _name(row: Mapping[Any, Any]) -> str:
    return f"{row['id']}  {row.get('gene_name') or row['place']}"


def _cut(text: str) -> str:
    return text if len(text) <= 30 else text[:29] + "…"


def _add_picture(report: Report, picture: VariantPicture) -> None:
    report.add_section(picture.title)
    figure, alt = variant_figure(picture)
    report.add_figure(
        figure,
        "Predicted coverage with the reference allele (grey) and the alternate allele (line), and "
        "alternate minus reference below: left the whole window, right where the change is "
        f"largest. Bins of {picture.bin_width} bp; the dotted line is the variant"
        + (f", shaded are the exons of {picture.gene}." if picture.gene else "."),
        alt=alt,
        wide=True,
    )
    if picture.logos:
        drawn, words = logos_figure(picture)
        report.add_figure(
            drawn,
            f"What each base around the variant contributes to {picture.statistic} of the first of "
            "these tracks, by saturation mutagenesis, with either allele. A base that stands on "
            "its head lowers it.",
            alt=words,
            wide=True,
        )
