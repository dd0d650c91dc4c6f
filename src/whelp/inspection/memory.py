"""An estimate of the memory that training and prediction take, from shapes alone.

How it counts, in the order of the graph, for one window:

- A layer is *on the way back* if it trains anything or follows a layer that is. The outputs of such
  layers are kept until the backward pass, and so are the inputs of those that train. A frozen
  beginning keeps nothing: this is what makes adapters light.
- Some layers keep more than their output: GELU the terms of its formula, softplus its input, a norm
  that trains its normalised input; attention its queries, keys and values and one to three matrices
  of `heads x length x length`.
- Beside what is kept, a layer at work holds about twice its largest tensor (input and output
  forwards, the gradients of both backwards), attention its logits and those of positions. A
  prediction holds what is still needed, and the output of the layer at work once more.
- Training holds every weight, and for the trained ones a gradient, the optimiser's moments (and an
  average). With 16-bit arithmetic, activations take half; weights and moments stay in 32 bits.

What it leaves out: the framework itself (0.3 to 0.8 GB on a CPU, about 0.5 GB on a GPU), what it
keeps for compilation, workspaces of convolutions, and fragmentation. XLA may recompute cheap
functions and need less. `benchmarks/memory_estimate.py` sets it beside measured peaks.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import keras

from whelp.layers import MultiheadAttention, RotaryAttention
from whelp.models import SequenceModel

# Tensors of the output's size that a layer keeps for its gradient, beside input and output.
_EXTRA_KEPT = {"Gelu": 3, "Softplus": 1, "LayerNormalization": 1}
_EXTRA_IF_TRAINED = {"BatchNormalization": 1}
_MOMENTS = {"adam": 2, "adamw": 2, "sgd": 1, "momentum": 1}
_FLOAT32 = 4


@dataclass(frozen=True)
class MemoryEstimate:
    """Bytes that a training step and a prediction need, without the framework.

    Attributes:
      weights: All variables of the model.
      gradients: Gradients of what trains.
      optimizer: Moments, and averages if they are kept.
      activations: What is kept for the backward pass, for the whole batch.
      workspace: What the layer at work holds beside it, for the whole batch.
      prediction: Activations of a prediction of one batch; nothing is kept for a way back.
    """

    weights: int
    gradients: int
    optimizer: int
    activations: int
    workspace: int
    prediction: int

    @property
    def training(self) -> int:
        """Bytes of a training step."""
        fixed = self.weights + self.gradients + self.optimizer
        return fixed + self.activations + self.workspace

    @property
    def predicting(self) -> int:
        """Bytes of the prediction of a batch."""
        return self.weights + self.prediction


def estimate_memory(
    model: SequenceModel,
    *,
    batch_size: int = 1,
    optimizer: str = "adam",
    averages: bool = False,
) -> MemoryEstimate:
    """Estimates the memory of a training step and of a prediction; see the module for how.

    Args:
      model: A plain or adapted model; one of `skeleton` is enough. What trains in it, and its dtype
        policy, decide.
      batch_size: Windows a batch (on one device).
      optimizer: Name of the optimiser.
      averages: Whether averaged weights are kept.

    Raises:
      ValueError: The optimiser is not known.
    """
    if optimizer not in _MOMENTS:
        raise ValueError(f"unknown optimiser {optimizer!r}: expected {', '.join(_MOMENTS)}")
    trained = _bytes(model.trainable_variables)
    kept, workspace = _training_activations(model)
    return MemoryEstimate(
        weights=_bytes(model.variables),
        gradients=trained,
        optimizer=trained * (_MOMENTS[optimizer] + averages),
        activations=batch_size * kept,
        workspace=batch_size * workspace,
        prediction=batch_size * _prediction_activations(model),
    )


def _training_activations(model: SequenceModel) -> tuple[int, int]:
    """Bytes kept for the way back, and held by the layer at work, at the worst moment; one window.

    On the way forward more and more is kept; on the way back each layer finds what was kept up to
    it, and the gradients beside it.
    """
    on_way = operations_on_way_back(model)
    kept: dict[int, int] = {}
    inside = 0
    moments = [(0, 0)]
    for operation in model.operations:
        if id(operation) in on_way:
            outputs = keras.tree.flatten(operation.output)
            tensors = [*inputs_of(operation), *outputs] if trains(operation) else outputs
            kept |= {id(tensor): tensor_bytes(tensor) for tensor in tensors}
            inside += _kept_inside(operation)
        moments.append((sum(kept.values()) + inside, _working(operation, training=True)))
    return max(moments, key=sum)


def _prediction_activations(model: SequenceModel) -> int:
    """Bytes of the tensors that are alive at the worst moment of a prediction; one window."""
    last_use: dict[int, int] = {}
    for place, operation in enumerate(model.operations):
        for tensor in inputs_of(operation):
            last_use[id(tensor)] = place
    alive: dict[int, int] = {}
    peak = 0
    for place, operation in enumerate(model.operations):
        outputs = {id(t): tensor_bytes(t) for t in keras.tree.flatten(operation.output)}
        alive |= outputs
        working = max(outputs.values()) + _inside(operation, training=False)
        peak = max(peak, sum(alive.values()) + working)
        alive = {key: size for key, size in alive.items() if last_use.get(key, place) > place}
    return peak


def _producers(model: SequenceModel) -> Mapping[int, Any]:
    return {
        id(tensor): operation
        for operation in model.operations
        for tensor in keras.tree.flatten(operation.output)
    }


def operations_on_way_back(model: SequenceModel) -> set[int]:
    """Returns the ids of the operations that train something, or follow one that does."""
    producers = _producers(model)
    found: set[int] = set()
    for operation in model.operations:
        before = (producers.get(id(tensor)) for tensor in inputs_of(operation))
        if trains(operation) or any(id(previous) in found for previous in before):
            found.add(id(operation))
    return found


def inputs_of(operation: Any) -> list[keras.KerasTensor]:
    """Returns the tensors that a layer takes."""
    if isinstance(operation, keras.layers.InputLayer):
        return []
    return keras.tree.flatten(operation.input)


def trains(operation: Any) -> bool:
    """Says whether training moves anything in a layer."""
    return bool(getattr(operation, "trainable_variables", ()))


def _working(operation: Any, *, training: bool) -> int:
    outputs = keras.tree.flatten(operation.output)
    sizes = [tensor_bytes(tensor) for tensor in [*inputs_of(operation), *outputs]]
    return 2 * max(sizes) + _inside(operation, training=training)


def _kept_inside(operation: Any) -> int:
    output = keras.tree.flatten(operation.output)[0]
    attention = attention_of(operation)
    if attention is None:
        name = type(operation).__name__
        extra = _EXTRA_KEPT.get(name, 0)
        if trains(operation):
            extra += _EXTRA_IF_TRAINED.get(name, 0)
        return extra * tensor_bytes(output)
    length, width = output.shape[1], _itemsize(operation)
    channels = attention.heads * (2 * attention.key_size + 2 * attention.value_size)
    # Weights after the softmax; with dropout also its mask and the weights that are left.
    matrices = 3 if attention.attention_dropout > 0 else 1
    return width * (length * channels + matrices * attention.heads * length**2)


def _inside(operation: Any, *, training: bool) -> int:
    """Bytes of what an attention layer holds while it works: logits, and those of distances."""
    attention = attention_of(operation)
    if attention is None:
        return 0
    length = operation.output.shape[1]
    matrices = 4 if training else 2
    wide = 2 if attention.num_position_features else 0
    return _itemsize(operation) * attention.heads * length**2 * (matrices + wide)


def attention_of(operation: Any) -> MultiheadAttention | RotaryAttention | None:
    """Returns the attention layer that this is, or that an adapter wraps."""
    inner = getattr(operation, "base", operation)
    return inner if isinstance(inner, (MultiheadAttention, RotaryAttention)) else None


def tensor_bytes(tensor: keras.KerasTensor) -> int:
    """Returns the bytes of a layer's output for one window."""
    size = math.prod(side for side in tensor.shape[1:] if side is not None)
    return int(size) * _bytes_of(tensor.dtype)


def _itemsize(operation: Any) -> int:
    return _bytes_of(operation.compute_dtype)


def _bytes(variables: Iterable[keras.Variable]) -> int:
    return sum(math.prod(v.shape) * _bytes_of(v.dtype) for v in variables)


def _bytes_of(dtype: Any) -> int:
    name = keras.backend.standardize_dtype(dtype)
    return 2 if name in ("float16", "bfloat16") else 8 if name.endswith("64") else _FLOAT32
