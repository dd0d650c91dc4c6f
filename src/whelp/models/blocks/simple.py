"""Blocks of one layer: centre operations, excitation, 1-D to 2-D, and Keras' own layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from whelp import layers
from whelp.models.blocks.common import Tensor
from whelp.models.builder import GraphBuilder
from whelp.models.roles import Role
from whelp.specs import SpecError

Block = Callable[[GraphBuilder, Tensor, Any], Tensor]


def _one_layer(cls: type, name: str, *fields: str, role: Role | None = None) -> Block:
    """Makes a block of a layer class whose arguments are fields of the spec."""

    def block(g: GraphBuilder, x: Tensor, s: Any) -> Tensor:
        return g.layer(cls, name, role, **{field: getattr(s, field) for field in fields})(x)

    return block


def upper_tri(g: GraphBuilder, x: Tensor, s: Any) -> Tensor:
    """Unrolls a symmetric map to its upper triangle, `(batch, pairs, channels)`."""
    g.upper_triangle = True
    return g.layer(layers.UpperTri, "upper_tri", diagonal_offset=s.diagonal_offset)(x)


def one_to_two(g: GraphBuilder, x: Tensor, s: Any) -> Tensor:
    """Makes a map of pairs of positions.

    Raises:
      SpecError: The operation is "multipy", the reference's misspelling, which stacks the pair on
        a fifth axis that no block of the language can read.
    """
    if s.operation == "multipy":
        raise SpecError(
            '"multiply"; "multipy" is a misspelling in the reference, does not multiply and yields '
            "five axes",
            path="operation",
            value=s.operation,
        )
    return g.layer(layers.OneToTwo, "pairs", operation=s.operation)(x)


def _keras_layer(cls: type, name: str, role: Role | None = None) -> Block:
    """Makes a block of a Keras layer; the JSON's keys are the layer's arguments."""

    def block(g: GraphBuilder, x: Tensor, s: Any) -> Tensor:
        config = s.model_dump(exclude={"name"}, exclude_none=True)
        made = g.layer(cls, name, role, **config)
        if "strides" in config:
            steps = config["strides"]
            g.stride *= steps if isinstance(steps, int) else steps[0]
        return made(x)

    return block


SIMPLE_BLOCKS: dict[str, Block] = {
    "center_slice": _one_layer(layers.CenterSlice, "slice", "center"),
    "center_average": _one_layer(layers.CenterAverage, "average", "center"),
    "concat_dist_2d": _one_layer(layers.ConcatDist2D, "distance"),
    "concat_position": _one_layer(layers.ConcatPosition, "position", "transform", "power"),
    "cropping_2d": _one_layer(keras.layers.Cropping2D, "crop", "cropping"),
    "one_to_two": one_to_two,
    "symmetrize_2d": _one_layer(layers.Symmetrize2D, "symmetrize"),
    "upper_tri": upper_tri,
    "factor_inverse": _one_layer(layers.FactorInverse, "components", "components_file"),
    "global_context": _one_layer(layers.GlobalContext, "context", role=Role.CONTEXT),
    "wheeze_excite": _one_layer(layers.WheezeExcite, "excite", "pool_size", role=Role.EXCITE),
    "squeeze_excite": _one_layer(
        layers.SqueezeExcite,
        "excite",
        *("activation", "additive", "bottleneck_ratio", "norm_type", "bn_momentum"),
        *("use_bias", "kernel_initializer", "scale_fun"),
        role=Role.EXCITE,
    ),
    "Conv1D": _keras_layer(keras.layers.Conv1D, "conv", Role.CONV),
    "Dense": _keras_layer(keras.layers.Dense, "dense", Role.DENSE),
    "Cropping1D": _keras_layer(keras.layers.Cropping1D, "crop"),
    "Cropping2D": _keras_layer(keras.layers.Cropping2D, "crop"),
    "Flatten": _keras_layer(keras.layers.Flatten, "flatten"),
}
