"""The section `transfer`: which parameters of a pretrained model are trained, and how."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from whelp.specs.base import Above0, ConvSelect, Positive, Spec
from whelp.specs.errors import expected

Adapter = Literal[
    "houlsby",
    "houlsby_se",
    "lora",
    "lora_full",
    "lora_conv",
    "ia3",
    "locon",
    "dora",
    "norm_bias",
    "last_blocks",
    "custom",
]
Method = Literal["lora", "dora", "ia3", "locon", "houlsby", "squeeze_excite"]


class TransferSpec(Spec):
    """The section `transfer`. From `rslora` on, keys are whelp's own.

    `conv_select` counts convolutions, separable ones aside, from the last of the model. 0 means
    none here and "all" means all; in Baskerville 0 means all.
    """

    mode: Literal["full", "linear", "adapter"] = "full"
    adapter: Adapter | None = None
    adapter_latent: Positive = Field(8, description="rank of LoRA, width of a Houlsby bottleneck")
    conv_select: ConvSelect = Field(
        4, description='convolutions adapted; 0 for none, "all" for all'
    )
    conv_latent: Positive = Field(4, description="rank of Locon and of squeeze-excite")
    lora_alpha: Above0 = Field(16, description="LoRA adds alpha / rank times its product")
    locon_alpha: Above0 = Field(1, description="Locon adds alpha / rank times its product")

    rslora: bool = Field(False, description="divide by the root of the rank (Kalajdzievski 2023)")
    targets: list[str] | None = Field(
        None, min_length=1, description="roles, or globs over layer names, that are adapted"
    )
    method: Method | None = Field(None, description="what `targets` are adapted by")
    blocks: Positive | None = Field(None, description="of last_blocks: how many transformers")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.mode == "adapter" and self.adapter is None:
            raise expected("an adapter, because mode is adapter", key="adapter")
        if self.mode != "adapter" and self.adapter is not None:
            raise expected(f'"adapter", because the adapter {self.adapter} is given', key="mode")
        if self.adapter == "custom" and (self.targets is None or self.method is None):
            raise expected("targets and method beside the adapter custom", key="adapter")
        if self.adapter != "custom" and (self.targets is not None or self.method is not None):
            key = "targets" if self.targets is not None else "method"
            raise expected('the adapter "custom" beside it', key=key)
        if self.blocks is not None and self.adapter != "last_blocks":
            raise expected('the adapter "last_blocks" beside it', key="blocks")
        return self
