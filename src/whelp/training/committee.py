"""Replicates, evaluated together: what each predicts, and the average."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np


class Committee:
    """Predicts by one or several models, and averages.

    Args:
        models: Keras models, or anything with `predict`, from (batch, length, 4) to the same
            (batch, bins, tracks).

    Attributes:
        each: What each of several models predicted of the last batch; none of one model.

    Raises:
        ValueError: There are no models.
    """

    def __init__(self, models: Sequence[Any]) -> None:
        if not models:
            raise ValueError("expected at least one model, received none")
        self._models = list(models)
        self._forward = [_forward(model) for model in models]
        self.each: list[np.ndarray] = []

    @classmethod
    def of(cls, model: Any) -> Committee:
        """Make one of a model, of several, or of one that there is."""
        if isinstance(model, Committee):
            return model
        return cls(list(model) if isinstance(model, list | tuple) else [model])

    @property
    def losses(self) -> list[Any]:
        """The penalties of a model's weights; of several models those of the first."""
        return list(getattr(self._models[0], "losses", []))

    def predict(self, x: np.ndarray) -> Any:
        """Predict a batch (batch, length, 4), and average over the models.

        Raises:
            ValueError: The models' predictions differ in shape.
        """
        made = [forward(x) for forward in self._forward]
        if len(made) == 1 or isinstance(made[0], Mapping):
            return made[0]
        self.each = [np.asarray(values) for values in made]
        shapes = {values.shape for values in self.each}
        if len(shapes) > 1:
            raise ValueError(
                f"replicates must predict the same bins and tracks; received (windows, bins, "
                f"tracks) {' and '.join(map(str, sorted(shapes)))}"
            )
        return np.mean(self.each, axis=0)


def _forward(model: Any) -> Callable[[np.ndarray], Any]:
    """One compiled step if the model has that, for `predict` sets up a loop at every call."""
    if isinstance(model, keras.Model):
        return model.predict_on_batch
    return lambda x: model.predict(x)
