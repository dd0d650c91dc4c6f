"""Which positions a layer looks at: what makes a change of one base stay a local change."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras

from whelp.adapters.dora import Dora
from whelp.adapters.houlsby import Houlsby
from whelp.adapters.ia3 import Ia3
from whelp.adapters.locon import Locon
from whelp.adapters.lora import Lora
from whelp.layers import (
    Exp,
    Gelu,
    PolyReLU,
    Scale,
    SoftmaxPool1D,
    Softplus,
    WheezeExcite,
)


class Reach(NamedTuple):
    """The inputs of an output: position `i` looks at `i * step - before` to `i * step + after`.

    Attributes:
      step: Positions of the input that a position of the output stands for.
      before: Positions looked at before `i * step`.
      after: Positions looked at behind `i * step`, itself not counted.
    """

    step: int
    before: int
    after: int


POINTWISE = Reach(1, 0, 0)
"""Every position looks at itself alone."""

_POINTWISE = (
    keras.layers.Activation,
    keras.layers.Add,
    keras.layers.Dense,
    keras.layers.Dropout,
    keras.layers.ReLU,
    *(Exp, Gelu, PolyReLU, Softplus),
    Houlsby,
)
_ALONG_CHANNELS = (
    keras.layers.BatchNormalization,
    keras.layers.Concatenate,
    keras.layers.LayerNormalization,
    Scale,
)
_CONVOLUTIONS = (keras.layers.Conv1D, keras.layers.SeparableConv1D)
_LIKE_THEIR_BASE = (Dora, Ia3, Locon, Lora)


def reach_of(layer: Any, shape: tuple[int | None, ...]) -> Reach | None:
    """Says which positions of its input a layer looks at in prediction.

    Only classes that are known to be local are: whatever else (attention, squeeze-excite, a
    position as a channel, cropping) counts as seeing the whole length.

    Args:
      layer: A layer of a model.
      shape: Shape of its (first) input, `(batch, length, channels)`.

    Returns:
      The reach, or `None` for a layer that is not local.
    """
    length = shape[1] if len(shape) == 3 else None
    if length is None:
        return None
    if isinstance(layer, _LIKE_THEIR_BASE):
        return reach_of(layer.base, shape)
    if isinstance(layer, _POINTWISE):
        return POINTWISE
    if isinstance(layer, _ALONG_CHANNELS):
        return POINTWISE if _axes(layer) <= {-1, 2} else None
    if isinstance(layer, SoftmaxPool1D):
        return Reach(layer.pool_size, 0, layer.pool_size - 1)
    if isinstance(layer, WheezeExcite):
        return Reach(1, layer.pool_size // 2, layer.pool_size // 2)
    if isinstance(layer, _CONVOLUTIONS):
        span = (layer.kernel_size[0] - 1) * layer.dilation_rate[0] + 1
        return _window_reach(layer.padding, span, step=layer.strides[0], length=length)
    if isinstance(layer, keras.layers.MaxPooling1D):
        return _window_reach(
            layer.padding, layer.pool_size[0], step=layer.strides[0], length=length
        )
    return None


def _window_reach(padding: str, span: int, *, step: int, length: int) -> Reach:
    """Reach of a window of `span` positions that moves by `step` over `length` padded positions."""
    before = 0
    if padding == "causal":
        before = span - 1
    elif padding == "same":
        # The frameworks put the smaller half of the padding in front.
        before = max(0, (-(-length // step) - 1) * step + span - length) // 2
    return Reach(step, before, span - 1 - before)


def _axes(layer: Any) -> set[int]:
    """Axes along which a layer joins values or has weights of its own."""
    return {layer.axis} if isinstance(layer.axis, int) else set(layer.axis)
