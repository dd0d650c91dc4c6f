"""Averaged weights: the optimiser keeps them; they take the trained ones' place when they count."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras


def inner_optimizer(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """Return the optimiser inside one that scales losses, or itself."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def swap_averages(optimizer: keras.optimizers.Optimizer) -> None:
    """Exchange trained weights and their averages, if the optimiser keeps any."""
    inner = inner_optimizer(optimizer)
    if not inner.use_ema:
        return
    pairs = zip(inner._trainable_variables, inner._model_variables_moving_average, strict=True)
    for variable, average in pairs:
        trained = keras.ops.convert_to_numpy(variable).copy()
        variable.assign(keras.ops.convert_to_numpy(average).copy())
        average.assign(trained)


@contextmanager
def averaged_weights(optimizer: keras.optimizers.Optimizer) -> Iterator[None]:
    """Put averaged weights, if any, into the model for a while."""
    swap_averages(optimizer)
    try:
        yield
    finally:
        swap_averages(optimizer)


class ValidateAverages(keras.callbacks.Callback):
    """Validates the averaged weights in place of the trained ones."""

    def on_test_begin(self, logs: Any = None) -> None:
        """Put the averages into the model."""
        swap_averages(self.model.optimizer)

    def on_test_end(self, logs: Any = None) -> None:
        """Put the trained weights back."""
        swap_averages(self.model.optimizer)
