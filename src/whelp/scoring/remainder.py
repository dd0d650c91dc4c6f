"""The layers behind the local prefix, run from its activations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import keras
from keras import ops

from whelp.models.averaging import OutputView
from whelp.scoring.locality import POINTWISE, reach_of
from whelp.scoring.prefix import LocalPrefix

Stretch = tuple[int, int]


class _Held(NamedTuple):
    """A part of an activation: `value` begins at the position `start`."""

    value: Any
    start: int


class Remainder:
    """Runs what the local prefix leaves of a model, where the output depends on it.

    Behind the last layer that sees the whole length (in a U-Net: behind attention) the output
    depends on stretches of activations. Only these are computed: what is cropped away in the end
    is left out from where it no longer matters. Layers at the end that look at each position alone
    (the head) can be run for chosen bins.

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
        calls = _reached(model, prefix)
        self._wanted = _wanted(calls, keras.tree.flatten(model.output))
        calls = [call for call in calls if id(call.outputs[0]) in self._wanted]
        self._tail = _tail(calls, model.output)
        self._calls = calls[: len(calls) - len(self._tail)]
        self.values = sum(activation.values for activation in prefix.frontier)
        self.values += max((_work(call) for call in calls), default=0)

    def __call__(self, activations: Sequence[Any], bins: Any = None) -> Any:
        """Runs the layers; see the class."""
        held = {key: _Held(value, 0) for key, value in zip(self._given, activations, strict=True)}
        for call in self._calls:
            self._run(call, held)
        if bins is not None and self._tail:
            stem = held[id(self._tail[0].input_tensors[0])]
            cropped = sum(_crop(call.operation) for call in self._tail)
            return self._run_tail(_chosen(stem.value, bins + (cropped - stem.start)))
        for call in self._tail:
            self._run(call, held)
        found = keras.tree.map_structure(
            lambda symbol: _cut(held[id(symbol)], (0, symbol.shape[1])), self._output
        )
        if bins is None:
            return found
        return keras.tree.map_structure(lambda output: _chosen(output, bins), found)

    def _run(self, call: Any, held: dict[int, _Held]) -> None:
        """Runs a call on the stretch of its inputs that is needed, and holds its outputs."""
        seen = _seen(call, self._wanted[id(call.outputs[0])])
        start, last = seen or (0, None)
        given = {id(tensor): _cut(held[id(tensor)], (start, last)) for tensor in call.input_tensors}
        if isinstance(call.operation, keras.layers.Cropping1D) and seen is not None:
            (value,) = given.values()
            held[id(call.outputs[0])] = _Held(value, start - _crop(call.operation))
            return
        if isinstance(call.operation, keras.layers.UpSampling1D):
            start *= call.operation.size
        for symbol, value in zip(call.outputs, _called(call, given), strict=True):
            held[id(symbol)] = _Held(value, start)

    def _run_tail(self, value: Any) -> Any:
        for call in self._tail:
            if not _crop(call.operation):
                (value,) = _called(call, {id(call.input_tensors[0]): value})
        return value


def _called(call: Any, given: Mapping[int, Any]) -> list[Any]:
    positional, named = call.arguments.fill_in(given)
    return list(keras.tree.flatten(call.operation(*positional, **named)))


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


def _wanted(calls: Sequence[Any], outputs: Sequence[Any]) -> dict[int, Stretch]:
    """The positions of each tensor that the outputs depend on; all where one layer takes all."""
    wanted = {id(output): (0, int(output.shape[1])) for output in outputs}
    for call in reversed(calls):
        parts = [wanted[id(symbol)] for symbol in call.outputs if id(symbol) in wanted]
        if not parts:
            continue
        # Of a call with several outputs the first stands for all.
        wanted[id(call.outputs[0])] = _joined(parts)
        seen = _seen(call, _joined(parts))
        for tensor in call.input_tensors:
            part = seen or (0, int(tensor.shape[1]) if len(tensor.shape) > 1 else 1)
            wanted[id(tensor)] = _joined([part, wanted.get(id(tensor), part)])
    return wanted


def _seen(call: Any, wanted: Stretch) -> Stretch | None:
    """The positions of a call's inputs that wanted positions of its output look at; None for all.

    Layers that are cut at an end pad there, where no wanted position sees it.
    """
    layer, shapes = call.operation, [tuple(tensor.shape) for tensor in call.input_tensors]
    if len(call.outputs) > 1 or len({shape[1:2] for shape in shapes}) > 1 or len(shapes[0]) != 3:
        return None
    first, last = wanted
    if isinstance(layer, keras.layers.Cropping1D):
        return first + _crop(layer), last + _crop(layer)
    if isinstance(layer, keras.layers.UpSampling1D):
        return first // layer.size, -(-last // layer.size)
    reach = POINTWISE if _chooses_tracks(layer) else reach_of(layer, shapes[0])
    if reach is None or reach.step > 1:
        return None
    return max(0, first - reach.before), min(shapes[0][1], last + reach.after)


def _tail(calls: Sequence[Any], output: Any) -> list[Any]:
    """The calls at the end, one after the other, that look at each position alone."""
    tail: list[Any] = []
    following = output
    for call in reversed(calls):
        alone = len(call.input_tensors) == 1 and call.outputs[0] is following
        layer = call.operation
        pointwise = isinstance(layer, keras.layers.Cropping1D) or _chooses_tracks(layer)
        if not pointwise and alone and len(call.input_tensors[0].shape) == 3:
            pointwise = reach_of(layer, tuple(call.input_tensors[0].shape)) == POINTWISE
        if not alone or not pointwise:
            break
        tail.insert(0, call)
        following = call.input_tensors[0]
    return tail


def _chooses_tracks(layer: Any) -> bool:
    return isinstance(layer, OutputView) and layer.step == 1 and not layer.sum_length


def _crop(layer: Any) -> int:
    """Positions that a layer cuts off in front."""
    return int(layer.cropping[0]) if isinstance(layer, keras.layers.Cropping1D) else 0


def _joined(parts: Sequence[Stretch]) -> Stretch:
    return min(first for first, _ in parts), max(last for _, last in parts)


def _cut(held: _Held, part: tuple[int, int | None]) -> Any:
    first, last = part
    size = held.value.shape[1] if len(held.value.shape) > 1 else None
    end = None if last is None else last - held.start
    if first == held.start and end in (None, size):
        return held.value
    return held.value[:, first - held.start : end]


def _chosen(values: Any, rows: Any) -> Any:
    """Takes other positions of each example, `(batch, wanted)`."""
    batch, channels = ops.shape(values)[0], values.shape[2]
    numbers = ops.expand_dims(ops.arange(batch, dtype="int32"), 1) * values.shape[1]
    flat = ops.reshape(values, (-1, channels))
    taken = ops.take(flat, ops.reshape(numbers + rows, (-1,)), axis=0)
    return ops.reshape(taken, (batch, -1, channels))


def _size(tensor: Any) -> int:
    size = 1
    for length in tensor.shape[1:]:
        size *= length or 1
    return size


def _work(call: Any) -> int:
    """Values that a call takes and makes, with the two maps of each head of attention."""
    tensors = [*call.input_tensors, *call.outputs]
    maps = 2 * getattr(call.operation, "heads", 0) * int(tensors[0].shape[1]) ** 2
    return sum(_size(tensor) for tensor in tensors) + maps
