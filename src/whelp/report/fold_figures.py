"""Figures of replicates on the folds of a data set."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from whelp.report.accuracy import NUMBER_NAMES, draw_row, finish_rows
from whelp.report.figures import new_axes, style
from whelp.report.palette import LIGHT

_COLOURS = ("rna", "cage", "atac", "chip", "gold", "open", "rose", "brown")
_MOST_DRAWN = 60
"""Tracks above which the figure of spreads shows some of them only."""


def fold_colours(replicates: pd.DataFrame) -> dict[int, str]:
    """Name of the colour of each test fold."""
    folds = sorted(int(fold) for fold in replicates["fold"].unique())
    return {fold: _COLOURS[at % len(_COLOURS)] for at, fold in enumerate(folds)}


def by_fold(done: pd.DataFrame, number: str) -> tuple[Figure, str]:
    """Each replicate as a dot, one row a fold."""
    colours = fold_colours(done)
    title = f"Test {NUMBER_NAMES[number]}"
    with style():
        figure, axes = new_axes(340, 66 + 34 * len(colours))
        for row, (fold, colour) in enumerate(colours.items()):
            values = done.loc[done["fold"] == fold, number].dropna().to_numpy(dtype=float)
            draw_row(axes, values, (row, colour), None)
        finish_rows(axes, [f"fold {fold}" for fold in colours], title)
        axes.locator_params(axis="x", nbins=5)
    means = done.groupby("fold")[number].mean()
    words = ", ".join(f"fold {fold} {means[fold]:.3f}" for fold in colours)
    return figure, f"{title} of every replicate by test fold; means: {words}."


def fold_curves(
    done: pd.DataFrame, histories: Mapping[str, pd.DataFrame]
) -> tuple[Figure, str] | None:
    """Validation Pearson of each replicate, in the colour of its test fold."""
    colours = fold_colours(done)
    drawn = [
        (histories[name][["epoch", "val_pearsonr"]], colours[int(fold)])
        for name, fold in zip(done["replicate"], done["fold"], strict=True)
        if "val_pearsonr" in histories.get(name, ())
    ]
    if not drawn:
        return None
    with style():
        figure, axes = new_axes(340, 236)
        for history, colour in drawn:
            axes.plot(history["epoch"], history["val_pearsonr"], color=LIGHT[colour], alpha=0.8)
        axes.set_title("Validation Pearson r")
        axes.set_xlabel("epoch")
        axes.grid(axis="y")
        axes.spines["left"].set_visible(False)
        axes.locator_params(axis="x", integer=True, nbins=6)
    last = pd.Series([history["val_pearsonr"].iloc[-1] for history, _ in drawn])
    return figure, (
        f"Validation Pearson by epoch of {len(drawn)} replicates; at the end from "
        f"{last.min():.3f} to {last.max():.3f}."
    )


def spread_figure(table: pd.DataFrame, number: str) -> tuple[Figure, str, str]:
    """Tracks in the order of their means, with bars of one standard deviation."""
    table = table[table[number].notna()]
    step = max(1, -(-len(table) // _MOST_DRAWN))
    shown = table.iloc[::step]
    title = f"{NUMBER_NAMES[number]}, mean and spread over replicates"
    with style():
        figure, axes = new_axes(1040, 250)
        for at, row in enumerate(shown.to_dict("records")):
            colour = LIGHT[row["colour"]]
            axes.errorbar(
                at,
                row[number],
                yerr=row[f"{number}_sd"],
                fmt="o",
                color=colour,
                markersize=5,
                elinewidth=1.5,
            )
        axes.set_title(title)
        axes.grid(axis="y")
        axes.spines["left"].set_visible(False)
        axes.set_xticks([])
        axes.set_xlabel("tracks, the best first")
        axes.margins(x=0.01)
    spread = table[f"{number}_sd"].mean()
    high, low = table[number].max(), table[number].min()
    alt = f"{title}: means from {high:.3f} to {low:.3f}, standard deviation {spread:.3f}."
    some = f"; every {step}th of {len(table)}" if step > 1 else ""
    caption = (
        f"Tracks in the order of their accuracy{some}; bars reach one standard deviation to both "
        f"sides, {spread:.3f} on average. Colours are those of the assays."
    )
    return figure, alt, caption
