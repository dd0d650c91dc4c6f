"""How well a model predicts what sets a track apart from the others of its group.

Within a group of tracks, such as an assay, values are quantile normalised, and at each position the
mean over the group is taken off: what is left is specific to a track. Then predicted and measured
values are correlated track by track, as `hound_eval_spec.py` does.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from whelp.data import Dataset
from whelp.data.targets import strand_pairs
from whelp.training.correlation import pearson, spearman
from whelp.training.predictions import predict_batches, thin
from whelp.training.quantile_normalization import (
    at_quantiles,
    mean_column,
    mean_quantiles,
)
from whelp.wording import listed

Floats = npt.NDArray[Any]
Rows = tuple[int, ...]
"""The tracks whose values stand below each other in one column: one, or the strands of a pair."""


@dataclass(frozen=True)
class SpecificitySettings:
    """How to compare tracks with the others of their group.

    Attributes:
        groups: Names of the groups to take; None for all.
        group_min: Tracks that a group needs; those of smaller ones get no number.
        var_share: Share of positions to take, those whose measured values vary most among the
            tracks of the group.
        rank: Compute Spearman correlations too.
        step: Keep every `step`-th bin.
        as_reference: Pair the tracks of a stranded group as `hound_eval_spec.py` does: of 2n tracks
            the first with the (n + 1)th, and not with its other strand.

    Raises:
        ValueError: A number is out of its range.
    """

    groups: Sequence[str] | None = None
    group_min: int = 20
    var_share: float = 1.0
    rank: bool = False
    step: int = 1
    as_reference: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.var_share <= 1:
            raise ValueError(
                f"var_share, the share of positions to take, must be above 0 and at most 1; "
                f"received {self.var_share}"
            )
        if self.step < 1:
            raise ValueError(f"step must be 1 or more bins; received {self.step}")


def evaluate_specificity(
    model: Any,
    data: Dataset,
    settings: SpecificitySettings,
    *,
    scratch: str | Path,
    targets: pd.DataFrame | None = None,
    sink: Callable[[Floats, Floats], None] | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> pd.DataFrame:
    """Correlate what is predicted and measured of each track beyond its group.

    Values lie in files for the time being (6 bytes x windows x bins x tracks); memory holds some
    columns of one value a window and bin.

    Args:
        model: A Keras model, or anything with `predict`, or a list of such, which are averaged.
        data: The windows.
        settings: How.
        scratch: Folder in which temporary files may be written.
        targets: Targets table of the tracks, in place of the data's. Without the column `group`
            tracks are grouped by the assay that their descriptions begin with.
        sink: Called with each batch's measured and predicted values, every `step`-th bin.
        progress: Called with the number of windows that are done, and of all.

    Returns:
        One row a track: `index`, `pearsonr`, `spearmanr` (with `rank`), `identifier`,
        `description`, `group`. NaN for tracks of groups that are too small or were not asked for,
        and where nothing varies.

    Raises:
        ValueError: There is no such group.
        ValueError: The model's output does not have the shape of the data, or is not finite.
    """
    table = data.targets if targets is None else targets
    groups = track_groups(table)
    chosen = _chosen(settings.groups, groups)
    numbers = np.full((1 + settings.rank, data.num_targets), np.nan)
    with tempfile.TemporaryDirectory(prefix=".spec", dir=scratch) as folder:
        values = _collect(model, data, settings, folder=folder, sink=sink, progress=progress)
        for group in chosen:
            members = np.flatnonzero(groups == group)
            if len(members) < settings.group_min:
                continue
            columns = _columns(members, table, as_reference=settings.as_reference)
            found = _specificity(values, columns, settings)
            if settings.as_reference:
                numbers[:, members] = np.repeat(found, len(columns[0]), axis=1)
            else:
                for column, number in zip(columns, found.T, strict=True):
                    numbers[:, list(column)] = number[:, None]
    names = ["pearsonr", "spearmanr"][: len(numbers)]
    return pd.DataFrame(
        {
            "index": table.index.to_numpy(),
            **dict(zip(names, numbers, strict=True)),
            "identifier": table["identifier"].to_numpy(),
            "description": table["description"].to_numpy(),
            "group": groups,
        }
    )


def track_groups(targets: pd.DataFrame) -> npt.NDArray[np.object_]:
    """Give the group of each track, `(tracks,)`.

    Without the column `group` it is what the description begins with, before a colon: `CAGE`, and
    of ChIP tracks with what they are for, `CHIP/H3K27ac`; `*` where there is no colon.
    """
    if "group" in targets:
        names = [None if pd.isna(group) else str(group) for group in targets["group"]]
        return np.array(names, object)

    def named(description: str) -> str:
        parts = str(description).split(":")
        if len(parts) == 1:
            return "*"
        return "/".join(parts[:2]) if parts[0] == "CHIP" else parts[0]

    return targets["description"].map(named).to_numpy(object)


def _chosen(asked: Sequence[str] | None, groups: npt.NDArray[np.object_]) -> list[str]:
    there = sorted({group for group in groups if isinstance(group, str)})
    for group in asked or ():
        if group not in there:
            raise ValueError(
                f"there is no group {group!r} of tracks; the groups are {listed(there)}"
            )
    return there if asked is None else list(asked)


def _collect(
    model: Any,
    data: Dataset,
    settings: SpecificitySettings,
    *,
    folder: str,
    sink: Callable[[Floats, Floats], None] | None,
    progress: Callable[[int, int], object] | None,
) -> tuple[Floats, Floats]:
    """Predict all windows; measured and predicted values as files, `(tracks, positions)`."""
    bins = -(-data.target_length // settings.step)
    shape = (data.num_targets, data.num_seqs * bins)
    kinds = {"measured": np.float16, "predicted": np.float32}
    stores = [
        np.memmap(Path(folder) / name, dtype, "w+", shape=shape) for name, dtype in kinds.items()
    ]
    done = 0
    for batch in predict_batches(model, data):
        thinned = [thin(values, settings.step) for values in batch]
        if sink is not None:
            sink(*thinned)
        place = slice(done * bins, (done + len(batch[0])) * bins)
        for store, values in zip(stores, thinned, strict=True):
            store[:, place] = values.reshape(-1, data.num_targets).T
        done += len(batch[0])
        if progress is not None:
            progress(done, data.num_seqs)
    return stores[0], stores[1]


def _columns(
    members: npt.NDArray[np.int64], targets: pd.DataFrame, *, as_reference: bool
) -> list[Rows]:
    """The columns that a group's tracks make: strands of a pair stand below each other.

    Only where all tracks of the group have another strand in it, so that columns are as long.
    """
    pairs = strand_pairs(targets)
    tracks: list[int] = members.tolist()
    if pairs is None or any(
        pairs[track] == track or pairs[track] not in tracks for track in tracks
    ):
        return [(track,) for track in tracks]
    if as_reference:
        half = len(tracks) // 2
        return list(zip(tracks[:half], tracks[half:], strict=True))
    names = targets["identifier"].to_list()
    # The strand that is named + stands above, in all columns alike.
    return [
        (int(pairs[track]), track) if names[track].endswith("-") else (track, int(pairs[track]))
        for track in tracks
        if track < pairs[track]
    ]


def _specificity(
    values: tuple[Floats, Floats], columns: list[Rows], settings: SpecificitySettings
) -> Floats:
    """Correlations of a group's columns, `(1 or 2, columns)`."""
    measured, predicted = (_Normalized(stored, columns) for stored in values)
    kept = measured.most_variable(settings.var_share)
    numbers = []
    for at in range(len(columns)):
        pair = measured.column(at)[kept], predicted.column(at)[kept]
        numbers.append([pearson(*pair), spearman(*pair)] if settings.rank else [pearson(*pair)])
    return np.array(numbers).T


class _Normalized:
    """Columns of one distribution less their mean, made one at a time: memory holds few of them.

    Args:
        stored: `(tracks, positions)`.
        columns: Which tracks stand below each other in each column.
    """

    def __init__(self, stored: Floats, columns: list[Rows]) -> None:
        self._stored = stored
        self._columns = columns
        self._level = mean_quantiles(self._raw())
        self._mean = mean_column(at_quantiles(column, self._level) for column in self._raw())

    def column(self, at: int) -> Floats:
        """A column, normalised, less the mean of all, `(rows,)`."""
        return at_quantiles(self._stacked(self._columns[at]), self._level) - self._mean

    def most_variable(self, share: float) -> Floats | slice:
        """Which rows vary most among the columns, as they were: that share of them."""
        if share == 1:
            return slice(None)
        mean = mean_column(self._raw())
        variance = mean_column(np.square(column - mean) for column in self._raw())
        chosen: Floats = variance >= np.percentile(variance, 100 * (1 - share))
        return chosen

    def _raw(self) -> Iterator[Floats]:
        return (self._stacked(rows) for rows in self._columns)

    def _stacked(self, rows: Rows) -> Floats:
        return np.concatenate([self._stored[track] for track in rows]).astype(np.float64)
