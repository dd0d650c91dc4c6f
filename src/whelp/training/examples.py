"""Choose windows and bins of an evaluation to be looked at in a report."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from whelp.data.dataset import Dataset
from whelp.report.assays import assay
from whelp.report.records import ScatterSample, TrackSlice, WindowExample
from whelp.training.correlation import TrackSums
from whelp.training.predictions import predict_batches

# Values of the sample that all tracks together may hold.
_SAMPLE_VALUES = 8_000_000
_SAMPLE_BINS = (500, 4000)


class Examples:
    """Notes, while a model is evaluated, what its report will show; a `sink` of `evaluate`.

    It keeps the Pearson correlation of every track in every window, and an evenly spaced sample of
    the bins, which does not grow with the number of windows.

    Example:
        >>> examples = Examples()
        >>> table = evaluate(model, data, sink=examples)
        >>> windows = examples.windows(model, data, table)
        >>> samples = examples.scatter(table)
    """

    def __init__(self) -> None:
        self._correlations: list[np.ndarray] = []
        self._places: list[tuple[int, int]] = []
        self._batches = 0
        self._stride = 1
        self._next = 0
        self._sample: list[np.ndarray] = []

    def __call__(self, measured: np.ndarray, predicted: np.ndarray) -> None:
        """Note one batch, both (windows, bins, tracks)."""
        for row, (y, p) in enumerate(zip(measured, predicted, strict=True)):
            sums = TrackSums(y.shape[-1])
            sums.update(y, p)
            self._correlations.append(sums.pearsonr().astype("float32"))
            self._places.append((self._batches, row))
        self._batches += 1
        self._keep_sample(np.stack([measured, predicted], axis=-1))

    def _keep_sample(self, pairs: np.ndarray) -> None:
        """Take every so-manieth bin, and every second of those once there are too many."""
        rows = pairs.reshape(-1, *pairs.shape[-2:])
        limit = int(np.clip(_SAMPLE_VALUES // rows[0].size, *_SAMPLE_BINS))
        start = -self._next % self._stride
        with np.errstate(over="ignore"):
            self._sample.append(rows[start :: self._stride].astype("float16"))
        self._next += len(rows)
        while sum(map(len, self._sample)) > 2 * limit:
            self._sample = [np.concatenate(self._sample)[::2]]
            self._stride *= 2

    @property
    def correlations(self) -> np.ndarray:
        """Pearson correlation of each track in each window: (windows, tracks), NaN if undefined."""
        return np.stack(self._correlations)

    def windows(
        self,
        model: Any,
        data: Dataset,
        table: pd.DataFrame,
        *,
        tracks: Sequence[int] | None = None,
    ) -> list[WindowExample]:
        """Give the best, the median and the worst window by mean correlation over all tracks.

        These windows are predicted once more; nothing of the others was kept.

        Args:
            model: the evaluated model.
            data: the evaluated data, with coordinates.
            table: what `evaluate` gave.
            tracks: positions of the tracks to show; one for each assay if not given.

        Raises:
            whelp.data.DataError: the coordinates of the windows are not known.
        """
        means = _means(self.correlations)
        order = np.argsort(np.where(np.isnan(means), -np.inf, means), kind="stable")
        order = order[np.isfinite(means[order])]
        if not len(order):
            return []
        picks = {"best": order[-1], "median": order[len(order) // 2], "worst": order[0]}
        chosen = list(tracks) if tracks is not None else representative_tracks(table)
        values = self._predict_again(model, data, sorted({int(pick) for pick in picks.values()}))
        places = data.windows
        return [
            WindowExample(
                label=label,
                chrom=str(places["chrom"].iloc[window]),
                start=int(places["start"].iloc[window]),
                bin_width=data.pool_width or 1,
                pearsonr=float(means[window]),
                tracks=[self._slice(table, values[int(window)], window, t) for t in chosen],
            )
            for label, window in picks.items()
        ]

    def _predict_again(
        self, model: Any, data: Any, windows: Sequence[int]
    ) -> dict[int, tuple[np.ndarray, np.ndarray]]:
        """Measured and predicted values, (bins, tracks), of some windows."""
        batches = sorted({self._places[window][0] for window in windows})
        size = 1 + max(row for _, row in self._places)
        again = predict_batches(model, data, batch_size=size, batches=batches)
        found = dict(zip(batches, again, strict=True))
        values = {}
        for window in windows:
            batch, row = self._places[window]
            measured, predicted = found[batch]
            values[window] = measured[row], predicted[row]
        return values

    def _slice(
        self, table: pd.DataFrame, values: tuple[np.ndarray, np.ndarray], window: int, track: int
    ) -> TrackSlice:
        measured, predicted = values
        return TrackSlice(
            identifier=str(table["identifier"].iloc[track]),
            description=str(table["description"].iloc[track]),
            measured=measured[:, track],
            predicted=predicted[:, track],
            pearsonr=float(self._correlations[window][track]),
        )

    def scatter(
        self, table: pd.DataFrame, *, tracks: Sequence[int] | None = None
    ) -> list[ScatterSample]:
        """Give sampled bins of some tracks, one for each assay if not said which."""
        sample = np.concatenate(self._sample).astype("float32")
        chosen = list(tracks) if tracks is not None else representative_tracks(table)
        return [
            ScatterSample(
                identifier=str(table["identifier"].iloc[track]),
                description=str(table["description"].iloc[track]),
                measured=sample[:, track, 0],
                predicted=sample[:, track, 1],
                pearsonr=float(table["pearsonr"].iloc[track]),
            )
            for track in chosen
        ]


def representative_tracks(table: pd.DataFrame, most: int = 6) -> list[int]:
    """Positions of tracks to show: of each assay the one of median accuracy.

    Args:
        table: what `evaluate` gives.
        most: how many; assays with more tracks come first.

    Returns:
        Positions in the order of the table.
    """
    score = table["pearsonr"] if "pearsonr" in table else table["auroc"]
    score = score.reset_index(drop=True)
    assays = table["description"].map(assay).reset_index(drop=True)
    chosen = []
    for name in assays.value_counts().index[:most]:
        ranked = score[(assays == name) & score.notna()].sort_values(kind="stable")
        if len(ranked):
            chosen.append(int(ranked.index[len(ranked) // 2]))
    return sorted(chosen)


def _means(correlations: np.ndarray) -> np.ndarray:
    """Mean over the tracks where it is defined, (windows,); NaN where it is for none."""
    counts = np.isfinite(correlations).sum(axis=1)
    return np.where(counts > 0, np.nansum(correlations, axis=1) / np.maximum(counts, 1), np.nan)
