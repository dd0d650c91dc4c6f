"""What the bases of a region contribute: a profile, and logos of where it is strongest."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from whelp.report.figures import TEXT_SIZE, new_figure, style
from whelp.report.logos import (
    WIDTH,
    Contributions,
    draw_logo,
    draw_marks,
    finish_x,
    finish_y,
    logo_figure,
    logo_words,
)
from whelp.report.palette import LIGHT

ZOOM = 80
"""Bases of a stretch, so that letters are wide enough to be read."""
_COLUMNS = 940
_WEAK = 0.2
"""Share of the strongest stretch's sum that others must have to be drawn."""


def region_figure(shown: Contributions, *, zoom: int = ZOOM, number: int = 3) -> tuple[Figure, str]:
    """Draw the profile of a whole region, and below it the logos of its strongest stretches.

    Args:
        shown: The contributions.
        zoom: Bases of a logo.
        number: How many logos at most. A region that is hardly longer than one is drawn as one.

    Returns:
        The figure and its alternative text.
    """
    length = len(shown.bases)
    if length <= 1.5 * zoom:
        return logo_figure(shown)
    starts = strongest(shown.values, zoom, number)
    with style():
        figure = new_figure(WIDTH, 160 + 128 * len(starts))
        grid = figure.add_gridspec(1 + len(starts), 1, height_ratios=[1.2] + [1] * len(starts))
        profile = figure.add_subplot(grid[0])
        _draw_profile(profile, shown, [(start, start + zoom) for start in starts])
        logos = [figure.add_subplot(grid[1 + at]) for at in range(len(starts))]
        for rank, (axes, start) in enumerate(zip(logos, starts, strict=True), start=1):
            draw_logo(axes, shown, (start, start + zoom), rank=rank)
        _share_scale(logos)
        figure.supylabel(shown.unit, fontsize=TEXT_SIZE, color=LIGHT["muted"])
    words = "; ".join(logo_words(shown, start, start + zoom) for start in starts)
    return figure, f"Contributions along {shown.place}. {words}"


def strongest(values: npt.NDArray[np.floating], width: int, number: int = 1) -> list[int]:
    """Find the stretches with the largest sums of absolute contributions.

    Args:
        values: Contributions of shape `(length,)`.
        width: Length of a stretch.
        number: How many are wanted; they do not overlap.

    Returns:
        Where they begin, the strongest first: fewer if no more fit, or if they are weak next to the
        first. What is strong in a stretch is about its middle.
    """
    width = min(width, len(values))
    sizes = np.abs(np.asarray(values, float))
    free = np.ones(len(values), bool)
    found: list[int] = []
    least = 0.0
    while len(found) < number:
        running = np.concatenate([[0.0], np.cumsum(np.where(free, sizes, 0))])
        taken = np.concatenate([[0], np.cumsum(~free)])
        sums = running[width:] - running[:-width]
        sums[taken[width:] > taken[:-width]] = -1
        best = int(np.argmax(sums))
        if sums[best] < least or (found and sums[best] <= 0):
            break
        least = max(least, _WEAK * sums[best])
        best = _centred(sizes, best, width, free)
        found.append(best)
        free[best : best + width] = False
    return found


def _centred(sizes: npt.NDArray[np.float64], best: int, width: int, free: np.ndarray) -> int:
    """Move a stretch so that what is strong in it comes to the middle, if there is room."""
    weights = sizes[best : best + width] ** 2
    if not weights.any():
        return best
    middle = best + float(np.average(np.arange(width) + 0.5, weights=weights))
    moved = int(np.clip(round(middle - width / 2), 0, len(sizes) - width))
    return moved if free[moved : moved + width].all() else best


def _draw_profile(axes: Axes, shown: Contributions, zooms: Sequence[tuple[int, int]]) -> None:
    """Draw the highest and lowest contribution in each pixel, and where the logos are from."""
    values = np.asarray(shown.values, float)
    length = len(values)
    columns = min(length, _COLUMNS)
    edges = np.linspace(0, length, columns + 1).astype(int)[:-1]
    high = np.maximum(np.maximum.reduceat(values, edges), 0)
    low = np.minimum(np.minimum.reduceat(values, edges), 0)
    x = np.append(edges, length)
    for heights, colour in ((high, "accent"), (low, "cage")):
        axes.stairs(heights, x, fill=True, color=LIGHT[colour], linewidth=0)
    axes.axhline(0, color=LIGHT["rule"], linewidth=1, zorder=0)
    top, bottom = max(high.max(), 1e-12), low.min()
    room = 0.22 * (top - bottom)
    axes.set_ylim(bottom - room / 2, top + room)
    axes.set_xlim(0, length)
    _draw_zooms(axes, zooms, length, top + 0.35 * room)
    _draw_exons(axes, shown, bottom - room / 2)
    draw_marks(axes, shown, (0, length))
    axes.set_title(f"{shown.name} · {shown.place}" if shown.name != shown.place else shown.place)
    finish_y(axes)
    finish_x(axes, shown, (0, length))


def _draw_zooms(axes: Axes, zooms: Sequence[tuple[int, int]], length: int, height: float) -> None:
    """Shade where the logos are from, and number them; numbers keep clear of one another."""
    clear = length / 60
    before = -clear
    for rank, (first, last) in sorted(enumerate(zooms, start=1), key=lambda pair: pair[1]):
        # A stretch is narrower than a pixel of a long window.
        middle, half = (first + last) / 2, max(last - first, length / 350) / 2
        axes.axvspan(middle - half, middle + half, color=LIGHT["rule"], alpha=0.8, zorder=-1, lw=0)
        before = max(middle, before + clear)
        axes.text(before, height, str(rank), ha="center", fontweight="bold")


def _draw_exons(axes: Axes, shown: Contributions, floor: float) -> None:
    length = len(shown.bases)
    for start, end in shown.exons:
        first, last = sorted((shown.border(start), shown.border(end)))
        if last > 0 and first < length:
            axes.plot(
                [max(first, 0), min(last, length)],
                [floor, floor],
                color=LIGHT["muted"],
                linewidth=5,
                solid_capstyle="butt",
                clip_on=False,
            )


def _share_scale(logos: Sequence[Axes]) -> None:
    """Let equal letters of all logos be equally high."""
    limits = np.array([axes.get_ylim() for axes in logos])
    for axes in logos:
        axes.set_ylim(limits[:, 0].min(), limits[:, 1].max())
