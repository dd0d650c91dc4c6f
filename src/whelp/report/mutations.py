"""The report of saturation mutagenesis: logos and heat maps of stretches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline

from whelp.report import formats
from whelp.report.contributions import region_figure, strongest
from whelp.report.document import Report
from whelp.report.figures import TEXT_SIZE, new_figure, style
from whelp.report.logos import (
    BASES,
    WIDTH,
    Contributions,
    draw_logo,
    draw_marks,
    finish_x,
    logo_words,
)
from whelp.report.palette import LIGHT
from whelp.report.tables import Column
from whelp.report.training import add_facts, written_line

LINE = 100
"""Bases of a line: cells and letters are wide enough to be told apart."""
_ALL = 400
_MOST_LINES = 3
_LEVELS = 12
_UP, _DOWN = "accent", "cage"
_TEXTS = {"name": "stretch", "place": "place", "strand": "strand", "gene": "gene"}


@dataclass(frozen=True, eq=False)
class MutatedStretch:
    """Scores of the mutations of a stretch.

    Attributes:
        shown: What its bases contribute.
        scores: Of A, C, G and T in place of the sequence's base, of shape `(length, 4)`.
    """

    shown: Contributions
    scores: npt.NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class MutationTables:
    """What a report of mutations is made of.

    Attributes:
        statistic: What the scores are.
        stretches: The stretches to be drawn.
        largest: The mutations with the largest scores: `name`, `place` (bp from 1), perhaps
            `gene`, `change` and the statistic.
        regions: Number of stretches.
        positions: Number of their bases.
        tracks: Over how many tracks scores are averaged.
        rejected: Number of rows that could not be explained.
        facts: How they were scored, with the command as `command`.
    """

    statistic: str
    stretches: Sequence[MutatedStretch]
    largest: pd.DataFrame
    regions: int
    positions: int
    tracks: int
    rejected: int = 0
    facts: Mapping[str, str] = field(default_factory=dict)


def mutations_report(tables: MutationTables, path: str | Path, *, title: str) -> Path:
    """Write what mutations change as one HTML file.

    Args:
        tables: The scores.
        path: The file to write.
        title: Its heading.

    Returns:
        The path.
    """
    subtitle = f"{tables.regions:,} stretches, {tables.positions:,} bases, {tables.statistic}"
    report = Report(title, subtitle, eyebrow="whelp saturation mutagenesis")
    report.add_cards(_cards(tables))
    _add_largest(report, tables)
    for stretch in tables.stretches:
        _add_stretch(report, stretch, tables)
    if tables.facts:
        add_facts(report, tables.facts)
    return report.set_footer(written_line()).write(path)


def _cards(tables: MutationTables) -> list[tuple[str, str, str]]:
    rejected = f"{tables.rejected:,} cannot be explained: rejected.tsv" if tables.rejected else ""
    drawn = len(tables.stretches)
    number = formats.count(tables.regions)
    cards = [
        ("Stretches", number, rejected or (f"{drawn} drawn" if drawn < tables.regions else "")),
        ("Mutations", formats.count(3 * tables.positions), "each of the three other bases"),
        ("Tracks", formats.count(tables.tracks), "averaged" if tables.tracks > 1 else ""),
    ]
    if len(tables.largest):
        first = tables.largest.iloc[0]
        largest = formats.signed(first[tables.statistic])
        cards.append((f"Largest {tables.statistic}", largest, f"{first['name']}, {first['place']}"))
    return cards


def _add_largest(report: Report, tables: MutationTables) -> None:
    if not len(tables.largest):
        return
    report.add_section("Largest changes")
    columns = [Column(name, header) for name, header in _TEXTS.items() if name in tables.largest]
    columns.append(Column("change", "change"))
    columns.append(Column(tables.statistic, tables.statistic, formats.signed, numeric=True))
    report.add_table(
        tables.largest,
        caption=f"The mutations with the largest {tables.statistic}"
        + (f", averaged over {tables.tracks:,} tracks" if tables.tracks > 1 else "")
        + ". Bases are those of the strand that the model was shown.",
        columns=columns,
        sortable=True,
    )


def _add_stretch(report: Report, stretch: MutatedStretch, tables: MutationTables) -> None:
    shown = stretch.shown
    length = len(shown.bases)
    report.add_section(shown.name)
    if length > _ALL:
        figure, words = region_figure(shown, number=0)
        report.add_figure(
            figure,
            "The highest and the lowest contribution along the stretch. A base contributes what "
            "its mutations take away on average.",
            alt=words,
            wide=True,
        )
    figure, words = mutation_figure(stretch, unit=tables.statistic)
    report.add_figure(
        figure,
        "Letters: what each base contributes, the mean loss by its mutations. Cells: "
        f"{tables.statistic} with that base instead, blue where it rises, red where it falls; dots "
        "are the sequence's own bases."
        + (" The strongest parts of the stretch." if length > _ALL else ""),
        alt=words,
        wide=True,
    )


def mutation_figure(stretch: MutatedStretch, *, unit: str) -> tuple[Figure, str]:
    """Draw the logo and the heat map of a stretch, in lines of at most `LINE` bases.

    Args:
        stretch: The scores. Of a long stretch the strongest parts are drawn.
        unit: What the scores are.

    Returns:
        The figure and its alternative text.
    """
    shown = stretch.shown
    length = len(shown.bases)
    if length > _ALL:
        starts, size = sorted(strongest(shown.values, LINE, _MOST_LINES)), LINE
    else:
        size = -(-length // -(-length // LINE))
        starts = list(range(0, length, size))
    heights = [value for _ in starts for value in (1.35, 1)]
    with style():
        figure = new_figure(WIDTH, 190 * len(starts))
        grid = figure.add_gridspec(2 * len(starts), 1, height_ratios=heights)
        top = max(float(np.abs(stretch.scores).max()), 1e-12)
        for at, start in enumerate(starts):
            limits = (start, min(start + size, length))
            logo = figure.add_subplot(grid[2 * at])
            draw_logo(logo, shown, limits)
            logo.set_ylim(*_joint_limits(shown))
            logo.tick_params(axis="x", length=0, labelbottom=False)
            cells = figure.add_subplot(grid[2 * at + 1])
            _draw_cells(cells, stretch, limits, top)
            draw_marks(cells, shown, limits)
            finish_x(cells, shown, limits)
            for axes in (logo, cells):
                axes.set_xlim(0, size)
    drawn = " ".join(logo_words(shown, start, min(start + size, length)) for start in starts)
    return figure, f"Scores ({unit}) of every mutation of {shown.place}. {drawn}"


def _joint_limits(shown: Contributions) -> tuple[float, float]:
    """Equal letters of all lines are equally high."""
    values = np.asarray(shown.values, float)
    low, high = min(values.min(), 0.0), max(values.max(), 0.0)
    room = 0.06 * max(high - low, 1e-12)
    return low - room, high + room


def _draw_cells(axes: Axes, stretch: MutatedStretch, limits: tuple[int, int], top: float) -> None:
    """Draw cells by their opacity, all of one shade as one path: pages stay small."""
    scores = np.nan_to_num(np.asarray(stretch.scores[limits[0] : limits[1]], float))
    levels = np.rint(scores / top * _LEVELS).astype(int)
    for level in np.unique(levels[levels != 0]):
        places = np.argwhere(levels == level)
        path = _squares(places, 0.94)
        colour = LIGHT[_UP if level > 0 else _DOWN]
        alpha = abs(int(level)) / _LEVELS
        axes.add_patch(PathPatch(path, facecolor=colour, alpha=alpha, linewidth=0))
    bases = np.asarray(stretch.shown.bases[limits[0] : limits[1]])
    known = np.flatnonzero(bases < len(BASES))
    axes.plot(
        known + 0.5, bases[known] + 0.5, "o", color=LIGHT["measured"], markersize=2, linewidth=0
    )
    axes.set_ylim(len(BASES), 0)
    axes.set_yticks(np.arange(len(BASES)) + 0.5, list(BASES), fontsize=TEXT_SIZE - 2)
    axes.spines["left"].set_visible(False)
    axes.spines["bottom"].set_visible(False)


def _squares(places: npt.NDArray[np.int64], size: float) -> Outline:
    corners = np.array([[0, 0], [size, 0], [size, size], [0, size], [0, 0]])
    points = places[:, None, :] + corners[None]
    codes = [Outline.MOVETO, *[Outline.LINETO] * 3, Outline.CLOSEPOLY]
    return Outline(points.reshape(-1, 2), np.tile(codes, len(places)))
