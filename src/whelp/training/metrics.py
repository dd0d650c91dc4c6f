"""Metrics over all positions of each track: Pearson correlation, R2, areas under curves.

They keep sums, so they are exact over any split into batches, over several devices, and with sample
weights. Values are those of the space of the stored targets. Accumulators and arithmetic are
float32 whatever the precision of the model; `whelp.evaluate` uses float64.

A track for which a number is not defined (the measured values do not vary; no positive or no
negative label) has NaN in the vector of all tracks, and is left out of the mean. So one silent
track does not turn the number by which the best epoch is chosen into NaN, as it does in
Baskerville. The mean is NaN only if no track has a number. A constant prediction of a varying track
has correlation 0.
"""

from typing import Any

import keras
from keras import ops

from whelp.training.areas import SeqAUC
from whelp.training.track_sums import mean_of_defined, sum_positions, weight_positions

__all__ = ["R2", "PearsonR", "SeqAUC"]

PACKAGE = "whelp"
# A variance below this share of the sum of squares (values within about 1% of their mean) is
# rounding error by the time that float32 sums have run over a validation set.
VARIANCE_FLOOR = 1e-4


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
        self,
        num_targets: int,
        *,
        summarize: bool = True,
        name: str | None = None,
        dtype: Any = None,
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
        weights = weight_positions(y_pred, sample_weight)
        for key, value in self._terms(y_true, y_pred).items():
            if sample_weight is not None:
                # A skipped example may hold anything, also values that are not finite.
                value = ops.where(weights > 0, weights * value, ops.zeros_like(value))
            self._sums[key].assign_add(sum_positions(value))

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
        return mean_of_defined(correlation, defined, self.summarize)


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
        return mean_of_defined(1 - residual / safe_total, defined, self.summarize)
