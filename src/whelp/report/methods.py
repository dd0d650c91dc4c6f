"""Plots that compare methods."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from whelp.report.accuracy import NUMBER_NAMES
from whelp.report.figures import new_axes, style
from whelp.report.palette import LIGHT
from whelp.report.records import RunSummary


def method_spread(
    runs: Sequence[RunSummary], number: str = "pearsonr"
) -> tuple[Figure, str] | None:
    """Every track as a dot, one row a method, with its mean written beside it.

    Args:
        runs: those with an `accuracy` table are drawn, in the given order.
        number: the column to draw.

    Returns:
        The figure and its alternative text, or None if no run has that number.
    """
    shown = [run for run in runs if run.mean(number) is not None]
    if not shown:
        return None
    title = f"{NUMBER_NAMES[number]}, {shown[0].split} windows"
    with style():
        figure, axes = new_axes(340, 70 + 46 * len(shown))
        for row, run in enumerate(shown):
            _draw_method(axes, run, (row, number))
        axes.set_title(title)
        axes.set_yticks(range(len(shown)), [run.name for run in shown])
        axes.set_ylim(len(shown) - 0.4, -0.6)
        axes.grid(axis="x")
        for side in ("left", "bottom"):
            axes.spines[side].set_visible(False)
        axes.tick_params(axis="x", length=0)
        for label in axes.get_yticklabels():
            label.set_color(LIGHT["ink"])
    words = ", ".join(f"{run.name} {run.mean(number):.3f}" for run in shown)
    return figure, f"{title}: every track by method; means: {words}."


def _draw_method(axes: Axes, run: RunSummary, place: tuple[int, str]) -> None:
    """Draw one method's tracks as faint ticks on a line, its mean as a dot with its value."""
    row, number = place
    assert run.accuracy is not None
    values = run.accuracy[number].dropna().to_numpy(dtype=float)
    axes.vlines(values, row - 0.2, row + 0.2, color=LIGHT["measured"], alpha=0.5, linewidth=1.5)
    mean = float(values.mean())
    axes.plot([mean], [row], "o", color=LIGHT["accent"], markersize=10, zorder=4)
    axes.annotate(
        f"{mean:.3f}".replace("-", "\N{MINUS SIGN}"),
        (mean, row),
        xytext=(0, 12),
        textcoords="offset points",
        ha="center",
        va="bottom",
        color=LIGHT["accent"],
        fontweight="bold",
    )


def cost_plot(runs: Sequence[RunSummary]) -> tuple[Figure, str] | None:
    """Accuracy against the number of trained parameters.

    Args:
        runs: those with trained parameters and accuracy are drawn.

    Returns:
        The figure and its alternative text, or None if fewer than two runs have both.
    """
    points = [
        (run.trained_parameters, mean, run.name)
        for run in runs
        if run.trained_parameters and (mean := run.mean("pearsonr")) is not None
    ]
    if len(points) < 2:
        return None
    with style():
        figure, axes = new_axes(340, 300)
        axes.set_xscale("log")
        axes.plot(
            [point[0] for point in points],
            [point[1] for point in points],
            "o",
            color=LIGHT["accent"],
            markersize=9,
        )
        _name_points(axes, points)
        axes.set_title("Pearson r by trained parameters")
        axes.set_xlabel("trained parameters")
        axes.grid(axis="y")
        axes.spines["left"].set_visible(False)
        axes.margins(x=0.18, y=0.16)
    words = ", ".join(f"{name} {count:,} parameters {mean:.3f}" for count, mean, name in points)
    return figure, f"Mean Pearson against trained parameters: {words}."


def _name_points(axes: Axes, points: list[tuple[int, float, str]]) -> None:
    """Name points above them, or below where the one before is too near."""
    height = max(mean for _, mean, _ in points) - min(mean for _, mean, _ in points)
    before: tuple[float, float, bool] | None = None
    for parameters, mean, name in sorted(points):
        near = (
            before is not None
            and parameters < 6 * before[0]
            and abs(mean - before[1]) < 0.15 * height
        )
        below = near and before is not None and not before[2]
        axes.annotate(
            name,
            (parameters, mean),
            xytext=(0, -9 if below else 9),
            textcoords="offset points",
            ha="center",
            va="top" if below else "bottom",
        )
        before = parameters, mean, below
