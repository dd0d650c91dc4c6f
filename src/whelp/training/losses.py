"""Losses of sequence-to-function models, and the choice of one from a training spec.

All take `y_true` and `y_pred` of shape (batch, bins, tracks), in the space of the stored targets, and
average what `call` returns over all its elements. Sample weights of shape (batch, 1) work with each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

if TYPE_CHECKING:
    from whelp.specs import TrainSpec

EPSILON = 1e-7
PACKAGE = "whelp"


def position_weights(length: int, weight_range: float, weight_exp: int) -> np.ndarray:
    """Weigh the bins of a window, the middle most.

    The weight of a bin at distance d (bins) from the middle is `exp(-(d / sigma) ** weight_exp)`, scaled to
    a maximum of 1, where sigma is such that the first bin has 1 / weight_range of the middle's weight.
    With an odd exponent the sign of d counts, as in Baskerville: weights fall from left to right.

    Args:
        length: number of bins.
        weight_range: ratio of the largest weight to that of the first bin (even exponents); 1 is flat.
        weight_exp: steepness, a whole number.

    Returns:
        float32 array of shape (length, 1).

    Raises:
        ValueError: if weight_range is below 1 or weight_exp is not a positive whole number.
    """
    if weight_range < 1:
        raise ValueError(f"weight_range must be at least 1, received {weight_range}")
    if weight_range == 1:
        return np.ones((length, 1), np.float32)
    if weight_exp < 1 or weight_exp != int(weight_exp):
        raise ValueError(f"weight_exp must be a positive whole number, received {weight_exp}")
    first = -(length / 2 - 0.5)
    sigma = -first / np.log(weight_range) ** (1 / weight_exp)
    distance = np.arange(first, length / 2 + 0.5, dtype=np.float32) / np.float32(sigma)
    weights = np.exp(-(distance ** int(weight_exp)))
    return (weights / weights.max())[:, np.newaxis].astype(np.float32)


def poisson_multinomial(
    y_true: Any,
    y_pred: Any,
    *,
    total_weight: float = 1,
    weight_range: float = 1,
    weight_exp: int = 4,
    rescale: bool = False,
) -> Any:
    """Poisson loss of a track's total, and multinomial loss of its spread over the bins.

    With bins l of weight w_l, W = sum(w), counts y and predictions p, each times its weight, and
    totals S = sum(y), Z = sum(p), a track of a window has the loss

        total_weight * (Z - S log Z) / W  -  sum_l y_l log(p_l / Z) / W

    (Linder et al. 2025, Borzoi, doi:10.1038/s41588-024-02053-6; small epsilons guard the logarithms).

    Args:
        y_true: counts (batch, bins, tracks).
        y_pred: positive predictions of the same shape.
        total_weight: weight of the Poisson term.
        weight_range: see `position_weights`.
        weight_exp: see `position_weights`.
        rescale: multiply by 2 / (1 + total_weight), so that losses of different weights compare.

    Returns:
        Losses of shape (batch, tracks).
    """
    y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
    weights = position_weights(y_pred.shape[-2], weight_range, weight_exp)
    total = float(weights.sum())
    if weight_range > 1:
        y_true, y_pred = y_true * weights, y_pred * weights
    sum_true, sum_pred = ops.sum(y_true, axis=-2), ops.sum(y_pred, axis=-2)
    poisson = (sum_pred - sum_true * ops.log(sum_pred + EPSILON)) / total
    shares = (y_pred + EPSILON) / ops.expand_dims(sum_pred, axis=-2)
    multinomial = ops.sum(-(y_true + EPSILON) * ops.log(shares), axis=-2) / total
    loss = multinomial + total_weight * poisson
    return loss * 2 / (1 + total_weight) if rescale else loss


def poisson_kl(y_true: Any, y_pred: Any, *, kl_weight: float = 1) -> Any:
    """Poisson loss, and the divergence between measured and predicted shares of the tracks in a bin.

    `mean_t(p - y log p) + kl_weight * KL(y / sum_t y || p / sum_t p)`

    Args:
        y_true: counts (batch, bins, tracks).
        y_pred: positive predictions of the same shape.
        kl_weight: weight of the second term ("spec_weight" in parameter files).

    Returns:
        Losses of shape (batch, bins).
    """
    poisson = keras.losses.poisson(y_true, y_pred)
    y_true, y_pred = y_true + EPSILON, y_pred + EPSILON
    true_shares = y_true / ops.sum(y_true, axis=-1, keepdims=True)
    pred_shares = y_pred / ops.sum(y_pred, axis=-1, keepdims=True)
    return poisson + kl_weight * keras.losses.kl_divergence(true_shares, pred_shares)


def mean_squared_error_udot(y_true: Any, y_pred: Any, *, udot_weight: float = 1) -> Any:
    """Squared error, minus the covariance over tracks of measured and predicted values of a bin.

    `mean_t (y - p)^2 - udot_weight * mean_t (y - mean_t y)(p - mean_t p)`

    Args:
        y_true: values (batch, bins, tracks).
        y_pred: predictions of the same shape.
        udot_weight: weight of the second term ("spec_weight" in parameter files).

    Returns:
        Losses of shape (batch, bins).
    """
    error = keras.losses.mean_squared_error(y_true, y_pred)
    true_centred = y_true - ops.mean(y_true, axis=-1, keepdims=True)
    pred_centred = y_pred - ops.mean(y_pred, axis=-1, keepdims=True)
    return error - udot_weight * ops.mean(true_centred * pred_centred, axis=-1)


def binary_crossentropy(y_true: Any, y_pred: Any) -> Any:
    """Cross-entropy of labels and probabilities, mean over the tracks.

    `mean_t(-y log(p + e) - (1 - y) log(1 - p + e))` with p kept within [e, 1 - e], e = 1e-7: the guards
    of Keras 2. Keras 3 leaves out the e in the logarithms, which shows in the fifth digit.

    Args:
        y_true: labels (batch, bins, tracks) within [0, 1].
        y_pred: probabilities of the same shape.

    Returns:
        Losses of shape (batch, bins).
    """
    y_pred = ops.clip(y_pred, EPSILON, 1 - EPSILON)
    entropy = y_true * ops.log(y_pred + EPSILON) + (1 - y_true) * ops.log(1 - y_pred + EPSILON)
    return -ops.mean(entropy, axis=-1)


@keras.saving.register_keras_serializable(PACKAGE)
class PoissonMultinomial(keras.losses.Loss):
    """`poisson_multinomial` as a loss object.

    Args:
        total_weight: weight of the Poisson term.
        weight_range: see `position_weights`.
        weight_exp: see `position_weights`.
        reduction: as in Keras; "none" gives (batch, tracks).
        name: name of the loss.
    """

    def __init__(
        self,
        total_weight: float = 1,
        *,
        weight_range: float = 1,
        weight_exp: int = 4,
        reduction: str = "sum_over_batch_size",
        name: str = "poisson_multinomial",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        position_weights(2, weight_range, weight_exp)
        self.total_weight = total_weight
        self.weight_range = weight_range
        self.weight_exp = weight_exp

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return losses of shape (batch, tracks)."""
        return poisson_multinomial(
            y_true,
            y_pred,
            total_weight=self.total_weight,
            weight_range=self.weight_range,
            weight_exp=self.weight_exp,
        )

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        return {
            **super().get_config(),
            "total_weight": self.total_weight,
            "weight_range": self.weight_range,
            "weight_exp": self.weight_exp,
        }


