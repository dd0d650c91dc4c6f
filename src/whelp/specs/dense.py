"""Dense blocks, the final layer, and the blocks named as the Keras layers that they are."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator

from whelp.specs.base import (
    Above0,
    Activation,
    Initializer,
    KerasActivation,
    Natural,
    NonNegative,
    NormType,
    Positive,
    Rate,
)
from whelp.specs.conv import Block, Gamma
from whelp.specs.errors import expected


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _cropping_1d(value: object) -> object:
    if _is_size(value):
        return value
    if isinstance(value, list) and len(value) == 2 and all(map(_is_size, value)):
        return value
    raise expected("a number of positions, at least 0, or a list of two: left and right")


def _cropping_2d(value: object) -> object:
    if _is_size(value):
        return value
    if isinstance(value, list) and len(value) == 2:
        pairs = [e for e in value if isinstance(e, list) and len(e) == 2 and all(map(_is_size, e))]
        if all(map(_is_size, value)) or len(pairs) == 2:
            return value
    raise expected("a number of positions, at least 0, or a list of two of them or of two pairs")


class _Dense(Block):
    units: Positive | None = None
    activation: Activation | None = "relu"
    flatten: bool = False
    dropout: Rate = 0
    l2_scale: NonNegative = 0
    l1_scale: NonNegative = 0
    residual: bool = False
    norm_type: NormType | None = None
    bn_momentum: Rate = 0.99
    norm_epsilon: Above0 = 1e-3
    norm_gamma: Gamma | None = None
    kernel_initializer: Initializer = "he_normal"


class DenseBlock(_Dense):
    """Activation, dense layer, normalisation, then dropout and residual."""

    name: Literal["dense_block"] = "dense_block"
    activation_end: Activation | None = None


class DenseNac(_Dense):
    """Normalisation, activation, dense layer, then dropout and residual."""

    name: Literal["dense_nac"] = "dense_nac"


class Final(Block):
    """The last layer of a head: `units` tracks."""

    name: Literal["final"] = "final"
    units: Positive
    activation: KerasActivation | None = "linear"
    flatten: bool = False
    kernel_initializer: Initializer = "he_normal"
    l2_scale: NonNegative = 0
    l1_scale: NonNegative = 0


class _KerasKernel(Block):
    """Constructor arguments that the Keras layers with a kernel share."""

    activation: KerasActivation | None = None
    use_bias: bool = True
    kernel_initializer: Initializer = "glorot_uniform"
    bias_initializer: Initializer = "zeros"


class KerasConv1D(_KerasKernel):
    """`keras.layers.Conv1D`."""

    name: Literal["Conv1D"] = "Conv1D"
    filters: Positive
    kernel_size: Positive
    strides: Positive = 1
    padding: Literal["valid", "same", "causal"] = "valid"
    dilation_rate: Positive = 1
    groups: Positive = 1


class KerasDense(_KerasKernel):
    """`keras.layers.Dense`."""

    name: Literal["Dense"] = "Dense"
    units: Positive


class KerasFlatten(Block):
    """`keras.layers.Flatten`."""

    name: Literal["Flatten"] = "Flatten"


class KerasCropping1D(Block):
    """`keras.layers.Cropping1D`: positions cut from both ends, or from the left and the right."""

    name: Literal["Cropping1D"] = "Cropping1D"
    cropping: Annotated[Natural | list[int], BeforeValidator(_cropping_1d)] = 1


class KerasCropping2D(Block):
    """`keras.layers.Cropping2D`: positions cut from the sides of a map."""

    name: Literal["Cropping2D"] = "Cropping2D"
    cropping: Annotated[Natural | list[int] | list[list[int]], BeforeValidator(_cropping_2d)] = 0
