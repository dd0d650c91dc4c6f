"""Replicates of a model in a report: each by itself, and what they are together."""

import pandas as pd

from whelp.report import formats
from whelp.report.accuracy import NUMBER_NAMES
from whelp.report.document import Report
from whelp.report.tables import Column


def add_replicates(report: Report, accuracy: pd.DataFrame, split: str) -> None:
    """Add the accuracy of each replicate, if there are several.

    Args:
        report: the report.
        accuracy: what `whelp.evaluate` gives.
        split: name of the windows.
    """
    each = accuracy.attrs.get("replicates")
    if each is None:
        return
    table = pd.DataFrame(each, dtype="float64")
    names = [name for name in NUMBER_NAMES if name in table]
    parts = {str(at): row for at, row in table.iterrows()}
    parts["mean of the replicates"] = table.mean()
    parts["standard deviation"] = table.std()
    parts["averaged predictions"] = accuracy[names].mean()
    report.add_table(
        pd.DataFrame(parts).T.rename_axis("replicate").reset_index(),
        caption=f"Replicates, {split} windows: means over tracks. All other numbers are of the "
        "averaged predictions, but standard deviations (sd), which are over replicates.",
        total=True,
        columns=[
            Column("replicate", "Replicate"),
            *(Column(name, NUMBER_NAMES[name], formats.score, numeric=True) for name in names),
        ],
    )
