"""The section `model`: what the network is made of."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    SerializeAsAny,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from whelp.specs.base import (
    Above0,
    Activation,
    ConvSelect,
    Initializer,
    Natural,
    NonNegative,
    NormType,
    Padding,
    Positive,
    Rate,
    Spec,
    Whole,
)
from whelp.specs.blocks import Block, parse_block, resolve_block
from whelp.specs.errors import PathItem, SpecError, expected, nearest
from whelp.specs.provenance import Provenance

Transform = Literal["old", "new"]
"""Ways to squash coverage into targets; `whelp.scoring.untransform` has the formulas."""

GLOBALS = (
    "activation",
    "batch_norm",
    "bn_momentum",
    "norm_epsilon",
    "norm_type",
    "l2_scale",
    "l1_scale",
    "padding",
    "kernel_initializer",
)
"""Keys of the model that are defaults of its blocks."""


def _shifts(value: object) -> object:
    shifts = value if isinstance(value, list) else [value]
    if not shifts or any(isinstance(s, bool) or not isinstance(s, int) for s in shifts):
        raise expected("a whole number (the largest shift, in bp) or a list of shifts in bp")
    if isinstance(value, int) and value < 0:
        raise expected("a whole number, at least 0: the largest shift, in bp")
    return value


def _strand_pair(value: object) -> object:
    if not isinstance(value, list) or not all(isinstance(pair, list) for pair in value):
        raise expected(
            "a list with one list per head: for each track the index of its other strand"
        )
    for pair in value:
        if any(not _is_pair(pair, index) for index in range(len(pair))):
            raise expected(
                "for each track the index of its other strand, or its own, by which it is paired"
            )
    return value


def _is_pair(pair: Sequence[object], index: int) -> bool:
    other = pair[index]
    return isinstance(other, int) and 0 <= other < len(pair) and pair[other] == index


def _provenance(value: Any) -> object:
    return Provenance.parse(value) if isinstance(value, Mapping) else value


def _one_or_more(value: object) -> object:
    return value if isinstance(value, list) else [value]


AnyBlock = Annotated[SerializeAsAny[Block], BeforeValidator(parse_block)]
Blocks = Annotated[list[AnyBlock], Field(min_length=1), BeforeValidator(_one_or_more)]


class ModelSpec(Spec):
    """The section `model`, as given: blocks hold what the file says, without the defaults.

    Heads are the keys that start with "head", each a block or a list of blocks, in natural order
    (head2 before head10).
    """

    seq_length: Positive = Field(description="length of the input, bp")
    activation: Activation | None = Field(description="default of blocks, and after the trunk")
    trunk: Annotated[list[AnyBlock], Field(min_length=1)]
    heads: dict[str, Blocks] = Field(description="by key of the file")

    augment_rc: bool = Field(False, description="train on both strands")
    augment_shift: Annotated[Natural | list[Whole], BeforeValidator(_shifts)] = Field(
        default=[0], description="largest shift, or all shifts, bp"
    )
    strand_pair: Annotated[list[list[int]], BeforeValidator(_strand_pair)] = Field(
        default=[], description="per head, each track's other strand"
    )
    diagonal_offset: Natural = Field(2, description="of the maps that `upper_tri` lists")
    target_transform: Transform | None = Field(
        None, description="how the targets were squashed that the heads have learnt; whelp's own"
    )
    provenance: Annotated[Provenance | None, BeforeValidator(_provenance)] = Field(
        None, description="where the weights come from; whelp's own"
    )
    verbose: bool = True

    norm_type: NormType | None = None
    bn_momentum: Rate | None = None
    norm_epsilon: Above0 | None = Field(
        None, description="added to the variance by norms; whelp's own, 0.001 where not given"
    )
    l2_scale: NonNegative | None = None
    l1_scale: NonNegative | None = None
    padding: Padding | None = None
    kernel_initializer: Initializer | None = None
    batch_norm: bool = Field(False, description="read and not used: no block has this key")

    adapter: Literal["houlsby", "houlsby_se"] | None = Field(
        None, description="adapter in the graph, by which saved weights are read"
    )
    adapter_latent: Positive = 8
    se_rank: Positive | None = None
    conv_select: ConvSelect | None = Field(None, description='0 means none, "all" all')

    @classmethod
    def json_keys(cls) -> list[str]:
        """Keys of the section in a file: heads have theirs."""
        return sorted({*cls.model_fields, "head_human"} - {"heads"})

    @classmethod
    def suggest_key(cls, key: str) -> str | None:
        """Return the key that is probably meant by a misspelt one."""
        stem, bar, rest = key.partition("_")
        if bar and nearest(stem, ["head"]):
            return f"head_{rest}"
        return super().suggest_key(key)

    @model_validator(mode="before")
    @classmethod
    def _gather_heads(cls, raw: Any) -> Any:
        if not isinstance(raw, Mapping) or _is_gathered(raw.get("heads")):
            return raw
        names = sorted((key for key in raw if str(key).startswith("head")), key=_natural)
        rest = {key: value for key, value in raw.items() if key not in names}
        return {**rest, "heads": {name: raw[name] for name in names}}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.heads:
            raise expected('a key that starts with "head"', key="head_human")
        self.trunk_blocks()
        for name in self.heads:
            self.head_blocks(name)
        if len(self.strand_pair) > len(self.heads):
            raise expected(f"at most one list per head, {len(self.heads)}", key="strand_pair")
        if self.adapter == "houlsby_se" and (self.se_rank is None or self.conv_select is None):
            raise expected("se_rank and conv_select beside the adapter houlsby_se", key="adapter")
        return self

    @model_serializer(mode="wrap")
    def _spread_heads(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        data: dict[str, Any] = handler(self)
        for name, blocks in data.pop("heads", {}).items():
            data[name] = blocks[0] if len(blocks) == 1 else blocks
        return data

    def replaced(self, **keys: Any) -> ModelSpec:
        """Return the section with other values of some keys.

        Raises:
            SpecError: They do not fit.
        """
        return ModelSpec.parse({**self.given(), **keys}, path=["model"])

    def located(self, folder: str | Path) -> ModelSpec:
        """Return the section as read from a file in a folder: files that it names are found."""
        if self.provenance is None or self.provenance.windows is None:
            return self
        return self.model_copy(update={"provenance": self.provenance.located(folder)})

    def unlocated(self, folder: str | Path) -> ModelSpec:
        """Return the section as it is written to a file in a folder."""
        if self.provenance is None or self.provenance.windows is None:
            return self
        return self.model_copy(update={"provenance": self.provenance.unlocated(folder)})

    def defaults(self) -> dict[str, Any]:
        """Return what blocks take where they do not say otherwise, by key."""
        return {key: getattr(self, key) for key in GLOBALS}

    def trunk_blocks(self) -> list[Block]:
        """Return the trunk's blocks with the model's defaults filled in."""
        return self._resolved(self.trunk, ["trunk"])

    def head_blocks(self, head: int | str) -> list[Block]:
        """Return a head's blocks with the model's defaults filled in.

        Raises:
            SpecError: There is no such head.
        """
        name = self.head_name(head)
        return self._resolved(self.heads[name], [name])

    def head_name(self, head: int | str) -> str:
        """Return the key of a head.

        Args:
            head: Its index in natural order, its key, or the key without "head_".

        Raises:
            SpecError: There is no such head.
        """
        names = list(self.heads)
        if isinstance(head, int) and not isinstance(head, bool) and 0 <= head < len(names):
            return names[head]
        for name in (head, f"head_{head}"):
            if isinstance(name, str) and name in self.heads:
                return name
        known = ", ".join(f"{index} or {name!r}" for index, name in enumerate(names))
        raise SpecError(
            f"a head: {known}", path="model", value=head, problem=f"there is no head {head!r}"
        )

    def head_units(self, head: int | str) -> int | None:
        """Return the number of tracks of a head's last sized layer; None if no block says it."""
        for block in reversed(self.head_blocks(head)):
            units = getattr(block, "units", None) or getattr(block, "filters", None)
            if units is not None:
                return int(units)
        return None

    def _resolved(self, blocks: Sequence[Block], path: list[PathItem]) -> list[Block]:
        defaults = self.defaults()
        # A head of one block usually stands as an object, not as a list of one.
        is_single = path != ["trunk"] and len(blocks) == 1
        places = [path if is_single else [*path, index] for index in range(len(blocks))]
        return [
            resolve_block(block, defaults, path=place)
            for block, place in zip(blocks, places, strict=True)
        ]


def _is_gathered(heads: object) -> bool:
    return isinstance(heads, Mapping) and all(str(key).startswith("head") for key in heads)


def _natural(key: str) -> list[tuple[int, int, str]]:
    return [
        (0, int(part), "") if part.isdigit() else (1, 0, part)
        for part in re.split(r"(\d+)", key)
        if part
    ]
