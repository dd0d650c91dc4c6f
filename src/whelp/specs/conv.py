"""Convolution blocks and towers: their keys and defaults, as Baskerville reads them.

Lengths and widths are in positions of the block's own input; rates and scales have no unit.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from whelp.specs.base import (
    Above0,
    Activation,
    ConvType,
    Initializer,
    NonNegative,
    NormType,
    Padding,
    PoolType,
    Positive,
    Rate,
    Spec,
)
from whelp.specs.errors import expected

Gamma = Literal["zeros", "ones"]


class Block(Spec):
    """One entry of `trunk` or of a head. `name` says which."""

    name: str

    @model_validator(mode="after")
    def _strides_or_dilates(self) -> Self:
        if getattr(self, "dilation_rate", 1) > 1:
            stride = "strides" if hasattr(self, "strides") else "stride"
            if getattr(self, stride, 1) > 1:
                raise expected("1 beside dilation_rate above 1", key=stride)
        return self


class _Normed(Block):
    """Keys of every block that may normalise."""

    activation: Activation | None = "relu"
    norm_type: NormType | None = None
    bn_momentum: Rate = 0.99
    norm_epsilon: Above0 = 1e-3
    l2_scale: NonNegative = 0
    kernel_initializer: Initializer = "he_normal"


class _Strided(_Normed):
    stride: Positive = 1
    conv_type: ConvType = "standard"


class _Pooled(_Strided):
    pool_size: Positive = 1
    pool_type: PoolType = "max"
    padding: Padding = "same"


class _ConvOptions(_Pooled):
    """What `conv_block` takes besides its size."""

    activation_end: Activation | None = None
    residual: bool = False


class _NacOptions(_Strided):
    """What `conv_nac` takes besides its size and pooling."""

    residual: bool = False
    norm_gamma: Gamma | None = None
    padding: Padding = "same"
    se: bool = False


class _Tower(Block):
    """Keys of towers whose width grows from one repeat to the next."""

    filters_init: Positive
    filters_end: Positive | None = None
    filters_mult: Above0 | None = None
    divisible_by: Positive = 1
    repeat: Positive = 1

    @model_validator(mode="after")
    def _grows(self) -> Self:
        if self.filters_mult is None and self.filters_end is None:
            raise expected(
                "filters_end or filters_mult, to say how the width grows", key="filters_end"
            )
        return self


class ConvBlock(_ConvOptions):
    """Activation, convolution, normalisation, then dropout, residual and pool."""

    name: Literal["conv_block"] = "conv_block"
    filters: Positive | None = None
    kernel_size: Positive = 1
    dilation_rate: Positive = 1
    dropout: Rate = 0
    norm_gamma: Gamma | None = None


class ConvDna(_Pooled):
    """The first convolution, on one-hot DNA."""

    name: Literal["conv_dna"] = "conv_dna"
    filters: Positive | None = None
    kernel_size: Positive = 15
    residual: bool = False
    dropout: Rate = 0
    dropout_residual: Rate = 0
    norm_gamma: Gamma | None = None
    use_bias: bool | None = None
    se: bool = False


class ConvNac(_NacOptions):
    """Normalisation, activation, convolution, then dropout, residual and pool."""

    name: Literal["conv_nac"] = "conv_nac"
    filters: Positive | None = None
    kernel_size: Positive = 1
    dilation_rate: Positive = 1
    dropout: Rate = 0
    pool_size: Positive = 1
    pool_type: PoolType = "max"


class _NextOptions(_Normed):
    """What `conv_next` takes besides its size and pooling.

    `norm_type` and `bn_momentum` are read and not used: a ConvNeXt block has a layer norm.
    """

    norm_epsilon: Above0 = 1e-5
    kernel_size: Positive = 7
    dense_expansion: NonNegative = 2.0
    dilation_rate: Positive = 1
    dropout: Rate = 0
    residual: bool = False
    pool_size: Positive = 1
    pool_type: PoolType = "max"
    padding: Padding = "same"


class ConvNext(_NextOptions):
    """ConvNeXt block (Liu et al. 2022) with a separable convolution."""

    name: Literal["conv_next"] = "conv_next"
    filters: Positive | None = None


class ConvTower(_ConvOptions, _Tower):
    """Repeated `conv_block` of growing width."""

    name: Literal["conv_tower"] = "conv_tower"
    kernel_size: Positive = 1
    dilation_rate: Positive = 1
    dropout: Rate = 0
    norm_gamma: Gamma | None = None


class ConvTowerV1(_ConvOptions):
    """Repeated `conv_block` of multiplied width; Baskerville has it but cannot reach it."""

    name: Literal["conv_tower_v1"] = "conv_tower_v1"
    filters_init: Positive
    filters_mult: Above0 = 1
    repeat: Positive = 1
    kernel_size: Positive = 1
    dilation_rate: Positive = 1
    dropout: Rate = 0
    norm_gamma: Gamma | None = None


class ConvTowerNac(_NacOptions, _Tower):
    """Repeated `conv_nac` of growing width."""

    name: Literal["conv_tower_nac"] = "conv_tower_nac"
    kernel_size: Positive = 1
    dilation_rate: Positive = 1
    dropout: Rate = 0
    pool_size: Positive = 1
    pool_type: PoolType = "max"


class ResTower(_NacOptions, _Tower):
    """Residual groups of `conv_nac`, each with a pool; `kernel_size` is that of a group's first.

    What is added to a group's first convolution is multiplied by a learned scale of each channel,
    from 0 on, unless `residual_scale` is off.
    """

    name: Literal["res_tower"] = "res_tower"
    kernel_size: Positive = 1
    dilation_rate: Positive = 1
    dropout: Rate = 0
    pool_size: Positive = 2
    pool_type: PoolType = "max"
    num_convs: Positive = 2
    residual_scale: bool = True


class ConvnextTower(_NextOptions, _Tower):
    """Residual groups of `conv_next`, each followed by a pool."""

    name: Literal["convnext_tower"] = "convnext_tower"
    kernel_size: Positive = 1
    pool_size: Positive = 2
    num_convs: Positive = 2


class TconvNac(_Normed):
    """Normalisation, activation, transposed convolution."""

    name: Literal["tconv_nac"] = "tconv_nac"
    filters: Positive | None = None
    kernel_size: Positive = 1
    stride: Positive = 1
    dropout: Rate = 0
    conv_type: ConvType = "standard"
    norm_gamma: Gamma | None = None
    padding: Padding = "same"


class _Unet(_Normed):
    stride: Positive = 2
    dropout: Rate = 0
    kernel_size: Positive = 1


class UnetConv(_Unet):
    """Upsample, add the tower's representation of that length, separable convolution."""

    name: Literal["unet_conv"] = "unet_conv"
    upsample_conv: bool = False


