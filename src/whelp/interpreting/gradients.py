"""Gradients of what is explained with respect to the sequence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from whelp.genome import dna
from whelp.interpreting.objectives import Objective, Weights
from whelp.models import SequenceModel
from whelp.scoring.compiled import compiled
from whelp.scoring.predictor import track_model

Bases = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Method = Literal["grad_input", "smooth_grad"]


class GradientError(ValueError):
    """Gradients cannot be computed as was asked."""


@dataclass(frozen=True)
class GradientSettings:
    """How gradients are computed. They are averaged over the copies of a sequence.

    Attributes:
        method: "grad_input" takes the gradient at the sequence itself; "smooth_grad" averages it
            over copies in which some bases are replaced at random (after Smilkov et al. 2017,
            arXiv:1706.03825, with mutations in the place of noise, as Borzoi's
            `borzoi_satg_gene_smooth.py`).
        rc: Average over both strands.
        shifts: Average over shifts, bp.
        samples: Copies that "smooth_grad" averages.
        sample_prob: Probability that such a copy has the sequence's own base at a place, where all
            four bases are as frequent: of 4/3 (1 - sample_prob) of the places the base is drawn
            anew from the sequence's composition.
        seed: Of the draws; those of region n start from `seed + n`.
        batch_size: Copies that are run at a time.

    Raises:
        GradientError: A number is out of its range.
    """

    method: Method = "grad_input"
    rc: bool = False
    shifts: tuple[int, ...] = (0,)
    samples: int = 5
    sample_prob: float = 0.9
    seed: int = 42
    batch_size: int = 1

    def __post_init__(self) -> None:
        if self.method not in ("grad_input", "smooth_grad"):
            raise GradientError(
                f"the method is 'grad_input' or 'smooth_grad'; received {self.method!r}"
            )
        if not self.shifts:
            raise GradientError("expected at least one shift, such as 0; received none")
        if not 0.25 <= self.sample_prob <= 1:
            raise GradientError(
                "bases are kept with a probability from 0.25 (all are drawn at random) to 1; "
                f"received {self.sample_prob:g}"
            )
        for name in ("samples", "batch_size"):
            if getattr(self, name) < 1:
                raise GradientError(f"{name} is 1 or more; received {getattr(self, name)}")


class Attribution(NamedTuple):
    """What the bases of a sequence do to the number that is explained.

    Attributes:
        value: The number, averaged over the copies of the sequence and the models.
        gradient: How it grows with each base that could stand at a place, less the mean of the four
            (what is hypothetically contributed), float32 of shape `(length, 4)`. At the bases of
            the sequence it is gradient times input: what they contribute.
    """

    value: float
    gradient: Floats


class _Copy(NamedTuple):
    """A sequence that is run: which of the region's, in which strand, moved by how much."""

    bases: Bases
    reverse: bool
    shift: int


