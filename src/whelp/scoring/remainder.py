"""The layers behind the local prefix, run from its activations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from whelp.scoring.prefix import LocalPrefix


class Remainder:
    """Runs what the local prefix leaves of a model.

    Args:
      model: The model, a graph of layers as `SequenceModel` is.
      prefix: Its local prefix.

    Call arguments:
      activations: Values of the prefix' frontier, each `(batch, positions, channels)`.

    Returns:
      The model's output: `(batch, bins, tracks)`, or a dict of them by head name.
    """

    def __init__(self, model: keras.Model, prefix: LocalPrefix) -> None:
        local = {id(layer) for layer in prefix.layers}
        # Calls, not layers: attention within windows is one layer that is called several times.
        # `keras.Function` would do, but refuses activations that depend on one another before
        # Keras 3.14.
        self._calls = [
            call
            for layer in model.operations
            if id(layer) not in local and not isinstance(layer, keras.layers.InputLayer)
            for call in layer._inbound_nodes
        ]
        self._given = [id(activation.tensor) for activation in prefix.frontier]
        self._output = model.output

    def __call__(self, activations: Sequence[Any]) -> Any:
        """Runs the layers; see the class."""
        values = dict(zip(self._given, activations, strict=True))
        for call in self._calls:
            # A layer may have been called in another model too, on tensors that are not here.
            if any(id(tensor) not in values for tensor in call.input_tensors):
                continue
            positional, named = call.arguments.fill_in(values)
            outputs = keras.tree.flatten(call.operation(*positional, **named))
            values |= {
                id(symbol): value for symbol, value in zip(call.outputs, outputs, strict=True)
            }
        return keras.tree.map_structure(lambda symbol: values[id(symbol)], self._output)
