"""Attention and excitation blocks: their keys and defaults, as Baskerville reads them."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from whelp.specs.base import (
    Above0,
    Activation,
    Initializer,
    Natural,
    NonNegative,
    NormType,
    Padding,
    Positive,
    Rate,
)
from whelp.specs.conv import Block
from whelp.specs.errors import SpecError, expected

PositionFeatures = Literal["central_mask", "enformer", "enformer_pytorch"]
"""Kinds of features of distances; `whelp.layers.relative_position` has the formulas."""


class _Attention(Block):
    """What every transformer takes. `heads` must divide the width of the input (or `out_size`).

    `position_features` and `norm_epsilon` are whelp's own keys; their defaults are what the
    reference does.
    """

    key_size: Positive
    heads: Positive = 1
    out_size: Positive | None = None
    activation: Activation | None = Field("relu", description="read and not used: always relu")
    dense_expansion: NonNegative = 2.0
    content_position_bias: bool = True
    dropout: Rate = 0.25
    attention_dropout: Rate = 0.05
    position_dropout: Rate = 0.01
    l2_scale: NonNegative = 0
    mha_l2_scale: NonNegative = 0
    num_position_features: Natural | None = None
    position_features: PositionFeatures = "central_mask"
    norm_epsilon: Above0 = 1e-3
    qkv_width: Positive = 1
    mha_initializer: Initializer = "he_normal"
    kernel_initializer: Initializer = "he_normal"

    @model_validator(mode="after")
    def _possible(self) -> Self:
        features = self.num_position_features
        if features is not None and features % self._feature_groups:
            wanted = "an even number: half of the features keep the sign of the distance"
            if self._feature_groups == 6:
                wanted = "a multiple of 6: three kinds of features, with and without the sign"
            raise expected(wanted, key="num_position_features")
        if self.out_size is not None and self.out_size % self.heads:
            raise expected(f"a number that divides out_size, {self.out_size}", key="heads")
        return self

    @property
    def _feature_groups(self) -> int:
        return 2 if self.position_features == "central_mask" else 6

    def position_feature_count(self, width: int) -> int:
        """Return the features of a distance, for an input of `width` features.

        Raises:
            SpecError: As `value_size` does.
        """
        if self.num_position_features is not None:
            return self.num_position_features
        return self.value_size(width) // self._feature_groups * self._feature_groups

    def value_size(self, width: int) -> int:
        """Return the features of one head's values, for an input of `width` features.

        Raises:
            SpecError: `heads` does not divide the width, or `out_size` differs from it, so that
                input and output cannot be added.
        """
        if self.out_size not in (None, width):
            raise SpecError(
                f"the width of the input, {width}, to which the output is added",
                path="out_size",
                value=self.out_size,
            )
        if width % self.heads:
            raise SpecError(
                f"a number that divides the width of the input, {width}",
                path="heads",
                value=self.heads,
            )
        return width // self.heads


class Transformer(_Attention):
    """Attention with relative positions, then feed-forward unless `dense_expansion` is 0."""

    name: Literal["transformer"] = "transformer"
    seqlen_train: Positive | None = None


class SwinTransformer(_Attention):
    """Two transformers, on halves of the sequence and on halves shifted by a quarter."""

    name: Literal["swin_transformer"] = "swin_transformer"


class TransformerTower(_Attention):
    """Repeated transformers.

    `norm_type`, `bn_momentum` and `padding` serve the convolution of block type "transformer2"
    alone. `adapter` and `latent` stand in some published files; they have no effect, there or here.
    """

    name: Literal["transformer_tower"] = "transformer_tower"
    repeat: Positive = 2
    block_type: Literal["transformer", "swin", "transformer2"] = "transformer"
    seqlen_train: Positive | None = None
    norm_type: NormType | None = None
    bn_momentum: Rate = 0.99
    padding: Padding = "same"
    adapter: str | None = None
    latent: Positive | None = None


class SqueezeExcite(Block):
    """Scale each channel by what a bottleneck makes of all channels' means (Hu et al. 2018)."""

    name: Literal["squeeze_excite"] = "squeeze_excite"
    activation: Activation | None = "relu"
    bottleneck_ratio: Positive = 8
    additive: bool = False
    norm_type: NormType | None = None
    bn_momentum: Rate = 0.9
    kernel_initializer: Initializer = "glorot_uniform"
    use_bias: bool = True
    scale_fun: Literal["sigmoid", "tanh"] = "sigmoid"


class WheezeExcite(Block):
    """Squeeze-excite over a window of `pool_size` positions, an odd number."""

    name: Literal["wheeze_excite"] = "wheeze_excite"
    pool_size: Positive

    @model_validator(mode="after")
    def _centred(self) -> Self:
        if self.pool_size % 2 == 0:
            raise expected("an odd number, so that the window has a centre", key="pool_size")
        return self


class GlobalContext(Block):
    """Add to each position what attention over all positions sums up (Cao et al. 2019)."""

    name: Literal["global_context"] = "global_context"
