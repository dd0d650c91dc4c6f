"""Sequence logos: letters as high as what their bases contribute."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.textpath import TextPath
from matplotlib.ticker import FuncFormatter, MaxNLocator

from whelp.report.figures import new_figure, style
from whelp.report.formats import signed
from whelp.report.palette import LIGHT

BASES = "ACGT"
COLOURS = dict(zip(BASES, ("atac", "accent", "gold", "cage"), strict=True))
"""Names of the bases' colours."""
WIDTH = 1040
_GAP = 0.05
_SPACE = 0.08
_FONT = FontProperties(family="DejaVu Sans", weight="bold")


@dataclass(frozen=True, eq=False)
class Contributions:
    """What the bases of a stretch of DNA contribute.

    Attributes:
        name: What the stretch is called.
        chrom: Its chromosome.
        start: Its first base, bp from 0.
        bases: Base indexes, A, C, G, T as 0 to 3 and 4 for N, of shape `(length,)`.
        values: What each base contributes, of shape `(length,)`.
        unit: What that is, for the axes.
        strand: "-" where bases and values run along the other strand, from its first base on.
        exons: Stretches to be marked, such as a gene's exons, bp, of shape `(exons, 2)`.
        marks: Positions to be marked, such as a variant's, bp.
    """

    name: str
    chrom: str
    start: int
    bases: npt.NDArray[np.integer]
    values: npt.NDArray[np.floating]
    unit: str = "contribution"
    strand: str = "+"
    exons: Sequence[tuple[int, int]] = ()
    marks: Sequence[int] = ()

    @property
    def place(self) -> str:
        """Coordinates as genome browsers take them: 1-based, both ends included."""
        return self.place_of(0, len(self.bases))

    def place_of(self, first: int, last: int) -> str:
        """Coordinates of the bases from `first` to before `last`."""
        start, end = sorted((self.position(first), self.position(last - 1)))
        return f"{self.chrom}:{max(start, 0) + 1:,}\N{EN DASH}{end + 1:,}"

    def position(self, at: int) -> int:
        """Where a base lies, bp from 0."""
        return self.start + (at if self.strand != "-" else len(self.bases) - 1 - at)

    def border(self, position: float) -> float:
        """Where along the stretch a border between bases lies, given in bp."""
        along = position - self.start
        return along if self.strand != "-" else len(self.bases) - along

    def heights(self, first: int, last: int) -> npt.NDArray[np.float64]:
        """Give what is drawn of a stretch, of shape `(last - first, 4)`."""
        eye = np.eye(5, 4)[np.minimum(self.bases[first:last], 4)]
        return eye * np.asarray(self.values[first:last], float)[:, None]


def draw_letters(axes: Axes, heights: npt.NDArray[np.floating]) -> None:
    """Draw a logo: a column of letters at each place, the largest farthest from the axis.

    Args:
        axes: Where to draw; place `i` lies between `i` and `i + 1`.
        heights: Of A, C, G and T, of shape `(places, 4)`. Letters below 0 stand on their heads.
    """
    heights = np.asarray(heights, float)
    order = np.argsort(np.abs(heights), axis=1)
    ranked = np.take_along_axis(heights, order, axis=1)
    floors = np.zeros(heights.shape)
    for side in (1, -1):
        own = np.where(ranked * side > 0, ranked, 0)
        beneath = np.cumsum(own, axis=1) - own
        np.put_along_axis(floors, order, np.where(own != 0, beneath, 0), axis=1)
        _draw_side(axes, np.where(heights * side > 0, heights, 0), floors)
    top, bottom = np.maximum(heights, 0).sum(1).max(), np.minimum(heights, 0).sum(1).min()
    room = _SPACE * max(top - bottom, 1e-12)
    axes.set_xlim(0, len(heights))
    axes.set_ylim(bottom - room, top + room)
    axes.axhline(0, color=LIGHT["rule"], linewidth=1, zorder=0)


