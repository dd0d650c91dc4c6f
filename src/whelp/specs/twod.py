"""Blocks of contact maps, from one dimension to two and back, and cropping of positions."""

from __future__ import annotations

from typing import Literal

from whelp.specs.base import (
    Above0,
    Activation,
    ConvType,
    Initializer,
    Natural,
    NonNegative,
    NormType,
    Positive,
    Rate,
    Whole,
)
from whelp.specs.conv import Block, Gamma


class CenterSlice(Block):
    """Keep the `center` positions in the middle."""

    name: Literal["center_slice"] = "center_slice"
    center: Positive


class CenterAverage(Block):
    """Average the `center` positions in the middle to one."""

    name: Literal["center_average"] = "center_average"
    center: Positive


class ConcatDist2d(Block):
    """Append the distance |i - j| as a feature."""

    name: Literal["concat_dist_2d"] = "concat_dist_2d"


class ConcatPosition(Block):
    """Append the position, counted from the middle, as a feature; null keeps its sign."""

    name: Literal["concat_position"] = "concat_position"
    transform: Literal["abs", "reversed"] | None = "abs"
    power: Whole = 1


class Cropping2d(Block):
    """Cut `cropping` positions from every side of a map."""

    name: Literal["cropping_2d"] = "cropping_2d"
    cropping: Natural


class OneToTwo(Block):
    """Make a map from pairs of positions.

    "multipy" is Baskerville's misspelling: there it is accepted, does not multiply, and stacks the
    pair on a fifth axis. "multiply" is what was meant.
    """

    name: Literal["one_to_two"] = "one_to_two"
    operation: Literal["mean", "max", "concat", "multiply", "multiply1", "multipy"] = "mean"


class Symmetrize2d(Block):
    """Average a map with its transpose."""

    name: Literal["symmetrize_2d"] = "symmetrize_2d"


class UpperTri(Block):
    """List the entries of a map from the `diagonal_offset`-th diagonal upwards."""

    name: Literal["upper_tri"] = "upper_tri"
    diagonal_offset: Natural = 2


class FactorInverse(Block):
    """Multiply by the fixed matrix in a .npy file, [features, outputs]."""

    name: Literal["factor_inverse"] = "factor_inverse"
    components_file: str


class _Conv2d(Block):
    activation: Activation | None = "relu"
    conv_type: ConvType = "standard"
    stride: Positive = 1
    l2_scale: NonNegative = 0
    pool_size: Positive = 1
    norm_type: NormType | None = None
    bn_momentum: Rate = 0.99
    norm_epsilon: Above0 = 1e-3
    kernel_initializer: Initializer = "he_normal"


class ConvBlock2d(_Conv2d):
    """Activation, convolution, normalisation, then dropout and pool, on a map."""

    name: Literal["conv_block_2d"] = "conv_block_2d"
    filters: Positive = 128
    kernel_size: Positive = 1
    dilation_rate: Positive = 1
    dropout: Rate = 0
    norm_gamma: Gamma | None = "ones"
    symmetric: bool = False


class DilatedResidual2d(_Conv2d):
    """Pairs of a dilated and a plain `conv_block_2d`, each pair added to its input."""

    name: Literal["dilated_residual_2d"] = "dilated_residual_2d"
    filters: Positive
    kernel_size: Positive = 3
    rate_mult: Above0 = 2
    dropout: Rate = 0
    repeat: Positive = 1
    symmetric: bool = True
