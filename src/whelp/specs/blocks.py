"""All blocks of the JSON language by name, and how a model's defaults reach them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from whelp.specs.attention import (
    GlobalContext,
    SqueezeExcite,
    SwinTransformer,
    Transformer,
    TransformerTower,
    WheezeExcite,
)
from whelp.specs.base import KerasActivation
from whelp.specs.conv import (
    Block,
    ConvBlock,
    ConvDna,
    ConvNac,
    ConvNext,
    ConvnextTower,
    ConvTower,
    ConvTowerNac,
    ConvTowerV1,
    DilatedDense,
    DilatedResidual,
    DilatedResidualNac,
    ResTower,
    TconvNac,
    UnetConcat,
    UnetConv,
)
from whelp.specs.dense import (
    DenseBlock,
    DenseNac,
    Final,
    KerasConv1D,
    KerasCropping1D,
    KerasCropping2D,
    KerasDense,
    KerasFlatten,
)
from whelp.specs.errors import PathItem, SpecError, json_path, nearest
from whelp.specs.rotary import RotaryTower
from whelp.specs.twod import (
    CenterAverage,
    CenterSlice,
    ConcatDist2d,
    ConcatPosition,
    ConvBlock2d,
    Cropping2d,
    DilatedResidual2d,
    FactorInverse,
    OneToTwo,
    Symmetrize2d,
    UpperTri,
)

_CLASSES: tuple[type[Block], ...] = (
    CenterAverage,
    CenterSlice,
    ConcatDist2d,
    ConcatPosition,
    ConvBlock,
    ConvBlock2d,
    ConvDna,
    ConvNac,
    ConvNext,
    ConvTower,
    ConvTowerNac,
    ConvTowerV1,
    ConvnextTower,
    Cropping2d,
    DenseBlock,
    DenseNac,
    DilatedDense,
    DilatedResidual,
    DilatedResidual2d,
    DilatedResidualNac,
    FactorInverse,
    Final,
    GlobalContext,
    KerasConv1D,
    KerasCropping1D,
    KerasCropping2D,
    KerasDense,
    KerasFlatten,
    OneToTwo,
    ResTower,
    RotaryTower,
    SqueezeExcite,
    SwinTransformer,
    Symmetrize2d,
    TconvNac,
    Transformer,
    TransformerTower,
    UnetConcat,
    UnetConv,
    UpperTri,
    WheezeExcite,
)

BLOCKS: dict[str, type[Block]] = {cls.model_fields["name"].default: cls for cls in _CLASSES}
"""Block name in JSON -> its class."""

_TAKES_KERAS_ACTIVATION = (Final,)
# Blocks' own names for what Keras calls otherwise; their "gelu" is what Keras has no name for.
_AS_KERAS_ACTIVATION = {"gelu_erf": "gelu", "exp": "exponential"}


def parse_block(raw: object, *, path: Sequence[PathItem] = ()) -> Block:
    """Make a block from its JSON object.

    Args:
        raw: The object; an instance of `Block` is returned as it is.
        path: Where it stands in its file, for error messages.

    Raises:
        SpecError: The name is missing or unknown, or a key is wrong.
    """
    if isinstance(raw, Block):
        return raw
    if not isinstance(raw, Mapping):
        raise SpecError("a block: an object with the key name", path=json_path(path), value=raw)
    if "name" not in raw:
        raise SpecError(
            "the name of a block", path=json_path([*path, "name"]), problem="the key is missing"
        )
    name = raw["name"]
    if not isinstance(name, str) or name not in BLOCKS:
        raise SpecError(
            f"the name of a block: {', '.join(sorted(BLOCKS))}",
            path=json_path([*path, "name"]),
            value=name,
            suggestion=nearest(name, BLOCKS),
        )
    return BLOCKS[name].parse(raw, path=path)


def resolve_block(
    block: Block, defaults: Mapping[str, Any], *, path: Sequence[PathItem] = ()
) -> Block:
    """Fill in the model's defaults where a block has the key and does not set it.

    As in Baskerville, a default that is null, 0 or false is no default, a null in the block stays
    null, and blocks named as Keras' layers take no defaults.

    Args:
        block: The block as given.
        defaults: The model's `activation`, `norm_type` and so on, by key.
        path: Where the block stands in its file, for error messages.

    Raises:
        SpecError: The block needs a Keras activation, and Keras lacks the default one.
    """
    if block.name[0].isupper():
        return block
    keys = set(type(block).model_fields) - block.model_fields_set
    update = {key: value for key, value in defaults.items() if value and key in keys}
    if "activation" in update and isinstance(block, _TAKES_KERAS_ACTIVATION):
        given = update["activation"]
        update["activation"] = _AS_KERAS_ACTIVATION.get(given, given)
        if update["activation"] not in get_args(KerasActivation):
            raise SpecError(
                f"one of its own, because Keras lacks model.activation, {given!r}",
                path=json_path([*path, "activation"]),
                problem="the key is missing",
            )
    return block.model_copy(update=update) if update else block


__all__ = ["BLOCKS", "Block", "parse_block", "resolve_block", *(cls.__name__ for cls in _CLASSES)]