class Differentiator:
    """Computes gradients by one or more models of the same kind, such as replicates.

    Args:
        models: Models with one head, of the same input and output.
        objective: What is explained, or another objective of the same coverage and pool: what they
            sum is given to each call.
        settings: How.

    Raises:
        GradientError: The backend is not TensorFlow or JAX, or the models differ, or a shift is
            too far.
        ScoreError: A model does not predict the tracks of the objective's table.
    """

    def __init__(
        self,
        models: Sequence[SequenceModel],
        objective: Objective,
        *,
        settings: GradientSettings,
    ) -> None:
        _check_backend()
        self.length = _common_length(models)
        far = [shift for shift in settings.shifts if abs(shift) > self.length // 2]
        if far:
            raise GradientError(
                f"a shift of {far[0]} bp moves more than half of the model's {self.length} bp out "
                f"of sight; expected shifts of a few bp"
            )
        self._functions = [
            gradient_function(track_model(model, objective.targets), objective.value)
            for model in models
        ]
        self._settings = settings

    def explain(self, bases: Bases, objective: Objective, *, number: int = 0) -> Attribution:
        """Compute the gradient of a sequence.

        Args:
            bases: Base indexes of shape `(length,)`.
            objective: What is explained.
            number: Which region it is, for the draws of "smooth_grad".
        """
        weights = {reverse: objective.weights(reverse=reverse) for reverse in (False, True)}
        total = np.zeros((self.length, len(dna.BASES)))
        value, copies = 0.0, 0
        for batch, reverse in _batches(self._copies(bases, number), self._settings.batch_size):
            x: Any = dna.one_hot(np.stack([copy.bases for copy in batch]))
            # All batches are of one size: the function is compiled once.
            missing = self._settings.batch_size - len(batch)
            x = np.concatenate([x, np.repeat(x[:1], missing, axis=0)]) if missing else x
            for function in self._functions:
                values, gradients = function(x, weights[reverse])
                value += float(values[: len(batch)].sum())
                for copy, gradient in zip(batch, gradients, strict=False):
                    total += _as_given(gradient, copy)
            copies += len(batch)
        runs = copies * len(self._functions)
        gradient = total / runs
        gradient -= gradient.mean(axis=-1, keepdims=True)
        return Attribution(value / runs, gradient.astype(np.float32))

    def _copies(self, bases: Bases, number: int) -> Iterator[_Copy]:
        """Give the copies over which the gradient is averaged, strand by strand."""
        settings = self._settings
        for reverse in (False, True) if settings.rc else (False,):
            for shift in settings.shifts:
                moved = dna.shift(bases, shift)
                moved = dna.reverse_complement(moved) if reverse else moved
                if settings.method == "grad_input":
                    yield _Copy(moved, reverse, shift)
                    continue
                # Each copy has the same draws, as in the original.
                draws = np.random.RandomState(settings.seed + number)
                for _ in range(settings.samples):
                    yield _Copy(perturbed(moved, settings.sample_prob, draws), reverse, shift)


def perturbed(bases: Bases, kept: float, draws: np.random.RandomState) -> Bases:
    """Replace bases at random, by bases drawn from the composition of the sequence.

    Args:
        bases: Base indexes of shape `(length,)`; unknown ones are left as they are.
        kept: Probability that a place has its own base afterwards, where the four bases are as
            frequent, 0.25 to 1.
        draws: Source of the draws.

    Returns:
        New indexes of the same shape.
    """
    counts = np.bincount(bases, minlength=len(dna.BASES) + 1)[: len(dna.BASES)]
    chosen = draws.rand(len(bases)) >= round((kept - 0.25) / (1 - 0.25), 6)
    places = np.flatnonzero(chosen & (bases != dna.UNKNOWN))
    made = bases.copy()
    if len(places):
        made[places] = draws.choice(len(dna.BASES), size=len(places), p=counts / counts.sum())
    return made


def gradient_function(
    model: keras.Model, value: Callable[[Any, Weights], Any]
) -> Callable[[Floats, Weights], tuple[Floats, Floats]]:
    """Compile the gradient of a number with respect to a model's input.

    Args:
        model: From one-hot DNA `(batch, length, 4)` to predictions.
        value: From predictions and weights to a tensor of shape `(batch,)`.

    Returns:
        A function of sequences and weights that gives the numbers, `(batch,)`, and for each its
        gradient with respect to its own sequence, `(batch, length, 4)`.

    Raises:
        GradientError: The backend is neither TensorFlow nor JAX.
    """
    _check_backend()

    def number(x: Any, *weights: Any) -> Any:
        return value(model(x, training=False), Weights(*weights))

    both = _by_tensorflow(number) if keras.backend.backend() == "tensorflow" else _by_jax(number)
    fast = compiled(both, model.variables)

    def run(x: Floats, weights: Weights) -> tuple[Floats, Floats]:
        values, gradients = fast(ops.convert_to_tensor(x), *map(ops.convert_to_tensor, weights))
        return ops.convert_to_numpy(values), ops.convert_to_numpy(gradients)

    return run


def _by_tensorflow(number: Callable[..., Any]) -> Callable[..., tuple[Any, Any]]:
    import tensorflow as tf

    def both(x: Any, *weights: Any) -> tuple[Any, Any]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(x)
            values = number(x, *weights)
        # Sequences of a batch do not see one another: the gradient of the sum is each one's own.
        return values, tape.gradient(values, x)

    return both


def _by_jax(number: Callable[..., Any]) -> Callable[..., tuple[Any, Any]]:
    import jax

    def both(x: Any, *weights: Any) -> tuple[Any, Any]:
        def total(x: Any) -> tuple[Any, Any]:
            values = number(x, *weights)
            return ops.sum(values), values

        gradients, values = jax.grad(total, has_aux=True)(x)
        return values, gradients

    return both


def _as_given(gradient: Floats, copy: _Copy) -> Floats:
    """Turn and move a copy's gradient back; places that were moved out of sight have none."""
    if copy.reverse:
        gradient = dna.reverse_complement_one_hot(gradient)
    return dna.shift_one_hot(gradient, -copy.shift)


def _batches(copies: Iterator[_Copy], size: int) -> Iterator[tuple[list[_Copy], bool]]:
    """Put copies of one strand together, so many at a time."""
    held: list[_Copy] = []
    for copy in copies:
        if held and (copy.reverse != held[0].reverse or len(held) == size):
            yield held, held[0].reverse
            held = []
        held.append(copy)
    yield held, held[0].reverse


def _check_backend() -> None:
    backend = keras.backend.backend()
    if backend not in ("tensorflow", "jax"):
        raise GradientError(
            f"gradients are computed on TensorFlow or JAX; the backend here is {backend!r}. Set "
            f"the environment variable KERAS_BACKEND to tensorflow or jax, and install it"
        )


def _common_length(models: Sequence[SequenceModel]) -> int:
    if not models:
        raise GradientError("expected a model, or several replicates; received none")
    kinds = {
        (model.spec.seq_length, model.stride, model.crop, model.output_shape) for model in models
    }
    if len(kinds) > 1:
        raise GradientError(
            "replicates must have windows and predictions of the same length, bins and tracks; "
            f"received {len(kinds)} kinds of models"
        )
    return int(models[0].spec.seq_length)
