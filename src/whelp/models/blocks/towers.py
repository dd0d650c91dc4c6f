"""Towers: convolution blocks repeated while the length shrinks and the channels grow."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from whelp.layers import Scale
from whelp.models.blocks.common import Tensor, derive, pool
from whelp.models.blocks.convolution import conv_block, conv_nac, conv_next
from whelp.models.builder import GraphBuilder
from whelp.models.roles import Role
from whelp.specs import blocks as specs


def widths(s: Any) -> Iterator[int]:
    """Yields the channels of each repeat: geometric from `filters_init`, rounded.

    Args:
      s: A spec with `filters_init`, `filters_end` or `filters_mult`, `divisible_by`, `repeat`.
    """
    factor = s.filters_mult
    if factor is None:
        ratio = s.filters_end / s.filters_init
        factor = math.exp(math.log(ratio) / (s.repeat - 1)) if s.repeat > 1 else 1.0
    width = float(s.filters_init)
    for _ in range(s.repeat):
        yield round(width / s.divisible_by) * s.divisible_by
        width *= factor


def conv_tower(g: GraphBuilder, x: Tensor, s: specs.ConvTower) -> Tensor:
    """Repeats `conv_block`, saving each output for U-Net connections."""
    return _plain_tower(g, x, s, conv_block, specs.ConvBlock)


def conv_tower_nac(g: GraphBuilder, x: Tensor, s: specs.ConvTowerNac) -> Tensor:
    """Repeats `conv_nac`, saving each output for U-Net connections."""
    return _plain_tower(g, x, s, conv_nac, specs.ConvNac)


def _plain_tower(g: GraphBuilder, x: Tensor, s: Any, block: Callable, cls: type) -> Tensor:
    for i, filters in enumerate(widths(s)):
        with g.scope(i):
            x = block(g, x, derive(cls, s, filters=filters))
        g.save(x)
    return x


def conv_tower_v1(g: GraphBuilder, x: Tensor, s: specs.ConvTowerV1) -> Tensor:
    """Repeats `conv_block` with widths rounded to whole numbers only; saves nothing."""
    width = float(s.filters_init)
    for i in range(s.repeat):
        with g.scope(i):
            x = conv_block(g, x, derive(specs.ConvBlock, s, filters=round(width)))
        width *= s.filters_mult
    return x


def res_tower(g: GraphBuilder, x: Tensor, s: specs.ResTower) -> Tensor:
    """Repeats residual groups of `conv_nac`; each is saved before it is pooled.

    Args:
      g: The graph under construction.
      x: `(batch, length, channels)`.
      s: The block's spec. Only the first convolution of a group has `kernel_size`.

    Returns:
      `(batch, length / pool_size ** repeat, filters of the last repeat)`.
    """
    kept = ("kernel_size", "dropout", "pool_size", "pool_type")
    for i, filters in enumerate(widths(s)):
        with g.scope(i):
            inner = derive(specs.ConvNac, s, without=kept, filters=filters)
            x = first = conv_nac(g, x, inner.model_copy(update={"kernel_size": s.kernel_size}))
            for _ in range(1, s.num_convs):
                x = conv_nac(g, x, inner)
            x = g.dropout(x, s.dropout, "tower_dropout")
            x = _residual(g, first, x, s.num_convs, scaled=s.residual_scale)
            g.save(x)
            x = pool(g, x, s.pool_size, s.pool_type)
    return x


def convnext_tower(g: GraphBuilder, x: Tensor, s: specs.ConvnextTower) -> Tensor:
    """Repeats residual groups of `conv_next`; each is saved after it is pooled."""
    kept = ("pool_size", "pool_type")
    for i, filters in enumerate(widths(s)):
        with g.scope(i):
            inner = derive(specs.ConvNext, s, without=kept, filters=filters)
            x = first = conv_next(g, x, inner)
            for _ in range(1, s.num_convs):
                x = conv_next(g, x, inner)
            x = pool(g, _residual(g, first, x, s.num_convs), s.pool_size, s.pool_type)
        g.save(x)
    return x


def _residual(
    g: GraphBuilder, first: Tensor, last: Tensor, num_convs: int, *, scaled: bool = True
) -> Tensor:
    if num_convs == 1:
        return last
    last = g.layer(Scale, "scale", Role.SCALE)(last) if scaled else last
    return g.add(first, last, "tower_residual")