class UnetConcat(_Unet):
    """Upsample, concatenate with the tower's representation of that length, convolve."""

    name: Literal["unet_concat"] = "unet_concat"


class DilatedDense(_ConvOptions):
    """Dilated `conv_block`s, each concatenated to its input. `dropout` is read and not used."""

    name: Literal["dilated_dense"] = "dilated_dense"
    filters: Positive
    kernel_size: Positive = 3
    rate_mult: Above0 = 2
    dropout: Rate = 0
    norm_gamma: Gamma | None = None
    repeat: Positive = 1


class DilatedResidual(_ConvOptions):
    """Pairs of a dilated and a plain `conv_block`, each pair added to its input."""

    name: Literal["dilated_residual"] = "dilated_residual"
    filters: Positive
    kernel_size: Positive = 3
    rate_mult: Above0 = 2
    dropout: Rate = 0
    repeat: Positive = 1
    round: bool = False


class DilatedResidualNac(_NacOptions):
    """Pairs of a dilated and a plain `conv_nac`, each pair added to its input."""

    name: Literal["dilated_residual_nac"] = "dilated_residual_nac"
    filters: Positive
    kernel_size: Positive = 3
    rate_mult: Above0 = 2
    dropout: Rate = 0
    repeat: Positive = 1
    pool_size: Positive = 1
    pool_type: PoolType = "max"
