"""Measured and predicted tracks along a window, as in a genome browser."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from whelp.report.assays import assay, assay_colours
from whelp.report.figures import TEXT_SIZE, new_figure, style
from whelp.report.formats import score
from whelp.report.palette import LIGHT
from whelp.report.records import TrackSlice, WindowExample

WIDTH = 1040
_COLUMNS = 1040
_ROW = 34


def region(example: WindowExample) -> str:
    """The window's coordinates as genome browsers take them: 1-based, both ends included."""
    end = example.start + example.bin_width * len(example.tracks[0].measured)
    return f"{example.chrom}:{example.start + 1:,}\N{EN DASH}{end:,}"


def window_figure(
    example: WindowExample, *, least_tops: Mapping[str, float] | None = None
) -> tuple[Figure, str]:
    """Draw a window: for each track the measured values above the predicted, on one scale.

    Where there are more bins than pixels, a pixel shows the highest of its bins.

    Args:
        example: the window with at least one track.
        least_tops: by track, the value that its axis shows at least, so that noise around zero
            does not fill it.

    Returns:
        The figure and its alternative text.
    """
    colours = assay_colours(assay(track.description) for track in example.tracks)
    num_tracks = len(example.tracks)
    with style():
        height = 44 + num_tracks * (2 * _ROW + 30)
        figure = new_figure(WIDTH, height, tight=True)
        ratios = [30, _ROW, _ROW] * num_tracks
        grid = figure.add_gridspec(3 * num_tracks, 1, height_ratios=ratios, hspace=0)
        for row, track in enumerate(example.tracks):
            axes = [figure.add_subplot(grid[3 * row + i]) for i in range(3)]
            _draw_label(axes[0], track)
            top = max(_highest(track), (least_tops or {}).get(track.identifier, 0.0), 1e-6)
            _draw_pair(axes[1:], track, example, (LIGHT[colours[assay(track.description)]], top))
        _finish_x(axes[-1], example)
    words = "; ".join(f"{t.identifier} Pearson {score(t.pearsonr)}" for t in example.tracks)
    alt = (
        f"Measured and predicted tracks in the {example.label} window, {region(example)}: {words}."
    )
    return figure, alt


def least_tops(examples: Sequence[WindowExample], share: float = 0.1) -> dict[str, float]:
    """For each track, a share of its highest value in any of the windows."""
    tops: dict[str, float] = {}
    for track in (track for example in examples for track in example.tracks):
        tops[track.identifier] = max(tops.get(track.identifier, 0.0), share * _highest(track))
    return tops


def _highest(track: TrackSlice) -> float:
    return float(max(np.max(track.measured), np.max(track.predicted)))


def _draw_label(axes: Axes, track: TrackSlice) -> None:
    """Name a track above its two rows."""
    axes.axis("off")
    name = track.description.replace(":", " · ", 1)
    name = name if len(name) <= 78 else name[:77] + "…"
    notes = (
        (0, f"{name} · {track.identifier}", "left"),
        (1, f"r = {score(track.pearsonr)}", "right"),
    )
    for x, text, side in notes:
        axes.text(
            x,
            0.12,
            text,
            ha=side,
            va="bottom",
            transform=axes.transAxes,
            fontweight="bold" if side == "left" else "normal",
            color=LIGHT["ink" if side == "left" else "muted"],
        )


def _draw_pair(
    axes: list[Axes], track: TrackSlice, example: WindowExample, look: tuple[str, float]
) -> None:
    """Draw measured and predicted values on the same scale, from 0 to the top of the axis."""
    colour, top = look
    span = (example.start, example.start + example.bin_width * len(track.measured))
    series = (
        (track.measured, LIGHT["measured"], "measured"),
        (track.predicted, colour, "predicted"),
    )
    for row, (values, shade, name) in zip(axes, series, strict=True):
        x, y = _outline(np.asarray(values, dtype=float), span, top)
        row.fill(x, y, color=shade, linewidth=0)
        row.set_xlim(*span)
        row.set_ylim(0, 1.08 * top)
        row.set_yticks([])
        row.tick_params(axis="x", length=0, labelbottom=False)
        row.spines["left"].set_visible(False)
        row.set_ylabel(
            name, rotation=0, ha="right", va="center", fontsize=TEXT_SIZE - 1, labelpad=8
        )
    axes[0].text(
        1,
        0.96,
        f"0\N{EN DASH}{top:.3g}",
        transform=axes[0].transAxes,
        ha="right",
        va="top",
        fontsize=TEXT_SIZE - 1.5,
        color=LIGHT["muted"],
    )


def _outline(
    values: np.ndarray, span: tuple[int, int], top: float
) -> tuple[np.ndarray, np.ndarray]:
    """The polygon under a track, without the points that a straight line makes superfluous."""
    width = -(-len(values) // _COLUMNS)
    padded = np.pad(values, (0, -len(values) % width), mode="edge")
    # A tenth of a pixel is all that the drawing keeps.
    heights = np.round(padded.reshape(-1, width).max(axis=1) / top * _ROW, 1) * top / _ROW
    x = span[0] + (np.arange(len(heights)) + 0.5) * (span[1] - span[0]) / len(heights)
    same = np.zeros(len(heights), dtype=bool)
    same[1:-1] = (heights[1:-1] == heights[:-2]) & (heights[1:-1] == heights[2:])
    x, heights = x[~same], heights[~same]
    return np.concatenate([[span[0]], x, [span[1]]]), np.concatenate([[0.0], heights, [0.0]])


def _finish_x(axes: Axes, example: WindowExample) -> None:
    axes.tick_params(axis="x", length=3, labelbottom=True)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x / 1e3:,.0f}"))
    axes.set_xlabel(f"{example.chrom}, position in kb")
