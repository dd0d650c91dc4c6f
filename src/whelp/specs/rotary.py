"""Transformers with rotary positions, whelp's own block for Flashzoi: its keys and defaults."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from whelp.specs.base import Above0, Initializer, NonNegative, Positive, Rate
from whelp.specs.conv import Block
from whelp.specs.errors import SpecError, expected


class RotaryTower(Block):
    """Repeated transformers with rotary attention, then feed-forward as `transformer_tower`'s.

    A head has `width / heads` features, of which the first `rotary_size` are turned (all, where it
    is not given). `kv_heads` heads of keys and values serve all queries (as many, if not given).
    """

    name: Literal["rotary_tower"] = "rotary_tower"
    repeat: Positive = 2
    heads: Positive = 1
    kv_heads: Positive | None = None
    rotary_size: Positive | None = None
    rotary_base: Above0 = 10_000
    qkv_bias: bool = True
    dense_expansion: NonNegative = 2.0
    norm_epsilon: Above0 = Field(1e-3, description="of the layer norms")
    dropout: Rate = 0.25
    attention_dropout: Rate = 0.05
    l2_scale: NonNegative = 0
    mha_l2_scale: NonNegative = 0
    mha_initializer: Initializer = "he_normal"
    kernel_initializer: Initializer = "he_normal"

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.kv_heads is not None and self.heads % self.kv_heads:
            raise expected(f"a number that divides heads, {self.heads}", key="kv_heads")
        if self.rotary_size is not None and self.rotary_size % 2:
            raise expected("an even number: features are turned in pairs", key="rotary_size")
        return self

    def head_sizes(self, width: int) -> tuple[int, int]:
        """Return the features of a head and those that are turned, for an input of `width`.

        Raises:
            SpecError: `heads` does not divide the width, or the numbers do not fit the head.
        """
        if width % self.heads:
            wanted = f"a number that divides the width of the input, {width}"
            raise SpecError(wanted, path="heads", value=self.heads)
        size = width // self.heads
        rotary = size if self.rotary_size is None else self.rotary_size
        if rotary > size or rotary % 2:
            wanted = f"an even number of at most the {size} features of a head"
            raise SpecError(wanted, path="rotary_size", value=rotary)
        return size, rotary
