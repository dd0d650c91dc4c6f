"""The layers behind the local prefix, run from its activations."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from whelp.models.averaging import OutputView
from whelp.scoring.locality import POINTWISE, reach_of
from whelp.scoring.prefix import LocalPrefix


class Remainder:
    """Runs what the local prefix leaves of a model.

    Where only some bins are wanted, the layers at the end that look at each position alone (the
    head, and what is before it up to the last convolution) are run for these. All others run on the
    lengths of a full pass: kernels for other lengths add in another order, and where a variant has
    hardly an effect its scores would differ from those of a full pass.

    Args:
      model: The model, a graph of layers as `SequenceModel` is.
      prefix: Its local prefix.

    Attributes:
      values: The most values that a sequence takes at a time, roughly: its activations behind the
        prefix, and what the largest layer takes, makes and compares in attention.

    Call arguments:
      activations: Values of the prefix' frontier, each `(batch, positions, channels)`.
      bins: The wanted bins of each sequence, `(batch, wanted)`; None for all.

    Returns:
      The model's output: `(batch, bins, tracks)`, or a dict of them by head name.
    """

    def __init__(self, model: keras.Model, prefix: LocalPrefix) -> None:
        self._given = [id(activation.tensor) for activation in prefix.frontier]
        self._output = model.output
        self._calls = _reached(model, prefix)
        self._tail = _tail(self._calls, model.output)
        self.values = sum(activation.values for activation in prefix.frontier)
        self.values += max((_work(call) for call in self._calls), default=0)

    def __call__(self, activations: Sequence[Any], bins: Any = None) -> Any:
        """Runs the layers; see the class."""
        values = dict(zip(self._given, activations, strict=True))
        tail = [] if bins is None else self._tail
        for call in self._calls[: len(self._calls) - len(tail)]:
            values |= _run(call, values)
        if bins is None:
            return keras.tree.map_structure(lambda symbol: values[id(symbol)], self._output)
        if not tail:
            return keras.tree.map_structure(
                lambda symbol: _chosen(values[id(symbol)], bins), self._output
            )
        stem = tail[0].input_tensors[0]
        value = _chosen(values[id(stem)], bins + sum(_crop(call.operation) for call in tail))
        for call in tail:
            if not isinstance(call.operation, keras.layers.Cropping1D):
                (value,) = _run(call, {id(call.input_tensors[0]): value}).values()
        return value


def _run(call: Any, values: Mapping[int, Any]) -> dict[int, Any]:
    """Gives the values of a call's outputs."""
    positional, named = call.arguments.fill_in(values)
    outputs = keras.tree.flatten(call.operation(*positional, **named))
    return {id(symbol): value for symbol, value in zip(call.outputs, outputs, strict=True)}


def _reached(model: keras.Model, prefix: LocalPrefix) -> list[Any]:
    """Calls, not layers: attention within windows is one layer that is called several times.

    `keras.Function` would do, but refuses activations that depend on one another before Keras 3.14.
    """
    local = {id(layer) for layer in prefix.layers}
    known = {id(activation.tensor) for activation in prefix.frontier}
    calls = []
    for layer in model.operations:
        if id(layer) in local or isinstance(layer, keras.layers.InputLayer):
            continue
        for call in layer._inbound_nodes:
            # A layer may have been called in another model too, on tensors that are not here.
            if all(id(tensor) in known for tensor in call.input_tensors):
                calls.append(call)
                known |= {id(symbol) for symbol in call.outputs}
    return calls


def _tail(calls: Sequence[Any], output: Any) -> list[Any]:
    """The calls at the end, one after the other, that look at each position alone, or crop."""
    tail: list[Any] = []
    following = output
    for call in reversed(calls):
        if len(call.input_tensors) != 1 or call.outputs[0] is not following:
            break
        if not _is_pointwise(call.operation, tuple(call.input_tensors[0].shape)):
            break
        tail.insert(0, call)
        following = call.input_tensors[0]
    return tail


def _is_pointwise(layer: Any, shape: tuple[int | None, ...]) -> bool:
    if isinstance(layer, OutputView):
        return layer.step == 1 and not layer.sum_length
    return isinstance(layer, keras.layers.Cropping1D) or reach_of(layer, shape) == POINTWISE


def _crop(layer: Any) -> int:
    """Positions that a layer cuts off in front."""
    return int(layer.cropping[0]) if isinstance(layer, keras.layers.Cropping1D) else 0


def _chosen(values: Any, rows: Any) -> Any:
    """Takes other positions of each example, `(batch, wanted)`."""
    batch, channels = ops.shape(values)[0], values.shape[2]
    numbers = ops.expand_dims(ops.arange(batch, dtype="int32"), 1) * values.shape[1]
    flat = ops.reshape(values, (-1, channels))
    taken = ops.take(flat, ops.reshape(numbers + rows, (-1,)), axis=0)
    return ops.reshape(taken, (batch, -1, channels))


def _work(call: Any) -> int:
    """Values that a call takes and makes, with the two maps of each head of attention."""
    tensors = [*call.input_tensors, *call.outputs]
    maps = 2 * getattr(call.operation, "heads", 0) * int(tensors[0].shape[1] or 0) ** 2
    return sum(math.prod(size or 1 for size in tensor.shape) for tensor in tensors) + maps
