"""The report of a data set: where its windows are, and what its tracks look like."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline
from matplotlib.ticker import FuncFormatter, MaxNLocator

from whelp.report import formats
from whelp.report.accuracy import draw_row, finish_rows, name_ticks
from whelp.report.assays import assay, assay_colours
from whelp.report.document import Report
from whelp.report.figures import new_axes, style
from whelp.report.palette import LIGHT
from whelp.report.tables import Column
from whelp.report.training import add_facts, written_line

_WIDTH = 1040
_DIGITS = re.compile(r"(\d+)")
# Windows nearer to each other than this share of the widest chromosome are drawn as one.
_PIXEL = 1 / 900
_MOST_CHROMOSOMES = 30
_COLOURS = {"train": "rna", "valid": "gold", "test": "cage"}
_FOLD_COLOURS = ("rna", "gold", "cage", "open", "chip", "atac", "rose", "brown")
# What is below this is drawn at the edge of a logarithmic axis.
_FLOORS = {"mean": 1e-4, "clipped": 1e-8}
_TITLES = {"mean": "Mean target per bin", "clipped": "Share of bins that were clipped"}


@dataclass(frozen=True)
class DatasetTables:
    """What a report of a data set is made of.

    Attributes:
        windows: One row a window: `chrom`, `start`, `end` (bp) and `label`.
        tracks: One row a track: `identifier`, `description`, `mean`, `max` and `sum` of its
            targets, and the shares `clipped` (of bins) and `missing` (of bases); `group` if given.
        seq_length: Length of a window's sequence, bp.
        target_length: Length of its targets, bins.
        lengths: Chromosome -> length, bp; chromosomes are drawn up to their last window without.
        notes: What a reader should be told.
        facts: How it was made, with the command as `command`.
    """

    windows: pd.DataFrame
    tracks: pd.DataFrame
    seq_length: int
    target_length: int
    lengths: Mapping[str, int] = field(default_factory=dict)
    notes: Sequence[str] = ()
    facts: Mapping[str, str] = field(default_factory=dict)


def dataset_report(tables: DatasetTables, path: str | Path, *, title: str = "Data set") -> Path:
    """Write what a data set holds as one HTML file.

    Args:
        tables: What it holds.
        path: The file to write.
        title: Its heading.

    Returns:
        The path.
    """
    report = Report(title, _subtitle(tables), eyebrow="whelp data report")
    report.add_cards(_cards(tables))
    if tables.notes:
        report.add_section("Please note")
        for note in tables.notes:
            report.add_text(f"{note}.")
    _add_windows(report, tables)
    _add_tracks(report, tables.tracks)
    if tables.facts:
        add_facts(report, tables.facts)
    return report.set_footer(written_line()).write(path)


def label_colours(labels: Sequence[str]) -> dict[str, str]:
    """Colour names (see `palette`) for labels of windows."""
    folds = [label for label in labels if label not in _COLOURS]
    cycle = {label: _FOLD_COLOURS[at % len(_FOLD_COLOURS)] for at, label in enumerate(folds)}
    return {label: _COLOURS.get(label) or cycle[label] for label in labels}


def _subtitle(tables: DatasetTables) -> str:
    return (
        f"{len(tables.windows):,} windows of {tables.seq_length:,} bp, "
        f"{len(tables.tracks):,} tracks in {tables.target_length:,} bins"
    )


def _cards(tables: DatasetTables) -> list[tuple[str, str, str]]:
    windows, tracks = tables.windows, tables.tracks
    counts = windows["label"].value_counts(sort=False)
    per_label = ", ".join(f"{number:,} {label}" for label, number in counts.items())
    if len(counts) > 3:
        per_label = f"in {len(counts)} folds"
    covered = sum(_covered(group) for _, group in windows.groupby("label"))
    cards = [
        ("Windows", formats.count(len(windows)), per_label),
        ("Covered by targets", formats.bases(covered), "each base once"),
        ("Tracks", formats.count(len(tracks)), ""),
    ]
    if len(tracks):
        most = tracks.iloc[int(tracks["clipped"].argmax())]
        remark = f"at most {formats.share(most['clipped'])}, {most['identifier']}"
        cards.append(("Clipped bins", formats.share(tracks["clipped"].mean()), remark))
    return cards


def _covered(windows: pd.DataFrame) -> int:
    """Bases under windows, those under several counted once."""
    total = 0
    for _, group in windows.groupby("chrom"):
        runs = _runs(group["start"].to_numpy(), group["end"].to_numpy(), 0)
        total += int((runs[1] - runs[0]).sum())
    return total


def _runs(starts: np.ndarray, ends: np.ndarray, room: float) -> tuple[np.ndarray, np.ndarray]:
    """Join intervals that overlap, touch, or are at most `room` apart."""
    order = np.argsort(starts, kind="stable")
    starts, reach = starts[order], np.maximum.accumulate(ends[order])
    first = np.concatenate([[True], starts[1:] > reach[:-1] + room])
    return starts[first], reach[np.concatenate([first[1:], [True]])]


def _add_windows(report: Report, tables: DatasetTables) -> None:
    windows = tables.windows
    labels = list(dict.fromkeys(windows["label"]))
    colours = label_colours(labels)
    report.add_section("Windows")
    caption = "What the targets of the windows cover, by chromosome."
    number = windows["chrom"].nunique()
    if number > _MOST_CHROMOSOMES:
        caption += f" The {_MOST_CHROMOSOMES} longest of {number:,} are shown."
    report.add_figures(
        [_draw_map(tables, colours)], caption, legend=list(colours.items()), wide=True
    )
    table = _label_table(windows, colours)
    report.add_table(
        table,
        caption="Windows by label.",
        columns=[
            Column("label", "Label"),
            Column(
                "windows",
                "Windows",
                formats.count,
                numeric=True,
                bar=float(table["windows"].max()),
                colour="colour",
            ),
            Column("share", "Share", formats.share, numeric=True),
            Column("covered", "Covered, bp", formats.count, numeric=True),
            Column("chromosomes", "Chromosomes", formats.count, numeric=True),
        ],
    )


def _label_table(windows: pd.DataFrame, colours: Mapping[str, str]) -> pd.DataFrame:
    """One row a label: windows, their share, bases and chromosomes."""
    rows = [
        {
            "label": label,
            "windows": len(group),
            "share": len(group) / len(windows),
            "covered": _covered(group),
            "chromosomes": group["chrom"].nunique(),
            "colour": colours[label],
        }
        for label, group in ((label, windows[windows["label"] == label]) for label in colours)
    ]
    return pd.DataFrame(rows)


def _draw_map(tables: DatasetTables, colours: Mapping[str, str]) -> tuple[Figure, str]:
    """Draw chromosomes as lines and windows on them as boxes."""
    windows = tables.windows
    ends = {str(chrom): end for chrom, end in windows.groupby("chrom")["end"].max().items()}
    lengths = {chrom: max(tables.lengths.get(chrom, 0), int(end)) for chrom, end in ends.items()}
    longest = sorted(lengths, key=lambda chrom: -lengths[chrom])[:_MOST_CHROMOSOMES]
    known = list(tables.lengths) or sorted(lengths, key=_natural)
    order = [chrom for chrom in known if chrom in set(longest)]
    room = max(lengths.values()) * _PIXEL
    with style():
        figure, axes = new_axes(_WIDTH, 60 + 19 * len(order))
        for row, chrom in enumerate(order):
            axes.plot(
                [0, lengths[chrom]], [row, row], color=LIGHT["rule"], linewidth=1.5, zorder=0.5
            )
        for label, colour in colours.items():
            own = windows[windows["label"] == label]
            boxes = [
                _boxes(group, order.index(str(chrom)), room)
                for chrom, group in own.groupby("chrom", sort=False)
                if str(chrom) in order
            ]
            if boxes:
                outline = Outline.make_compound_path(*boxes)
                axes.add_patch(PathPatch(outline, facecolor=LIGHT[colour], linewidth=0))
        _finish_map(axes, order, max(lengths[chrom] for chrom in order))
    words = ", ".join(f"{(windows['label'] == label).sum():,} {label}" for label in colours)
    return figure, f"Windows along {len(order)} chromosomes: {words}."


def _natural(name: str) -> list[tuple[int, str]]:
    """Sort chr2 before chr10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in _DIGITS.split(name)]


