"""An estimate of the arithmetic and the memory traffic of a model, from shapes alone.

Two numbers bound how fast a machine can be (the roofline of Williams, Waterman and Patterson, 2009,
doi:10.1145/1498765.1498785): operations of matrix products, and bytes that pass through memory. A
weight matrix is used once at every position of its layer's output; attention multiplies matrices of
`length x length`. The way back costs as much as the way forward for the gradients of a layer's
input, and as much again for those of its weights, where they train; a frozen beginning costs
nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import keras

from whelp.inspection.memory import (
    attention_of,
    inputs_of,
    operations_on_way_back,
    tensor_bytes,
    trains,
)
from whelp.models import SequenceModel


@dataclass(frozen=True)
class Work:
    """What one window takes.

    Attributes:
      products: Floating-point operations of matrix products and convolutions.
      traffic: Bytes that layers read and write.
    """

    products: float
    traffic: float


def training_work(model: SequenceModel) -> Work:
    """Estimates the work of training on one window, forwards and backwards."""
    return _work(model, training=True)


def prediction_work(model: SequenceModel) -> Work:
    """Estimates the work of predicting one window."""
    return _work(model, training=False)


def _work(model: SequenceModel, *, training: bool) -> Work:
    on_way = operations_on_way_back(model) if training else set()
    products = traffic = 0.0
    for operation in model.operations:
        passes = 1 + (id(operation) in on_way) * (1 + trains(operation))
        products += passes * _products(operation)
        moved = sum(tensor_bytes(t) for t in _tensors(operation)) + _attention_bytes(operation)
        traffic += passes * moved
    return Work(products, traffic)


def _tensors(operation: Any) -> list[keras.KerasTensor]:
    return [*inputs_of(operation), *keras.tree.flatten(operation.output)]


def _products(operation: Any) -> float:
    """Multiplications and additions of one layer on the way forward."""
    shape = keras.tree.flatten(operation.output)[0].shape[1:-1]
    positions = math.prod(side for side in shape if side is not None)
    weights = getattr(operation, "variables", ())
    matrices = sum(math.prod(v.shape) for v in weights if len(v.shape) > 1)
    return 2.0 * positions * matrices + 2.0 * _attention_products(operation)


def _attention_products(operation: Any) -> float:
    attention = attention_of(operation)
    if attention is None:
        return 0.0
    length = operation.output.shape[1]
    # Logits of contents, logits of distances (of which there are about twice as many), values.
    position = 2 * attention.key_size if attention.num_position_features else 0
    size = attention.key_size + position + attention.value_size
    return float(attention.heads * length**2 * size)


def _attention_bytes(operation: Any) -> float:
    """Bytes of the logits, which pass through memory about six times: made, added, normalised."""
    attention = attention_of(operation)
    if attention is None:
        return 0.0
    length = operation.output.shape[1]
    width = tensor_bytes(operation.output) / math.prod(operation.output.shape[1:])
    return 6.0 * width * attention.heads * length**2
