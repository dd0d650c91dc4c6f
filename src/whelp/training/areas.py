"""Areas under the curves of each track, for labels in place of counts."""

from typing import Any

import keras
import numpy as np
from keras import ops

from whelp.training.track_sums import mean_of_defined, weight_positions

PACKAGE = "whelp"


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
        weights = weight_positions(y_pred, sample_weight)
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
        return mean_of_defined(area, defined, self.summarize)

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
