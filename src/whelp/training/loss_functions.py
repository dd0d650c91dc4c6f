"""What the losses compute: functions of measured and predicted values, before any averaging.

All take `y_true` and `y_pred` of shape (batch, bins, tracks), in the space of the stored targets.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

EPSILON = 1e-7
SMALLEST_TOTAL = 1e-30


def position_weights(length: int, weight_range: float, weight_exp: float) -> np.ndarray:
    """Weigh the bins of a window, the middle most.

    The weight of a bin at distance d (bins) from the middle is `exp(-(d / sigma) ** weight_exp)`,
    scaled to a maximum of 1, where sigma is such that the first bin has 1 / weight_range of the
    middle's weight. With an odd exponent the sign of d counts, as in Baskerville: weights fall from
    left to right.

    Args:
        length: number of bins.
        weight_range: ratio of the largest weight to that of the first bin (even exponents); 1 is
            flat.
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
    weight_exp: float = 4,
    rescale: bool = False,
) -> Any:
    """Poisson loss of a track's total, and multinomial loss of its spread over the bins.

    With bins l of weight w_l, W = sum(w), counts y and predictions p, each times its weight, and
    totals S = sum(y), Z = sum(p), a track of a window has the loss

        total_weight * (Z - S log Z) / W  -  sum_l y_l log(p_l / Z) / W

    (Linder et al. 2025, Borzoi, doi:10.1038/s41588-024-02053-6; small epsilons guard the
    logarithms).

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
    # A difference of logarithms: the gradient of a quotient overflows where a total is tiny.
    log_total = ops.log(ops.maximum(sum_pred, SMALLEST_TOTAL))
    log_shares = ops.log(y_pred + EPSILON) - ops.expand_dims(log_total, axis=-2)
    multinomial = ops.sum(-(y_true + EPSILON) * log_shares, axis=-2) / total
    loss = multinomial + total_weight * poisson
    return loss * 2 / (1 + total_weight) if rescale else loss


def poisson_kl(y_true: Any, y_pred: Any, *, kl_weight: float = 1) -> Any:
    """Poisson loss, and the divergence of measured and predicted shares of the tracks in a bin.

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

    `mean_t(-y log(p + e) - (1 - y) log(1 - p + e))` with p kept within [e, 1 - e], e = 1e-7: the
    guards of Keras 2. Keras 3 leaves out the e in the logarithms, which shows in the fifth digit.

    Args:
        y_true: labels (batch, bins, tracks) within [0, 1].
        y_pred: probabilities of the same shape.

    Returns:
        Losses of shape (batch, bins).
    """
    y_pred = ops.clip(y_pred, EPSILON, 1 - EPSILON)
    entropy = y_true * ops.log(y_pred + EPSILON) + (1 - y_true) * ops.log(1 - y_pred + EPSILON)
    return -ops.mean(entropy, axis=-1)
