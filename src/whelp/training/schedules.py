"""Learning-rate schedules, and the choice of one from a training spec.

A step is one update of the weights. With gradient accumulation that is one step in
`gradient_accumulation` batches: the optimisers of `whelp.training.optimizers` see to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
from keras import ops

if TYPE_CHECKING:
    from whelp.specs import TrainSpec

PACKAGE = "whelp"
CYCLE_KEYS = (
    "initial_learning_rate",
    "maximal_learning_rate",
    "final_learning_rate",
    "train_epochs_cycle1",
)


@keras.saving.register_keras_serializable(PACKAGE)
class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """A rise from 0 before another schedule.

    `initial_learning_rate * (step / warmup_steps) ** power` below `warmup_steps`, then
    `decay_schedule(step - warmup_steps)`. So the very first step has rate 0 and changes no weight.

    Args:
        initial_learning_rate: rate at the end of the rise.
        warmup_steps: number of steps of the rise.
        decay_schedule: a constant rate, or a schedule, for the steps after it.
        power: exponent of the rise.
        name: name for `get_config`.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        warmup_steps: int,
        *,
        decay_schedule: float | keras.optimizers.schedules.LearningRateSchedule,
        power: float = 1.0,
        name: str | None = None,
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.warmup_steps = warmup_steps
        self.decay_schedule = decay_schedule
        self.power = power
        self.name = name

    def __call__(self, step: Any) -> Any:
        """Return the rate at a step, an integer or a float, as float32."""
        step = ops.cast(step, "float32")
        risen = ops.maximum(step / max(self.warmup_steps, 1), 0.0)
        rising = self.initial_learning_rate * ops.power(risen, self.power)
        if callable(self.decay_schedule):
            # Before its time a schedule might be asked for a negative step.
            after = self.decay_schedule(ops.maximum(step - self.warmup_steps, 0.0))
        else:
            after = ops.convert_to_tensor(self.decay_schedule, dtype="float32")
        return ops.where(step < self.warmup_steps, rising, ops.cast(after, "float32"))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this schedule."""
        decay = self.decay_schedule
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "warmup_steps": self.warmup_steps,
            "decay_schedule": keras.saving.serialize_keras_object(decay)
            if callable(decay)
            else decay,
            "power": self.power,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> WarmUp:
        """Rebuild a schedule from `get_config`."""
        if isinstance(config["decay_schedule"], dict):
            decay = keras.saving.deserialize_keras_object(config["decay_schedule"])
            config = {**config, "decay_schedule": decay}
        return cls(**config)


@keras.saving.register_keras_serializable(PACKAGE)
class Cyclical1(keras.optimizers.schedules.LearningRateSchedule):
    """One cycle: up, down again, and then a constant final rate.

    The rate rises linearly from initial to maximal over `step_size` steps, falls back over as many,
    and stays at the final rate (Smith 2018, arXiv:1803.09820).

    Args:
        initial_learning_rate: rate at step 0.
        maximal_learning_rate: rate at step `step_size`.
        final_learning_rate: rate after step `2 * step_size`.
        step_size: half the length of the cycle.
        name: name for `get_config`.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        maximal_learning_rate: float,
        *,
        final_learning_rate: float,
        step_size: int,
        name: str | None = None,
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.maximal_learning_rate = maximal_learning_rate
        self.final_learning_rate = final_learning_rate
        self.step_size = step_size
        self.name = name

    def __call__(self, step: Any) -> Any:
        """Return the rate at a step, an integer or a float, as float32."""
        step = ops.cast(step, "float32")
        height = ops.maximum(1.0 - ops.abs(step / self.step_size - 1.0), 0.0)
        span = self.maximal_learning_rate - self.initial_learning_rate
        final = ops.convert_to_tensor(self.final_learning_rate, dtype="float32")
        return ops.where(
            step > 2 * self.step_size, final, self.initial_learning_rate + span * height
        )

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this schedule."""
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "maximal_learning_rate": self.maximal_learning_rate,
            "final_learning_rate": self.final_learning_rate,
            "step_size": self.step_size,
            "name": self.name,
        }


def make_schedule(
    spec: TrainSpec, steps_per_epoch: int
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """Make the learning rate that a training spec describes.

    With all of `initial_learning_rate`, `maximal_learning_rate`, `final_learning_rate` and
    `train_epochs_cycle1` it is one cycle; else `learning_rate`, decayed by `decay_rate` every
    `decay_steps` steps if that is set. `warmup_steps` puts a rise from 0 before either.

    Args:
        spec: the training spec.
        steps_per_epoch: updates of the weights in an epoch: batches over `gradient_accumulation`.

    Returns:
        A constant, or a schedule.
    """
    initial = float(spec.learning_rate)
    rate: float | keras.optimizers.schedules.LearningRateSchedule = initial
    cycle = [getattr(spec, key) for key in CYCLE_KEYS]
    if None not in cycle:
        initial, highest, final, epochs = cycle
        half = max(1, int(epochs * steps_per_epoch))
        rate = Cyclical1(initial, highest, final_learning_rate=final, step_size=half)
    elif spec.decay_steps:
        rate = keras.optimizers.schedules.ExponentialDecay(
            initial, decay_steps=spec.decay_steps, decay_rate=spec.decay_rate, staircase=True
        )
    if spec.warmup_steps:
        rate = WarmUp(initial, spec.warmup_steps, decay_schedule=rate)
    return rate