def _boxes(group: pd.DataFrame, row: int, room: float) -> Outline:
    """One outline of the boxes of a chromosome; the narrowest is still to be seen."""
    starts, ends = _runs(group["start"].to_numpy(), group["end"].to_numpy(), room)
    ends = np.maximum(ends, starts + room)
    corners = np.empty((len(starts), 5, 2))
    corners[:, [0, 1, 4], 0] = starts[:, None]
    corners[:, [2, 3], 0] = ends[:, None]
    corners[:, [0, 3, 4], 1] = row - 0.36
    corners[:, [1, 2], 1] = row + 0.36
    codes = np.tile([Outline.MOVETO, *[Outline.LINETO] * 3, Outline.CLOSEPOLY], len(starts))
    return Outline(corners.reshape(-1, 2), codes)


def _finish_map(axes: Axes, names: Sequence[str], longest: int) -> None:
    finish_rows(axes, list(names), "")
    axes.set_xlim(0, longest)
    axes.xaxis.set_major_locator(MaxNLocator(8))
    unit, word = (1e6, "Mb") if longest >= 2e6 else (1e3, "kb")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda at, _: f"{at / unit:g}"))
    axes.set_xlabel(word)


def _add_tracks(report: Report, tracks: pd.DataFrame) -> None:
    report.add_section(
        "Tracks",
        "Targets are what models are trained on: coverage in bins, after the table's statistic, "
        "scale and limits.",
    )
    if not len(tracks):
        return
    shown = [name for name in ("mean", "clipped") if (tracks[name] > 0).any()]
    if shown:
        report.add_figures(
            [_draw_spread(tracks, name) for name in shown],
            "Every track, by assay, on logarithmic axes; the upright line is the mean of an assay. "
            "Arrowheads at the left edge are tracks below it.",
        )
    table = tracks.assign(assay=tracks["description"].map(assay))
    table["colour"] = table["assay"].map(assay_colours(table["assay"]))
    report.add_table(
        table,
        caption="Every track over all windows; click a heading to sort.",
        sortable=True,
        columns=[
            Column("identifier", "Track"),
            Column("assay", "Assay"),
            Column(
                "mean",
                "Mean",
                _number,
                numeric=True,
                bar=max(float(tracks["mean"].max()), 1e-9),
                colour="colour",
            ),
            Column("max", "Largest", formats.score, numeric=True),
            Column("clipped", "Clipped bins", formats.share, numeric=True),
            Column("missing", "Bases without value", formats.share, numeric=True),
            Column("description", "Description"),
            *([Column("group", "Group")] if "group" in tracks else []),
        ],
    )


def _draw_spread(tracks: pd.DataFrame, name: str) -> tuple[Figure, str]:
    """Draw a number of every track as a dot, one row an assay."""
    assays = tracks["description"].map(assay)
    colours = assay_colours(assays)
    with style():
        figure, axes = new_axes(510, 62 + 42 * len(colours))
        axes.set_xscale("log")
        for row, (kind, colour) in enumerate(colours.items()):
            values = tracks.loc[assays == kind, name].dropna().to_numpy(dtype=float)
            draw_row(axes, values, (row, colour), _FLOORS[name])
        finish_rows(axes, list(colours), _TITLES[name])
        name_ticks(axes)
    means = tracks.groupby(assays)[name].mean()
    words = ", ".join(f"{kind} {means[kind]:.3g}" for kind in colours)
    return figure, f"{_TITLES[name]}, every track by assay; means: {words}."


def _number(value: float) -> str:
    return formats.text(f"{value:,.4f}" if np.isfinite(value) else None)
