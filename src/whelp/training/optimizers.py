"""Optimisers for training sequence models, and the choice of one from a training spec.

`Adam`, `AdamW` and `SGD` are Keras' own with these differences, the same on every backend:

- A step of a learning-rate schedule is an update of the weights. Keras counts batches, also those
  whose gradients are only accumulated.
- Gradients are clipped after they are averaged over devices and accumulated batches, so that
  several devices take the same step as one. Adaptive clipping comes first, then clipping by norm.
- The averaged weights (`use_ema`) start at the initial weights and change with each update;
  momentum rises to `ema_momentum` as `(1 + t) / (10 + t)` over updates t, so that short trainings
  are not ruled by the weights that they started from.
- Variables named to `leave_when_idle` do not change at all in a step in which their gradient is 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import keras
from keras import ops

from whelp.training.clipping import adaptive_clip
from whelp.training.schedules import make_schedule

if TYPE_CHECKING:
    from whelp.specs import TrainSpec

PACKAGE = "whelp"
SLOT_LISTS = ("_momentums", "_velocities", "momentums", "_model_variables_moving_average")


class _CopyOf(keras.initializers.Initializer):
    """Starts a variable with the value of another."""

    def __init__(self, variable: keras.Variable) -> None:
        self.variable = variable

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Any:
        del shape
        return ops.copy(ops.cast(self.variable, dtype))


class _WholeStep(keras.optimizers.Optimizer):
    """What this module's optimisers do otherwise than Keras'; goes before a Keras optimiser.

    It leans on the stages of `keras.Optimizer.apply` (reduce, clip, decay, update), which Keras
    keeps private; the golden optimisation steps would show if they changed.
    """

    def __init__(self, *args: Any, agc_clip: float | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.agc_clip = agc_clip
        self.reduced_by_caller = False
        self._idle_keys: frozenset[Any] = frozenset()

    def leave_when_idle(self, variables: Iterable[keras.Variable]) -> None:
        """Name variables that must not change, nor their moments, in steps without a gradient.

        Args:
            variables: those of a head, of which a batch of another genome's windows says nothing.
        """
        self._idle_keys = frozenset(self._var_key(variable) for variable in variables)

    def add_optimizer_variables(
        self, trainable_variables: Sequence[keras.Variable], name: Any, initializer: Any = "zeros"
    ) -> Any:
        """Create variables like those of the model; averages begin as their copies."""
        if name != "average":
            return super().add_optimizer_variables(trainable_variables, name, initializer)
        return [
            self.add_variable_from_reference(variable, name, initializer=_CopyOf(variable))
            for variable in trainable_variables
        ]

    def reduce(self, grads: Sequence[Any], variables: Sequence[Any]) -> list[Any]:
        """Sum gradients over the replicas of `tf.distribute`; elsewhere they are whole already."""
        reduce = getattr(super(), "_all_reduce_sum_gradients", None)
        if reduce is None:
            return list(grads)
        return [grad for grad, _ in reduce(list(zip(grads, variables, strict=True)))]

    def _get_current_learning_rate(self) -> Any:
        if isinstance(self._learning_rate, keras.optimizers.schedules.LearningRateSchedule):
            return self._learning_rate(self.iterations)
        return super()._get_current_learning_rate()

    # The next four are stages of Keras' `apply` whose work `_backend_update_step` and `update_step`
    # do, in the order that several devices need.
    def _clip_gradients(self, grads: Sequence[Any]) -> Sequence[Any]:
        return grads

    def _apply_weight_decay(self, variables: Sequence[Any]) -> None:
        del variables

    def _all_reduce_sum_gradients(self, grads_and_vars: Iterable[Any]) -> list[Any]:
        return list(grads_and_vars)

    def _update_model_variables_moving_average(self, trainable_variables: Sequence[Any]) -> None:
        del trainable_variables

    def _backend_update_step(
        self, grads: Sequence[Any], trainable_variables: Sequence[Any], learning_rate: Any
    ) -> None:
        if not self.reduced_by_caller:
            grads = self.reduce(grads, trainable_variables)
        if self.agc_clip:
            grads = adaptive_clip(grads, trainable_variables, self.agc_clip)
        grads = super()._clip_gradients(grads)
        super()._backend_update_step(grads, trainable_variables, learning_rate)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Change one variable and what belongs to it by one step."""
        watched = self._var_key(variable) in self._idle_keys
        if watched:
            state = [variable, *self._slots(variable)]
            before = [ops.copy(ops.convert_to_tensor(value)) for value in state]
        if self.weight_decay is not None and self._use_weight_decay(variable):
            rate = ops.cast(learning_rate, variable.dtype) * self.weight_decay
            self.assign_sub(variable, ops.multiply(variable, rate))
        super().update_step(gradient, variable, learning_rate)
        if self.use_ema:
            self._average(variable)
        if watched:
            active = ops.any(ops.not_equal(gradient, 0))
            for value, old in zip(state, before, strict=True):
                self.assign(value, ops.where(active, ops.convert_to_tensor(value), old))

    def _average(self, variable: Any) -> None:
        average = self._model_variables_moving_average[self._get_variable_index(variable)]
        updates = ops.cast(self.iterations, average.dtype)
        momentum = ops.minimum((1 + updates) / (10 + updates), self.ema_momentum)
        step = ops.subtract(variable, average)
        self.assign_add(average, ops.multiply(1 - momentum, step))

    def _slots(self, variable: Any) -> list[Any]:
        index = self._get_variable_index(variable)
        lists = [getattr(self, name, None) for name in SLOT_LISTS]
        return [slots[index] for slots in lists if slots]

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this optimiser."""
        return {**super().get_config(), "agc_clip": self.agc_clip}


@keras.saving.register_keras_serializable(PACKAGE)
class Adam(_WholeStep, keras.optimizers.Adam):
    """Adam (Kingma & Ba 2015, arXiv:1412.6980); see the module for what differs from Keras.

    Args:
        agc_clip: factor of adaptive gradient clipping, or None.
        kwargs: those of `keras.optimizers.Adam`.
    """


@keras.saving.register_keras_serializable(PACKAGE)
class AdamW(_WholeStep, keras.optimizers.AdamW):
    """Adam with decoupled decay (Loshchilov & Hutter 2019, arXiv:1711.05101); see the module.

    Args:
        agc_clip: factor of adaptive gradient clipping, or None.
        kwargs: those of `keras.optimizers.AdamW`.
    """


@keras.saving.register_keras_serializable(PACKAGE)
class SGD(_WholeStep, keras.optimizers.SGD):
    """Gradient descent with momentum; see the module for what differs from Keras.

    Args:
        agc_clip: factor of adaptive gradient clipping, or None.
        kwargs: those of `keras.optimizers.SGD`.
    """


@keras.saving.register_keras_serializable(PACKAGE)
class LossScaleOptimizer(keras.optimizers.LossScaleOptimizer):
    """Dynamic loss scaling that looks for overflow in gradients summed over all devices.

    Keras looks at the first device's only: an overflow on another would get into the weights.

    Args:
        inner_optimizer: `Adam`, `AdamW` or `SGD` of this module.
        kwargs: those of `keras.optimizers.LossScaleOptimizer`.
    """

    def __init__(self, inner_optimizer: Any, **kwargs: Any) -> None:
        super().__init__(inner_optimizer, **kwargs)
        self.inner_optimizer.reduced_by_caller = True

    def apply(self, grads: Sequence[Any], trainable_variables: Any = None) -> None:
        """Unscale gradients and apply them, or skip the step and lower the scale."""
        variables = (
            self._trainable_variables if trainable_variables is None else trainable_variables
        )
        variables = list(variables)
        super().apply(self.inner_optimizer.reduce(grads, variables), trainable_variables=variables)


def make_optimizer(
    spec: TrainSpec, steps_per_epoch: int, *, mixed_precision: bool = False
) -> keras.optimizers.Optimizer:
    """Make the optimiser that a training spec describes.

    Args:
        spec: the training spec.
        steps_per_epoch: batches in an epoch, for schedules that are given in epochs.
        mixed_precision: the model computes in float16. The loss is then scaled, and epsilon of Adam
            is 1e-4, as in Baskerville.

    Returns:
        An optimiser that is not built yet.

    Raises:
        ValueError: if the name is unknown.
    """
    updates = max(1, steps_per_epoch // spec.gradient_accumulation)
    shared: dict[str, Any] = {
        "learning_rate": make_schedule(spec, updates),
        "clipnorm": spec.tensor_clipnorm,
        "global_clipnorm": spec.global_clipnorm,
        "agc_clip": spec.agc_clip,
    }
    if spec.gradient_accumulation > 1:
        shared["gradient_accumulation_steps"] = spec.gradient_accumulation
    if spec.average_weights is not None:
        shared |= {"use_ema": True, "ema_momentum": spec.average_weights}
    betas = {"beta_1": spec.adam_beta1, "beta_2": spec.adam_beta2}
    name = spec.optimizer.lower()
    if name == "adam":
        optimizer = Adam(**shared, **betas, epsilon=1e-4 if mixed_precision else 1e-7)
    elif name == "adamw":
        optimizer = AdamW(**shared, **betas, epsilon=1e-7, weight_decay=spec.weight_decay)
    elif name in ("sgd", "momentum"):
        optimizer = SGD(**shared, momentum=float(spec.momentum))
    else:
        raise ValueError(f"unknown optimiser {spec.optimizer!r}: expected adam, adamw or sgd")
    return LossScaleOptimizer(optimizer) if mixed_precision else optimizer
