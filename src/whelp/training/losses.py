"""Losses of sequence-to-function models, and the choice of one from a training spec.

All take `y_true` and `y_pred` of shape (batch, bins, tracks), in the space of the stored targets,
and average what `call` returns over all its elements. Sample weights of shape (batch, 1) work with
each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import keras

from whelp.training.loss_functions import (
    binary_crossentropy,
    mean_squared_error_udot,
    poisson_kl,
    poisson_multinomial,
    position_weights,
)

if TYPE_CHECKING:
    from whelp.specs import TrainSpec

__all__ = [
    "BinaryCrossentropy",
    "MeanSquaredErrorUDot",
    "PoissonKL",
    "PoissonMultinomial",
    "binary_crossentropy",
    "make_loss",
    "mean_squared_error_udot",
    "poisson_kl",
    "poisson_multinomial",
    "position_weights",
]

PACKAGE = "whelp"


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
        weight_exp: float = 4,
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
            `weight_range` and `weight_exp` go to poisson_mn, `spec_weight` to poisson_kl and
            mse_udot.

    Returns:
        A loss that averages over all it is given.

    Raises:
        ValueError: if the name is unknown. (Baskerville would train with poisson without a word.)
    """
    name = spec.loss.lower()
    if name not in _MAKERS:
        raise ValueError(f"unknown loss {spec.loss!r}: expected one of {', '.join(_MAKERS)}")
    return _MAKERS[name](spec)
