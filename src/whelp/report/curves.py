"""Learning curves."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from whelp.report.figures import TEXT_SIZE, new_axes, style
from whelp.report.palette import LIGHT
from whelp.report.records import RunSummary

# Column of the log, title, lowest value worth drawing.
_PANELS = (
    ("loss", "Loss", None),
    ("pearsonr", "Pearson r", None),
    ("r2", "R²", -0.5),
    ("auroc", "AUROC", None),
    ("auprc", "AUPRC", None),
)
_SERIES = (("", "training", "measured"), ("val_", "validation", "accent"))
LEGEND = [(label, colour) for _, label, colour in _SERIES]
_LINES = ("rna", "cage", "atac", "chip", "gold", "open", "rose", "brown")


def learning_curves(
    history: pd.DataFrame, best_epoch: int | None = None
) -> list[tuple[Figure, str]]:
    """Loss, Pearson and R2 of training and validation windows, epoch by epoch.

    Args:
        history: one row an epoch with `epoch` and any of the columns of the CSV log.
        best_epoch: the epoch whose weights were kept.

    Returns:
        One figure a number, each with its alternative text.
    """
    figures = []
    with style():
        for column, title, floor in _PANELS:
            names = [prefix + column for prefix, _, _ in _SERIES if prefix + column in history]
            if not names or not np.isfinite(history[names].to_numpy(dtype=float)).any():
                continue
            figure, axes = new_axes(340, 236)
            limits = _limits(history[names].to_numpy(dtype=float).ravel(), floor)
            for prefix, _, colour in _SERIES:
                if prefix + column in history:
                    _draw_line(axes, history, prefix + column, (colour, limits))
            _frame(axes, title, limits)
            if best_epoch is not None:
                _mark_best(axes, history, best_epoch, f"val_{column}")
            figures.append((figure, _describe(history, column, title, best_epoch)))
    return figures


def validation_curves(runs: Sequence[RunSummary]) -> tuple[Figure, str] | None:
    """Validation Pearson of several runs, epoch by epoch, or None without histories."""
    shown = [run for run in runs if run.history is not None and "val_pearsonr" in run.history]
    if not shown:
        return None
    with style():
        figure, axes = new_axes(340, 300)
        ends = []
        for run, colour in zip(shown, _cycle(len(shown)), strict=True):
            history = run.history
            assert history is not None
            axes.plot(history["epoch"], history["val_pearsonr"], color=LIGHT[colour])
            last = history.iloc[-1]
            ends.append((float(last["epoch"]), float(last["val_pearsonr"]), run.name, colour))
        axes.set_title("Validation Pearson r")
        axes.set_xlabel("epoch")
        axes.grid(axis="y")
        axes.spines["left"].set_visible(False)
        _label_ends(axes, ends)
    finals = ", ".join(f"{name} {value:.3f}" for _, value, name, _ in ends)
    return figure, f"Validation Pearson by epoch for each method; last values: {finals}."


def _cycle(number: int) -> list[str]:
    return [_LINES[i % len(_LINES)] for i in range(number)]


def _limits(values: np.ndarray, floor: float | None) -> tuple[float, float]:
    """A range for the bulk of the values, so that the first epochs do not flatten the rest."""
    values = values[np.isfinite(values)]
    low_quarter, high_quarter = np.quantile(values, [0.25, 0.75])
    reach = 4 * max(high_quarter - low_quarter, 1e-3 * max(abs(high_quarter), 1e-3))
    low = max(values.min(), low_quarter - reach)
    high = min(values.max(), high_quarter + reach)
    if floor is not None:
        low = max(low, floor) if high > floor else low
    margin = 0.06 * max(high - low, 1e-6)
    return float(low - margin), float(high + margin)


def _draw_line(
    axes: Axes, history: pd.DataFrame, column: str, look: tuple[str, tuple[float, float]]
) -> None:
    """Draw one series; values outside the limits become arrows at the edge."""
    colour, (low, high) = look
    epochs, values = history["epoch"].to_numpy(), history[column].to_numpy(dtype=float)
    axes.plot(epochs, values, color=LIGHT[colour], clip_on=True)
    for outside, edge, marker in ((values < low, low, "v"), (values > high, high, "^")):
        axes.plot(
            epochs[outside],
            np.full(outside.sum(), edge),
            marker,
            color=LIGHT[colour],
            markersize=6,
            clip_on=False,
            zorder=4,
        )


def _frame(axes: Axes, title: str, limits: tuple[float, float]) -> None:
    axes.set_title(title)
    axes.set_xlabel("epoch")
    axes.set_ylim(*limits)
    axes.grid(axis="y")
    axes.spines["left"].set_visible(False)
    axes.locator_params(axis="x", integer=True, nbins=6)
    axes.locator_params(axis="y", nbins=5)


def _mark_best(axes: Axes, history: pd.DataFrame, best_epoch: int, column: str) -> None:
    """Mark the kept epoch with a line and its validation value."""
    axes.axvline(best_epoch, color=LIGHT["accent"], linewidth=1, linestyle=(0, (2, 3)), zorder=1)
    row = history[history["epoch"] == best_epoch]
    if column not in history or row.empty or not np.isfinite(row[column].iloc[0]):
        return
    value = float(row[column].iloc[0])
    axes.plot([best_epoch], [value], "o", color=LIGHT["accent"], markersize=7, zorder=5)
    late = best_epoch > history["epoch"].median()
    axes.annotate(
        f"{value:.3f}".replace("-", "\N{MINUS SIGN}"),
        (best_epoch, value),
        xytext=(-8 if late else 8, 8),
        textcoords="offset points",
        ha="right" if late else "left",
        fontsize=TEXT_SIZE,
        fontweight="bold",
        color=LIGHT["accent"],
    )


def _label_ends(axes: Axes, ends: list[tuple[float, float, str, str]]) -> None:
    """Name lines at their right ends, kept apart by a line's height."""
    low, high = axes.get_ylim()
    gap = 0.062 * (high - low)
    heights: list[float] = []
    for _, value, _, _ in sorted(ends, key=lambda end: end[1]):
        heights.append(max(value, heights[-1] + gap) if heights else value)
    excess = max(0.0, heights[-1] - high)
    right = max(end[0] for end in ends)
    for (_, _, name, colour), height in zip(
        sorted(ends, key=lambda end: end[1]), heights, strict=True
    ):
        axes.annotate(
            name,
            (right, height - excess),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            color=LIGHT[colour],
            fontweight="bold",
            annotation_clip=False,
        )


def _describe(history: pd.DataFrame, column: str, title: str, best_epoch: int | None) -> str:
    """The curve in words."""
    parts = []
    for prefix, label, _ in _SERIES:
        if prefix + column in history:
            values = history[prefix + column]
            parts.append(f"{label} from {values.iloc[0]:.3g} to {values.iloc[-1]:.3g}")
    best = f"; the weights of epoch {best_epoch} were kept" if best_epoch is not None else ""
    return f"{title} over {len(history)} epochs: {', '.join(parts)}{best}."
