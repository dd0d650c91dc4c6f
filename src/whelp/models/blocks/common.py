"""What the blocks share: normalisation, convolution by type, pooling, regularisers, inner specs."""

from __future__ import annotations

from typing import Any, TypeAlias, TypeVar

import keras

from whelp.layers import SoftmaxPool1D
from whelp.models.builder import GraphBuilder
from whelp.models.roles import Role
from whelp.specs.blocks import Block

B = TypeVar("B", bound=Block)
Tensor: TypeAlias = Any  # keras.KerasTensor; Keras has no types that mypy can read.


def derive(cls: type[B], spec: Block, *, without: tuple[str, ...] = (), **values: Any) -> B:
    """Makes the spec of an inner block from the outer block's.

    Args:
      cls: Spec class of the inner block.
      spec: The outer spec; fields that both have are taken over.
      without: Fields that the outer block keeps to itself (the inner ones keep their defaults).
      **values: Fields of the inner block to set.
    """
    own = {"name", *without, *values}
    shared = {f: getattr(spec, f) for f in cls.model_fields if f not in own and hasattr(spec, f)}
    return cls.model_construct(**{**shared, **values})


def l1_l2(l1: float, l2: float) -> keras.regularizers.Regularizer | None:
    """Returns the weight penalty, or `None` where it is 0."""
    return keras.regularizers.L1L2(l1=l1, l2=l2) if l1 or l2 else None


def normalize(
    g: GraphBuilder,
    x: Tensor,
    s: Any,
    *,
    gamma: str | None = None,
    name: str = "norm",
) -> Tensor:
    """Applies the batch, synchronised batch or layer normalisation of a block's spec, or none."""
    config: dict[str, Any] = {"gamma_initializer": gamma or "ones", "epsilon": s.norm_epsilon}
    if s.norm_type in ("batch", "batch-sync"):
        # Under JAX statistics are already those of the global batch, and Keras refuses the flag.
        sync = s.norm_type == "batch-sync" and keras.backend.backend() == "tensorflow"
        config |= {"momentum": s.bn_momentum, "synchronized": sync}
        return g.layer(keras.layers.BatchNormalization, name, Role.NORM_BATCH, **config)(x)
    if s.norm_type == "layer":
        return g.layer(keras.layers.LayerNormalization, name, Role.NORM_LAYER, **config)(x)
    return x


def convolve(
    g: GraphBuilder,
    x: Tensor,
    *,
    filters: int | None,
    conv_type: str = "standard",
    kernel_initializer: str = "he_normal",
    l2_scale: float = 0,
    name: str = "conv",
    **config: Any,
) -> Tensor:
    """Applies a standard or separable convolution, 1-D or 2-D by the rank of `x`.

    The reference passes initialiser and penalty to separable convolutions under names that Keras
    ignores there, so they start from Glorot's initialiser without penalty; so they do here.
    """
    two_d = len(x.shape) == 4
    config = {"filters": filters or x.shape[-1], **config}
    if conv_type == "separable":
        cls = keras.layers.SeparableConv2D if two_d else keras.layers.SeparableConv1D
        name, role = f"separable_{name}", Role.CONV_SEPARABLE
    else:
        cls = keras.layers.Conv2D if two_d else keras.layers.Conv1D
        role = Role.CONV_2D if two_d else Role.CONV
        config |= {
            "kernel_initializer": kernel_initializer,
            "kernel_regularizer": l1_l2(0, l2_scale),
        }
    g.stride *= config.get("strides", 1)
    return g.layer(cls, name, role, **config)(x)


def dense(
    g: GraphBuilder,
    x: Tensor,
    units: int,
    *,
    name: str = "dense",
    role: Role = Role.DENSE,
    l1_scale: float = 0,
    l2_scale: float = 0,
    **config: Any,
) -> Tensor:
    """Applies a dense layer over the last axis."""
    config |= {"units": units, "kernel_regularizer": l1_l2(l1_scale, l2_scale)}
    return g.layer(keras.layers.Dense, name, role, **config)(x)


def pool(
    g: GraphBuilder, x: Tensor, size: int, pool_type: str = "max", padding: str = "same"
) -> Tensor:
    """Pools over `size` positions: maximum, or a weighted mean with softmax weights.

    The weights of `"softmax"` are those of positions, those of `"attention"` of channels too.
    """
    if size <= 1:
        return x
    g.stride *= size
    if pool_type in ("softmax", "attention"):
        per_channel = pool_type == "attention"
        layer = g.layer(SoftmaxPool1D, "pool", Role.POOL, pool_size=size, per_channel=per_channel)
        return layer(x)
    cls = keras.layers.MaxPooling2D if len(x.shape) == 4 else keras.layers.MaxPooling1D
    return g.layer(cls, "pool", pool_size=size, padding=padding)(x)
