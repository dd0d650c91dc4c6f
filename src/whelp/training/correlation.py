"""Pearson and Spearman correlation and R2 of tracks, summed batch by batch in float64."""

import numpy as np
import pandas as pd

# Values of one float64 work array: 8 MB, however many tracks a model has.
CHUNK_VALUES = 1_000_000


class TrackSums:
    """Streaming sums that give each track's Pearson correlation and R2.

    The first value of a track is taken off all its values before they are summed. This costs
    nothing, avoids cancellation, and makes the variance of a constant track exactly zero.

    With measured values y and predicted values p of a track,

        Pearson r = sum((y - mean y)(p - mean p)) / sqrt(sum((y - mean y)^2) sum((p - mean p)^2))
        R2 = 1 - sum((y - p)^2) / sum((y - mean y)^2)

    Attributes:
        count: positions seen, the same for all tracks.
    """

    def __init__(self, num_tracks: int) -> None:
        self.count = 0
        self._origin: tuple[np.ndarray, np.ndarray] | None = None
        self._sum_y, self._sum_p, self._sum_yy, self._sum_pp, self._sum_yp, self._residual = (
            np.zeros((6, num_tracks))
        )

    def update(self, measured: np.ndarray, predicted: np.ndarray) -> None:
        """Add values, both (..., tracks)."""
        num_tracks = len(self._sum_y)
        y_rows = measured.reshape(-1, num_tracks)
        p_rows = predicted.reshape(-1, num_tracks)
        step = max(1, CHUNK_VALUES // num_tracks)
        for start in range(0, len(y_rows), step):
            self._add(
                y_rows[start : start + step].astype("float64"),
                p_rows[start : start + step].astype("float64"),
            )

    def _add(self, y: np.ndarray, p: np.ndarray) -> None:
        """Add rows of float64 values (positions, tracks), which are overwritten."""
        if self._origin is None:
            self._origin = y[0].copy(), p[0].copy()
        self.count += len(y)
        residual = y - p
        self._residual += _column_dots(residual, residual)
        y -= self._origin[0]
        p -= self._origin[1]
        self._sum_y += y.sum(axis=0)
        self._sum_p += p.sum(axis=0)
        self._sum_yy += _column_dots(y, y)
        self._sum_pp += _column_dots(p, p)
        self._sum_yp += _column_dots(y, p)

    def _centred(self, product: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        return product - left * right / max(self.count, 1)

    @property
    def constant_measured(self) -> np.ndarray:
        """Which tracks have the same measured value everywhere: (tracks,) bool."""
        return self._centred(self._sum_yy, self._sum_y, self._sum_y) <= 0

    @property
    def constant_predicted(self) -> np.ndarray:
        """Which tracks have the same predicted value everywhere: (tracks,) bool."""
        return self._centred(self._sum_pp, self._sum_p, self._sum_p) <= 0

    def means(self) -> tuple[np.ndarray, np.ndarray]:
        """Means of the measured and of the predicted values of each track, (tracks,) each."""
        assert self._origin is not None
        origin_y, origin_p = self._origin
        return origin_y + self._sum_y / self.count, origin_p + self._sum_p / self.count

    def variances(self) -> tuple[np.ndarray, np.ndarray]:
        """Variances of the measured and of the predicted values of each track, (tracks,) each."""
        var_y = self._centred(self._sum_yy, self._sum_y, self._sum_y)
        var_p = self._centred(self._sum_pp, self._sum_p, self._sum_p)
        return np.maximum(var_y, 0) / self.count, np.maximum(var_p, 0) / self.count

    def pearsonr(self) -> np.ndarray:
        """Pearson correlation of each track, (tracks,).

        NaN where the measured track is constant, for then there is nothing to predict. A constant
        prediction of a track that does vary counts as 0, not as missing: leaving it out would
        flatter the model's mean.
        """
        var_y = self._centred(self._sum_yy, self._sum_y, self._sum_y)
        var_p = self._centred(self._sum_pp, self._sum_p, self._sum_p)
        covariance = self._centred(self._sum_yp, self._sum_y, self._sum_p)
        defined = ~self.constant_measured & ~self.constant_predicted
        scale = np.sqrt(np.where(defined, var_y, 1.0)) * np.sqrt(np.where(defined, var_p, 1.0))
        correlation = np.where(defined, covariance / scale, 0.0)
        return np.where(self.constant_measured, np.nan, correlation)

    def r2(self) -> np.ndarray:
        """Explained share of the variance of each track, (tracks,); NaN where it is constant."""
        var_y = self._centred(self._sum_yy, self._sum_y, self._sum_y)
        constant = self.constant_measured
        return np.where(constant, np.nan, 1 - self._residual / np.where(constant, 1.0, var_y))


def pearson(measured: np.ndarray, predicted: np.ndarray) -> float:
    """Pearson correlation of two (n,) arrays, as `TrackSums.pearsonr` defines it."""
    sums = TrackSums(1)
    sums.update(measured[:, None], predicted[:, None])
    return float(sums.pearsonr()[0])


def spearman(measured: np.ndarray, predicted: np.ndarray) -> float:
    """Spearman correlation of two (n,) arrays: Pearson's of the ranks, ties averaged."""
    return pearson(mean_ranks(measured), mean_ranks(predicted))


def mean_ranks(values: np.ndarray) -> np.ndarray:
    """Ranks of (n,) values, from 1; equal ones get the mean of theirs."""
    return np.asarray(pd.Series(values).rank(), dtype="float64")


def _column_dots(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Dot products of the columns of two (rows, tracks) arrays: (tracks,)."""
    return np.einsum("nt,nt->t", left, right)


class RankStore:
    """All values of an evaluation, kept as float16 for rank correlations.

    Ranks need every value at once: 4 bytes x windows x bins x tracks (10 windows of 2,048 bins and
    74 tracks: 6 MB; 1,000 windows of 6,144 bins and 7,611 tracks: 187 GB, so take a `step`).
    float16 is what the original `hound_eval.py` ranks, and what its record files hold.
    """

    def __init__(self) -> None:
        self._measured: list[np.ndarray] = []
        self._predicted: list[np.ndarray] = []

    def update(self, measured: np.ndarray, predicted: np.ndarray) -> None:
        """Keep values, both (..., tracks)."""
        # A prediction beyond float16 becomes infinite, which still ranks highest.
        with np.errstate(over="ignore"):
            for store, values in ((self._measured, measured), (self._predicted, predicted)):
                store.append(values.reshape(-1, values.shape[-1]).astype("float16"))

    def spearmanr(self) -> np.ndarray:
        """Spearman correlation of each track, (tracks,): Pearson's of the ranks, ties averaged."""
        tracks = range(self._measured[0].shape[-1])
        return np.array([self._correlate(track) for track in tracks])

    def _correlate(self, track: int) -> float:
        columns = [
            np.concatenate([values[:, track] for values in store]).astype("float32")
            for store in (self._measured, self._predicted)
        ]
        return spearman(*columns)
