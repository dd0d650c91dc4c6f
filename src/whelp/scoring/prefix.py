"""The local prefix of a model: what can be computed from a piece of the sequence.

Up to the first layer that sees the whole length, a position of an activation depends on a short
stretch of the sequence. So these activations can be computed from a short window of it, all but
those next to the window's cut ends.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from whelp.scoring.locality import Reach, reach_of

_OF_TRAINING = ("initializer", "regularizer", "constraint", "trainable")


@dataclass(frozen=True)
class Activation:
    """An activation of the local prefix, and the bases that a position of it depends on.

    Attributes:
      tensor: The symbolic tensor, `(batch, positions, channels)`.
      reach: In bp: position `i` depends on the bases from `i * step - before` to
        `i * step + after`.
    """

    tensor: Any
    reach: Reach

    @property
    def length(self) -> int:
        """Positions of the activation over the whole sequence."""
        return int(self.tensor.shape[1])

    @property
    def values(self) -> int:
        """Values of the activation over the whole sequence."""
        return math.prod(self.tensor.shape[1:])

    def touched(self, start: int, end: int) -> tuple[int, int]:
        """Returns the positions `[first, last)` that the bases `[start, end)` bear upon."""
        step, before, after = self.reach
        first = max(0, -(-(start - after) // step))
        last = min(self.length, (end - 1 + before) // step + 1)
        return first, max(first, last)


@dataclass(frozen=True)
class LocalPrefix:
    """The layers that act locally, and the activations that they hand to the rest of the model.

    Attributes:
      sequence: The model's input, `(batch, length, 4)`.
      layers: The layers, in an order in which they can be run; none where the first layer already
        sees the whole length.
      frontier: The activations that other layers, or the caller, take; the sequence itself where
        there are no layers.
      alignment: Windows of the sequence start at multiples of this, in bp.
      margin: Context in bp that a change needs on either side.
      ended_by: Names of the layers at which it ended; none where the whole model is local.
    """

    sequence: Any
    layers: tuple[Any, ...]
    frontier: tuple[Activation, ...]
    alignment: int
    margin: int
    ended_by: tuple[str, ...]

    @property
    def length(self) -> int:
        """Length of the model's sequence in bp."""
        return int(self.sequence.shape[1])

    def window(self, width: int) -> int:
        """Returns the window in bp that holds any change of `width` bp with its context.

        Its remainder by the alignment is that of the whole sequence: it decides how strided layers
        pad.
        """
        least = _least(width, self.alignment, self.margin)
        return min(self.length, least + (self.length - least) % self.alignment)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Returns the bases `[first, last)` that a window for the change `[start, end)` must hold.

        The first is aligned; both lie within the sequence.
        """
        first = max(0, start - self.margin) // self.alignment * self.alignment
        return first, min(self.length, end + self.margin)

    def equals(self, other: LocalPrefix) -> bool:
        """Says whether another model's prefix is the same function: equal layers and weights."""
        if self.length != other.length or self._wiring() != other._wiring():
            return False
        return all(
            len(mine.weights) == len(theirs.weights)
            and all(
                np.array_equal(ops.convert_to_numpy(a), ops.convert_to_numpy(b))
                for a, b in zip(mine.weights, theirs.weights, strict=True)
            )
            for mine, theirs in zip(self.layers, other.layers, strict=True)
        )

    def _wiring(self) -> list[Any]:
        """What the layers are and how they are joined, comparable between models."""
        numbers = {id(self.sequence): 0}
        wiring: list[Any] = []
        for number, layer in enumerate(self.layers, start=1):
            numbers[id(layer.output)] = number
            given = [numbers[id(tensor)] for tensor in keras.tree.flatten(layer.input)]
            wiring.append((type(layer), given, _of_prediction(layer.get_config())))
        wiring.append([(numbers[id(one.tensor)], one.reach) for one in self.frontier])
        return wiring

    def __call__(self, sequence: Any) -> list[Any]:
        """Runs the layers.

        Args:
          sequence: One-hot `(batch, any length that `window` gave or the whole, 4)`.

        Returns:
          The values of `frontier`.
        """
        values = {id(self.sequence): sequence}
        for layer in self.layers:
            given = [values[id(tensor)] for tensor in keras.tree.flatten(layer.input)]
            joins = isinstance(layer.input, (list, tuple))
            values[id(layer.output)] = layer(given if joins else given[0])
        return [values[id(activation.tensor)] for activation in self.frontier]


def _of_prediction(config: Any) -> Any:
    """A layer's configuration without how it starts and trains."""
    if isinstance(config, dict):
        return {
            name: _of_prediction(value)
            for name, value in config.items()
            if not name.endswith(_OF_TRAINING)
        }
    return config


def find_prefix(model: keras.Model, *, max_share: float) -> LocalPrefix:
    """Finds the local prefix of a model.

    Args:
      model: The model, a graph of layers as `SequenceModel` is.
      max_share: Share of the sequence that the window of a changed base may take: a layer whose
        reach asks for more is left to the rest of the model, since most of what comes before would
        have to be computed anew for it.

    Returns:
      The prefix; without layers where the first layer already sees the whole length.
    """
    sequence = model.inputs[0]
    length = int(sequence.shape[1])
    local = {id(sequence): Activation(sequence, Reach(1, 0, 0))}
    layers: list[Any] = []
    ended: list[str] = []
    taken = {id(tensor) for tensor in model.outputs}
    alignment = 1
    for layer in model.operations:
        if isinstance(layer, keras.layers.InputLayer):
            continue
        inputs = keras.tree.flatten(layer.input)
        reach = _reach_in_bp(layer, [local.get(id(tensor)) for tensor in inputs])
        joint = math.lcm(alignment, reach.step) if reach is not None else 0
        if reach is not None and _least(1, joint, _margin(reach)) <= max_share * length:
            layers.append(layer)
            local[id(layer.output)] = Activation(layer.output, reach)
            alignment = joint
            continue
        taken.update(id(tensor) for tensor in inputs)
        if all(id(tensor) in local for tensor in inputs):
            ended.append(layer.name)
    frontier = tuple(activation for key, activation in local.items() if key in taken)
    margin = max(_margin(activation.reach) for activation in frontier)
    return LocalPrefix(sequence, tuple(layers), frontier, alignment, margin, tuple(ended))


def _reach_in_bp(layer: Any, inputs: Sequence[Activation | None]) -> Reach | None:
    """Reach of a layer's output in bp; `None` where it, or what it takes, is not local."""
    given = [activation.reach for activation in inputs if activation is not None]
    if len(given) < len(inputs) or len({reach.step for reach in given}) != 1:
        return None
    own = reach_of(layer, tuple(inputs[0].tensor.shape)) if inputs[0] is not None else None
    if own is None:
        return None
    step = given[0].step
    return Reach(
        own.step * step,
        own.before * step + max(reach.before for reach in given),
        own.after * step + max(reach.after for reach in given),
    )


def _margin(reach: Reach) -> int:
    """Context that a change needs on either side: what it touches, and what that looks at."""
    return reach.before + reach.after


def _least(width: int, alignment: int, margin: int) -> int:
    """Length that holds a change of `width` bp with its context, wherever it lies."""
    return width + 2 * margin + alignment - 1