@keras.saving.register_keras_serializable(PACKAGE)
class PoissonKL(keras.losses.Loss):
    """`poisson_kl` as a loss object.

    Args:
        kl_weight: weight of the divergence.
        reduction: as in Keras; "none" gives (batch, bins).
        name: name of the loss.
    """

    def __init__(
        self,
        kl_weight: float = 1,
        *,
        reduction: str = "sum_over_batch_size",
        name: str = "poisson_kl",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.kl_weight = kl_weight

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return losses of shape (batch, bins)."""
        return poisson_kl(y_true, y_pred, kl_weight=self.kl_weight)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        return {**super().get_config(), "kl_weight": self.kl_weight}


@keras.saving.register_keras_serializable(PACKAGE)
class MeanSquaredErrorUDot(keras.losses.Loss):
    """`mean_squared_error_udot` as a loss object.

    Args:
        udot_weight: weight of the covariance.
        reduction: as in Keras; "none" gives (batch, bins).
        name: name of the loss.
    """

    def __init__(
        self,
        udot_weight: float = 1,
        *,
        reduction: str = "sum_over_batch_size",
        name: str = "mse_udot",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.udot_weight = udot_weight

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return losses of shape (batch, bins)."""
        return mean_squared_error_udot(y_true, y_pred, udot_weight=self.udot_weight)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        return {**super().get_config(), "udot_weight": self.udot_weight}


@keras.saving.register_keras_serializable(PACKAGE)
class BinaryCrossentropy(keras.losses.Loss):
    """`binary_crossentropy` as a loss object.

    Args:
        reduction: as in Keras; "none" gives (batch, bins).
        name: name of the loss.
    """

    def __init__(
        self,
        *,
        reduction: str = "sum_over_batch_size",
        name: str = "binary_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return losses of shape (batch, bins)."""
        return binary_crossentropy(y_true, y_pred)


_MAKERS: dict[str, Callable[[TrainSpec], keras.losses.Loss]] = {
    "poisson": lambda spec: keras.losses.Poisson(),
    "poisson_mn": lambda spec: PoissonMultinomial(
        spec.total_weight, weight_range=spec.weight_range, weight_exp=spec.weight_exp
    ),
    "poisson_kl": lambda spec: PoissonKL(spec.spec_weight),
    "mse": lambda spec: keras.losses.MeanSquaredError(),
    "mse_udot": lambda spec: MeanSquaredErrorUDot(spec.spec_weight),
    "bce": lambda spec: BinaryCrossentropy(),
}


def make_loss(spec: TrainSpec) -> keras.losses.Loss:
    """Make the loss that a training spec names.

    Args:
        spec: its `loss` is poisson, poisson_mn, poisson_kl, mse, mse_udot or bce; `total_weight`,
            `weight_range` and `weight_exp` go to poisson_mn, `spec_weight` to poisson_kl and mse_udot.

    Returns:
        A loss that averages over all it is given.

    Raises:
        ValueError: if the name is unknown. (Baskerville would train with poisson without a word.)
    """
    name = spec.loss.lower()
    if name not in _MAKERS:
        raise ValueError(f"unknown loss {spec.loss!r}: expected one of {', '.join(_MAKERS)}")
    return _MAKERS[name](spec)
