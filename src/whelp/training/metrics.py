"""Metrics over all positions of each track: Pearson correlation, R2, areas under curves.

They keep sums, so they are exact over any split into batches, over several devices, and with sample
weights. Values are those of the space of the stored targets. Accumulators and arithmetic are float32
whatever the precision of the model; `whelp.evaluate` uses float64.

A track for which a number is not defined (the measured values do not vary; no positive or no negative
label) has NaN in the vector of all tracks, and is left out of the mean. So one silent track does not turn
the number by which the best epoch is chosen into NaN, as it does in Baskerville. The mean is NaN only
if no track has a number. A constant prediction of a varying track has correlation 0.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

PACKAGE = "whelp"
# A variance below this share of the sum of squares (values within about 1% of their mean) is rounding
# error by the time that float32 sums have run over a validation set.
VARIANCE_FLOOR = 1e-4
# Summed one after the other, thousands of float32 values lose digits; in two stages they do not.
BLOCK = 64


def _mean_of_defined(values: Any, defined: Any, summarize: bool) -> Any:
    """Return per-track values with NaN where not defined, or the mean of those that are."""
    if summarize:
        total = ops.sum(ops.where(defined, values, ops.zeros_like(values)))
        return total / ops.sum(ops.cast(defined, values.dtype))
    return ops.where(defined, values, ops.full_like(values, np.nan))


def _position_weights(values: Any, sample_weight: Any) -> Any:
    """Spread weights of shape (batch,), (batch, 1) or (batch, bins) over (batch, [bins,] tracks)."""
    if sample_weight is None:
        return ops.ones_like(values)
    weights = ops.cast(sample_weight, values.dtype)
    while len(weights.shape) < len(values.shape):
        weights = ops.expand_dims(weights, axis=-1)
    return weights * ops.ones_like(values)


def _sum_positions(values: Any) -> Any:
    """Sum (batch, [bins,] tracks) over all but the last axis, without one long chain of additions."""
    if len(values.shape) == 3 and values.shape[1] > BLOCK:
        spare = -values.shape[1] % BLOCK
        padded = ops.pad(values, ((0, 0), (0, spare), (0, 0)))
        blocks = ops.reshape(padded, (-1, padded.shape[1] // BLOCK, BLOCK, values.shape[2]))
        values = ops.sum(blocks, axis=2)
    return ops.sum(values, axis=tuple(range(len(values.shape) - 1)))


class _TrackMetric(keras.metrics.Metric):
    """A metric with vectors of sums, one number a track.

    Args:
        num_targets: number of tracks.
        summarize: give the mean over tracks instead of the vector.
        name: name of the metric.
        dtype: as in Keras.
    """

    sums: tuple[str, ...] = ()

    def __init__(
        self, num_targets: int, *, summarize: bool = True, name: str | None = None, dtype: Any = None
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.num_targets = num_targets
        self.summarize = summarize
        self._sums = {
            key: self.add_variable((num_targets,), "zeros", dtype="float32", name=key)
            for key in self.sums
        }

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch.

        Args:
            y_true: measured values, (batch, bins, tracks) or (batch, tracks), any number type.
            y_pred: predictions of the same shape.
            sample_weight: None, or (batch,), (batch, 1) or (batch, bins); weight 0 leaves out.
        """
        y_true = ops.cast(y_true, "float32")
        y_pred = ops.cast(y_pred, "float32")
        weights = _position_weights(y_pred, sample_weight)
        for key, value in self._terms(y_true, y_pred).items():
            if sample_weight is not None:
                # A skipped example may hold anything, also values that are not finite.
                value = ops.where(weights > 0, weights * value, ops.zeros_like(value))
            self._sums[key].assign_add(_sum_positions(value))

    def _terms(self, y_true: Any, y_pred: Any) -> dict[str, Any]:
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this metric."""
        return {
            **super().get_config(),
            "num_targets": self.num_targets,
            "summarize": self.summarize,
        }


@keras.saving.register_keras_serializable(PACKAGE)
class PearsonR(_TrackMetric):
    """Pearson correlation of measured and predicted values over all positions.

    `sum((y - mean y)(p - mean p)) / sqrt(sum((y - mean y)^2) sum((p - mean p)^2))`

    Args:
        num_targets: number of tracks.
        summarize: give the mean over tracks instead of the vector.
        name: name of the metric.
        dtype: as in Keras.
    """

    sums = ("count", "product", "true_sum", "true_sumsq", "pred_sum", "pred_sumsq")

    def __init__(
        self,
        num_targets: int,
        *,
        summarize: bool = True,
        name: str = "pearsonr",
        dtype: Any = None,
    ) -> None:
        super().__init__(num_targets, summarize=summarize, name=name, dtype=dtype)

    def _terms(self, y_true: Any, y_pred: Any) -> dict[str, Any]:
        return {
            "count": ops.ones_like(y_true),
            "product": y_true * y_pred,
            "true_sum": y_true,
            "true_sumsq": ops.square(y_true),
            "pred_sum": y_pred,
            "pred_sumsq": ops.square(y_pred),
        }

    def result(self) -> Any:
        """Return a scalar, or a vector of length `num_targets`."""
        count, product, true_sum, true_sumsq, pred_sum, pred_sumsq = (
            ops.convert_to_tensor(self._sums[key]) for key in self.sums
        )
        true_mean, pred_mean = true_sum / count, pred_sum / count
        covariance = (
            product - true_mean * pred_sum - pred_mean * true_sum + count * true_mean * pred_mean
        )
        true_var = true_sumsq - count * ops.square(true_mean)
        pred_var = pred_sumsq - count * ops.square(pred_mean)
        defined = true_var > VARIANCE_FLOOR * true_sumsq
        varies = ops.logical_and(defined, pred_var > 1e-12)
        scale = ops.sqrt(ops.where(varies, true_var, ops.ones_like(true_var))) * ops.sqrt(
            ops.where(varies, pred_var, ops.ones_like(pred_var))
        )
        correlation = ops.where(varies, covariance / scale, ops.zeros_like(covariance))
        # Predictions that are not numbers have no correlation, not one of 0.
        defined = ops.logical_and(defined, ops.logical_not(ops.isnan(pred_var)))
        return _mean_of_defined(correlation, defined, self.summarize)


@keras.saving.register_keras_serializable(PACKAGE)
class R2(_TrackMetric):
    """Share of a track's variance that the prediction explains.

    `1 - sum((y - p)^2) / sum((y - mean y)^2)`: 1 is perfect, the mean as prediction has 0.

    Args:
        num_targets: number of tracks.
        summarize: give the mean over tracks instead of the vector.
        name: name of the metric.
        dtype: as in Keras.
    """

    sums = ("count", "true_sum", "true_sumsq", "product", "pred_sumsq")

    def __init__(
        self, num_targets: int, *, summarize: bool = True, name: str = "r2", dtype: Any = None
    ) -> None:
        super().__init__(num_targets, summarize=summarize, name=name, dtype=dtype)

    def _terms(self, y_true: Any, y_pred: Any) -> dict[str, Any]:
        return {
            "count": ops.ones_like(y_true),
            "true_sum": y_true,
            "true_sumsq": ops.square(y_true),
            "product": y_true * y_pred,
            "pred_sumsq": ops.square(y_pred),
        }

    def result(self) -> Any:
        """Return a scalar, or a vector of length `num_targets`."""
        count, true_sum, true_sumsq, product, pred_sumsq = (
            ops.convert_to_tensor(self._sums[key]) for key in self.sums
        )
        total = true_sumsq - count * ops.square(true_sum / count)
        residual = pred_sumsq - 2 * product + true_sumsq
        defined = ops.logical_and(
            total > VARIANCE_FLOOR * true_sumsq, ops.logical_not(ops.isnan(residual))
        )
        safe_total = ops.where(defined, total, ops.ones_like(total))
        return _mean_of_defined(1 - residual / safe_total, defined, self.summarize)


@keras.saving.register_keras_serializable(PACKAGE)
class SeqAUC(keras.metrics.Metric):
    """Area under the ROC or the precision-recall curve of each track, at fixed thresholds.

    As in Keras' `AUC`: thresholds are spread evenly over [0, 1]; ROC areas are trapezoids, PR areas
    interpolate between points (Davis & Goadrich 2006, doi:10.1145/1143844.1143874).

    Args:
        num_targets: number of tracks.
        curve: "ROC" or "PR".
        num_thresholds: number of thresholds, at least 2.
        summarize: give the mean over tracks instead of the vector.
        name: name of the metric; "auroc" or "auprc" if not given.
        dtype: as in Keras.

    Raises:
        ValueError: if the curve is neither.
    """

    def __init__(
        self,
        num_targets: int,
        *,
        curve: str = "ROC",
        num_thresholds: int = 200,
        summarize: bool = True,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        if curve not in ("ROC", "PR"):
            raise ValueError(f'curve must be "ROC" or "PR", received {curve!r}')
        super().__init__(name=name or {"ROC": "auroc", "PR": "auprc"}[curve], dtype=dtype)
        self.num_targets = num_targets
        self.curve = curve
        self.num_thresholds = num_thresholds
        self.summarize = summarize
        inner = np.arange(1, num_thresholds - 1) / (num_thresholds - 1)
        # The outermost thresholds lie just outside, so that predictions of 0 and 1 count.
        self._thresholds = np.array([-1e-7, *inner, 1 + 1e-7], np.float32)
        # Row i holds the weight of predictions above exactly i thresholds.
        shape = (num_thresholds + 1, num_targets)
        self._positives = self.add_variable(shape, "zeros", dtype="float32", name="positives")
        self._negatives = self.add_variable(shape, "zeros", dtype="float32", name="negatives")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch.

        Args:
            y_true: labels (batch, bins, tracks) or (batch, tracks); anything but 0 is positive.
            y_pred: probabilities of the same shape.
            sample_weight: None, or (batch,), (batch, 1) or (batch, bins); weight 0 leaves out.
        """
        y_pred = ops.cast(y_pred, "float32")
        positive = ops.cast(ops.not_equal(y_true, 0), "float32")
        weights = _position_weights(y_pred, sample_weight)
        tracks = self.num_targets
        flat = ops.reshape(y_pred, (-1,))
        above = ops.cast(ops.searchsorted(self._thresholds, flat, side="left"), "int32")
        track = ops.reshape(
            ops.broadcast_to(ops.arange(tracks, dtype="int32"), ops.shape(y_pred)), (-1,)
        )
        segment = above * tracks + track
        rows = self.num_thresholds + 1
        for variable, chosen in ((self._positives, positive), (self._negatives, 1 - positive)):
            sums = ops.segment_sum(
                ops.reshape(weights * chosen, (-1,)), segment, num_segments=rows * tracks
            )
            variable.assign_add(ops.reshape(sums, (rows, tracks)))

    def result(self) -> Any:
        """Return a scalar, or a vector of length `num_targets`."""
        true_above, positives = self._above(self._positives)
        false_above, negatives = self._above(self._negatives)
        if self.curve == "ROC":
            area = self._roc(true_above / positives, false_above / negatives)
            defined = ops.logical_and(positives > 0, negatives > 0)
        else:
            area = self._pr(true_above, false_above, positives)
            defined = positives > 0
        return _mean_of_defined(area, defined, self.summarize)

    @staticmethod
    def _above(counts: Any) -> tuple[Any, Any]:
        """Return weight above each threshold (thresholds, tracks), and in all (tracks,)."""
        counts = ops.convert_to_tensor(counts)
        above = ops.flip(ops.cumsum(ops.flip(counts, axis=0), axis=0), axis=0)
        return above[1:], above[0]

    @staticmethod
    def _roc(true_rate: Any, false_rate: Any) -> Any:
        heights = (true_rate[:-1] + true_rate[1:]) / 2
        return ops.sum((false_rate[:-1] - false_rate[1:]) * heights, axis=0)

    @staticmethod
    def _pr(true_above: Any, false_above: Any, positives: Any) -> Any:
        called = true_above + false_above
        gained = true_above[:-1] - true_above[1:]
        slope = ops.divide_no_nan(gained, called[:-1] - called[1:])
        intercept = true_above[1:] - slope * called[1:]
        both = ops.logical_and(called[:-1] > 0, called[1:] > 0)
        ones = ops.ones_like(intercept)
        ratio = ops.where(both, called[:-1], ones) / ops.where(both, called[1:], ones)
        area = ops.divide_no_nan(slope * (gained + intercept * ops.log(ratio)), positives)
        return ops.sum(area, axis=0)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this metric."""
        return {
            **super().get_config(),
            "num_targets": self.num_targets,
            "curve": self.curve,
            "num_thresholds": self.num_thresholds,
            "summarize": self.summarize,
        }
