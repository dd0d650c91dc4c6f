"""Accuracy of tracks: spread by assay, and measured against predicted values."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, LogNorm, to_rgba
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from whelp.report.assays import assay, assay_colours
from whelp.report.figures import new_axes, style
from whelp.report.palette import LIGHT
from whelp.report.records import ScatterSample

NUMBER_NAMES = {
    "pearsonr": "Pearson r",
    "spearmanr": "Spearman ρ",
    "r2": "R²",
    "auroc": "AUROC",
    "auprc": "AUPRC",
}
_FLOORS = {"r2": -0.5}
_SCATTER_SHARE = 0.999


def assay_spread(table: pd.DataFrame) -> list[tuple[Figure, str]]:
    """Every track as a dot, one row an assay, with the mean of each assay.

    Args:
        table: what `whelp.evaluate` gives.

    Returns:
        One figure for each number in the table, each with its alternative text.
    """
    assays = table["description"].map(assay)
    colours = assay_colours(assays)
    figures = []
    numbers = [name for name in NUMBER_NAMES if name in table and table[name].notna().any()]
    with style():
        for number in numbers:
            title = NUMBER_NAMES[number]
            figure, axes = new_axes(340 if len(numbers) > 2 else 510, 62 + 42 * len(colours))
            floor = _FLOORS.get(number)
            for row, (name, colour) in enumerate(colours.items()):
                values = table.loc[assays == name, number].dropna().to_numpy()
                draw_row(axes, values, (row, colour), floor)
            finish_rows(axes, list(colours), title)
            means = table.groupby(assays)[number].mean()
            words = ", ".join(f"{name} {means[name]:.3f}" for name in colours)
            figures.append((figure, f"{title} of every track by assay; means: {words}."))
    return figures


def draw_row(axes: Axes, values: np.ndarray, place: tuple[int, str], floor: float | None) -> None:
    """Draw the tracks of one assay as dots spread around a line, and their mean as a tick.

    Args:
        axes: where to draw.
        values: one a track.
        place: row and name of the colour.
        floor: what is below it is drawn on it, as an arrowhead.
    """
    row, colour = place
    if not len(values):
        return
    shown = values if floor is None else np.maximum(values, floor)
    offsets = _spread(shown)
    kept = shown == values
    looks = ((kept, "o"), (~kept, "<"))
    for chosen, marker in looks:
        axes.plot(
            shown[chosen],
            row + offsets[chosen],
            marker,
            color=LIGHT[colour],
            alpha=0.6,
            markersize=7,
            markeredgewidth=0,
        )
    mean = values.mean() if floor is None else max(values.mean(), floor)
    axes.plot([mean, mean], [row - 0.36, row + 0.36], color=LIGHT["ink"], linewidth=2, zorder=4)


def _spread(values: np.ndarray) -> np.ndarray:
    """Vertical offsets, at most a third of a row, that keep near values apart."""
    order = np.argsort(values, kind="stable")
    offsets = np.empty(len(values))
    pattern = np.array([0.0, 0.17, -0.17, 0.08, -0.08, 0.25, -0.25])
    offsets[order] = pattern[np.arange(len(values)) % len(pattern)]
    return offsets if len(values) > 1 else np.zeros(1)


def finish_rows(axes: Axes, names: list[str], title: str) -> None:
    """Name the rows of a plot, from top to bottom, and take its frame away."""
    axes.set_title(title)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.45, -0.55)
    axes.grid(axis="x")
    axes.spines["left"].set_visible(False)
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(axis="x", length=0)
    for label in axes.get_yticklabels():
        label.set_color(LIGHT["ink"])


def name_ticks(axes: Axes) -> None:
    """Name a few ticks of a logarithmic axis by plain numbers, if it spans few decades."""
    low, high = axes.get_xlim()
    if high < 1000 * low:
        few = MaxNLocator(5) if high < 10 * low else LogLocator(subs=(1, 3))
        axes.xaxis.set_major_locator(few)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda at, _: f"{at:.4g}"))
        axes.xaxis.set_minor_locator(NullLocator())


def scatter_panels(samples: Sequence[ScatterSample]) -> list[tuple[Figure, str]]:
    """Measured against predicted values of the bins, as counts in hexagons.

    Args:
        samples: one a panel.

    Returns:
        One figure a sample, each with its alternative text.
    """
    colours = assay_colours(assay(sample.description) for sample in samples)
    with style():
        return [_draw_scatter(sample, colours[assay(sample.description)]) for sample in samples]


def _draw_scatter(sample: ScatterSample, colour: str) -> tuple[Figure, str]:
    figure, axes = new_axes(250, 270)
    # The same place in every panel, whatever the labels.
    figure.set_layout_engine("none")
    axes.set_position((0.18, 0.19, 0.74, 0.685))
    both = np.stack([sample.measured, sample.predicted]).astype(float)
    # A few extreme bins would press all others into a corner; they are drawn at the edge.
    low = float(min(both.min(), 0))
    high = max(float(np.quantile(both, _SCATTER_SHARE, axis=1).max()), 1e-6)
    measured, predicted = np.minimum(both, high)
    axes.plot([low, high], [low, high], color=LIGHT["muted"], linewidth=1, linestyle=(0, (2, 3)))
    # Faint to full in one hue: the page's colour variables cannot be mixed, opacity can.
    faint, full = to_rgba(LIGHT[colour], 0.22), to_rgba(LIGHT[colour], 1.0)
    axes.hexbin(
        measured,
        predicted,
        gridsize=26,
        extent=(low, high, low, high),
        mincnt=1,
        norm=LogNorm(),
        cmap=LinearSegmentedColormap.from_list("density", [faint, full]),
        linewidths=0.2,
    )
    axes.set_title(f"{assay(sample.description)} · r = {sample.pearsonr:.3f}")
    axes.set_xlabel("measured")
    axes.set_ylabel("predicted")
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)
    axes.set_box_aspect(1)
    axes.locator_params(nbins=5)
    alt = (
        f"Predicted against measured values of {sample.identifier} ({sample.description}), "
        f"Pearson {sample.pearsonr:.3f}."
    )
    return figure, alt
