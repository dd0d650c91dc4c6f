"""Names of the package enformer-pytorch, of which `json_configs/models/enformer.json` is the model.

The package registers each part of its trunk twice, by name and by its place in `_trunk`: files hold
each tensor under one of two names, or under both.

Its gamma features of distances are those of the original only where `use_tf_gamma` is on, as it is
for the released weights; for models trained without, `position_features` is "enformer_pytorch".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from whelp.weights.porting import LazyTensor, Rule, conv_kernel, dense_kernel
from whelp.weights.torch_layers import affine, batch_norm, layer_norm, relative_attention

_PLACES = {
    "_trunk.1.": "stem.",
    "_trunk.2.": "conv_tower.",
    "_trunk.4.": "transformer.",
    "_trunk.6.": "final_pointwise.",
}


def enformer_pytorch_tensors(tensors: Mapping[str, LazyTensor]) -> dict[str, LazyTensor]:
    """Returns each tensor of a state dict once, under the name of its part."""
    named = {_by_part(name): tensor for name, tensor in tensors.items()}
    return {name: tensors.get(name, tensor) for name, tensor in named.items()}


def enformer_pytorch_rules() -> list[Rule]:
    """Returns where Enformer's tensors are in a state dict of enformer-pytorch."""
    tower, block = "conv_tower.{i}", "transformer.{i}"
    ours = "transformer_tower.{i}"
    return [
        *affine("stem.0", "conv_dna.conv", conv_kernel),
        *_convolution("stem.1.fn", "conv_nac_1"),
        _pool("stem.2", "conv_nac_1"),
        *_convolution(f"{tower}.0", "res_tower.{i}"),
        *_convolution(f"{tower}.1.fn", "res_tower.{i}", "_1"),
        _pool(f"{tower}.2", "res_tower.{i}"),
        *layer_norm(f"{block}.0.fn.0", f"{ours}.attention_norm"),
        *relative_attention(f"{block}.0.fn.1", f"{ours}.attention"),
        *layer_norm(f"{block}.1.fn.0", f"{ours}.ff_norm"),
        *affine(f"{block}.1.fn.1", f"{ours}.ff_up"),
        *affine(f"{block}.1.fn.4", f"{ours}.ff_down"),
        *_convolution("final_pointwise.1", "conv_nac_2"),
        *affine("_heads.human.0", "head_human.dense"),
        *affine("_heads.mouse.0", "head_mouse.dense"),
    ]


def _by_part(name: str) -> str:
    """The name of a tensor of `_trunk` by its part's own name."""
    for place, part in _PLACES.items():
        if name.startswith(place):
            return part + name.removeprefix(place)
    return name


def _convolution(theirs: str, ours: str, number: str = "") -> list[Rule]:
    """Norm, GELU, convolution; `number` is what the second of a group has behind its names."""
    norm = batch_norm(f"{theirs}.0", f"{ours}.norm{number}")
    return [*norm, *affine(f"{theirs}.2", f"{ours}.conv{number}", conv_kernel)]


def _pool(theirs: str, ours: str) -> Rule:
    return Rule(f"{theirs}.to_attn_logits.weight", f"{ours}.pool/logits/kernel", _logits_kernel)


def _logits_kernel(array: NDArray[Any]) -> NDArray[Any]:
    """Takes `(out, in, 1, 1)` of a convolution of windows to `(in, out)`."""
    return dense_kernel(array[..., 0])