def _draw_side(
    axes: Axes, heights: npt.NDArray[np.float64], floors: npt.NDArray[np.float64]
) -> None:
    """Draw all letters of one sign, one path a base: pages stay small."""
    for column, base in enumerate(BASES):
        places = np.flatnonzero(heights[:, column])
        if not len(places):
            continue
        letter = _letter(base)
        scale = np.stack([np.full(len(places), 1 - 2 * _GAP), heights[places, column]], axis=1)
        offset = np.stack([places + _GAP, floors[places, column]], axis=1)
        points = np.asarray(letter.vertices)[None] * scale[:, None] + offset[:, None]
        codes = np.tile(np.asarray(letter.codes), len(places))
        path = Path(points.reshape(-1, 2), codes)
        axes.add_patch(PathPatch(path, facecolor=LIGHT[COLOURS[base]], linewidth=0))


@lru_cache(maxsize=len(BASES))
def _letter(base: str) -> Path:
    """The outline of a letter, stretched to fill a square of 1 by 1."""
    path = TextPath((0, 0), base, size=1, prop=_FONT)
    drawn = path.codes != Path.CLOSEPOLY
    low, high = path.vertices[drawn].min(axis=0), path.vertices[drawn].max(axis=0)
    points = np.where(drawn[:, None], path.vertices, low)
    return Path((points - low) / (high - low), path.codes)


def logo_figure(
    shown: Contributions, *, first: int = 0, last: int | None = None, width: int = WIDTH
) -> tuple[Figure, str]:
    """Draw the logo of a short stretch.

    Args:
        shown: The contributions.
        first: First base to be drawn.
        last: The base after the last one; by default all are drawn.
        width: CSS pixels.

    Returns:
        The figure and its alternative text.
    """
    last = len(shown.bases) if last is None else last
    with style():
        figure = new_figure(width, 150)
        axes = figure.add_subplot()
        draw_logo(axes, shown, (first, last))
        axes.set_ylabel(shown.unit)
    return figure, logo_words(shown, first, last)


def draw_marks(axes: Axes, shown: Contributions, limits: tuple[int, int]) -> None:
    """Draw a line through each marked position between two bases of the stretch."""
    for position in shown.marks:
        at = shown.border(position + 0.5)
        if limits[0] <= at <= limits[1]:
            axes.axvline(at - limits[0], color=LIGHT["rose"], linewidth=1, linestyle=(0, (3, 2)))


def draw_logo(axes: Axes, shown: Contributions, limits: tuple[int, int], rank: int = 0) -> None:
    """Draw the logo of the bases between two places, with its coordinates and sum."""
    draw_letters(axes, shown.heights(*limits))
    draw_marks(axes, shown, limits)
    total = signed(float(np.sum(shown.values[limits[0] : limits[1]])))
    number = f"{rank} · " if rank else ""
    axes.set_title(f"{number}{shown.place_of(*limits)}", pad=4)
    axes.set_title(f"sum {total}", loc="right", fontweight="normal", color=LIGHT["muted"], pad=4)
    finish_y(axes)
    finish_x(axes, shown, limits)


def finish_y(axes: Axes) -> None:
    """Number the axis of contributions, a few times and with signs."""
    axes.yaxis.set_major_locator(MaxNLocator(3))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: signed(y)))
    axes.spines["bottom"].set_visible(False)
    axes.spines["left"].set_visible(False)


def finish_x(axes: Axes, shown: Contributions, limits: tuple[int, int]) -> None:
    """Number positions between two bases of the stretch, from 1 as genome browsers do."""
    first, last = limits
    ends = sorted((shown.position(first), shown.position(last - 1)))
    locator = MaxNLocator(8, integer=True, steps=[1, 2, 2.5, 5, 10])
    ticks = np.asarray(locator.tick_values(*ends))
    ticks = ticks[(ticks - 1 >= ends[0]) & (ticks - 1 <= ends[1]) & (ticks % 1 == 0)]
    axes.set_xticks([shown.border(tick - 0.5) - first for tick in ticks])
    far = last - first > 20_000
    texts = [f"{tick / 1000:,.0f} kb" if far else f"{tick:,.0f}" for tick in ticks]
    axes.set_xticklabels(texts)


def logo_words(shown: Contributions, first: int, last: int) -> str:
    """Say what a logo shows, for those who do not see it."""
    letters = "".join((BASES + "N")[min(int(base), 4)] for base in shown.bases[first:last])
    return f"Logo of {shown.place_of(first, last)}: {letters}."
