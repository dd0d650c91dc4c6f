"""Names of the package borzoi-pytorch: ported Borzoi models, and Flashzoi.

Flashzoi (Hingerl, Karollus and Gagneur 2025) has rotary attention in the place of Borzoi's. The
package's `unet1` is the last repeat of whelp's residual tower; its U-Net parts are counted from the
output, whelp's from the input.
"""

from __future__ import annotations

from whelp.weights.porting import (
    Change,
    Rule,
    conv_kernel,
    dense_kernel,
    depthwise_kernel,
    rows,
)
from whelp.weights.torch_layers import affine, batch_norm, layer_norm, relative_attention

_REPEATS = 5  # Pools stand between them in the package's list.


def borzoi_pytorch_rules() -> list[Rule]:
    """Returns where Borzoi's and Flashzoi's tensors are in a state dict of borzoi-pytorch."""
    tower = [(f"res_tower.{2 * i}", f"res_tower.{i}") for i in range(_REPEATS)]
    return [
        *affine("conv_dna.conv_layer", "conv_dna.conv", conv_kernel),
        *(rule for theirs, ours in tower for rule in _block(theirs, ours)),
        *_block("unet1.1", f"res_tower.{_REPEATS}"),
        *relative_attention("transformer.{i}.0.fn.1", "transformer_tower.{i}.attention"),
        *_rotary_attention("transformer.{i}.0.fn.1.mha", "rotary_tower.{i}.attention"),
        *_transformer("transformer.{i}", "transformer_tower.{i}"),
        *_transformer("transformer.{i}", "rotary_tower.{i}"),
        *_unet("1", "unet_conv_1"),
        *_unet("0", "unet_conv_2"),
        *_block("final_joined_convs.0", "conv_nac"),
        *affine("human_head", "head_human.dense"),
        *affine("mouse_head", "head_mouse.dense"),
    ]


def _block(theirs: str, ours: str) -> list[Rule]:
    norm = batch_norm(f"{theirs}.norm", f"{ours}.norm")
    return [*norm, *affine(f"{theirs}.conv_layer", f"{ours}.conv", conv_kernel)]


def _transformer(theirs: str, ours: str) -> list[Rule]:
    return [
        *layer_norm(f"{theirs}.0.fn.0", f"{ours}.attention_norm"),
        *layer_norm(f"{theirs}.1.fn.0", f"{ours}.ff_norm"),
        *affine(f"{theirs}.1.fn.1", f"{ours}.ff_up"),
        *affine(f"{theirs}.1.fn.4", f"{ours}.ff_down"),
    ]


def _rotary_attention(theirs: str, ours: str) -> list[Rule]:
    # Keys and values have half of the queries' heads, and stand below them in one matrix.
    parts = {"query": (0, 2), "key": (2, 4), "value": (3, 4)}
    changes: dict[str, tuple[str, Change]] = {
        "weight": ("kernel", dense_kernel),
        "bias": ("bias", rows(0, 1)),
    }
    return [
        *(
            Rule(f"{theirs}.Wqkv.{a}", f"{ours}.{part}/{b}", rows(*place, then=change))
            for part, place in parts.items()
            for a, (b, change) in changes.items()
        ),
        *affine(f"{theirs}.out_proj", f"{ours}.output"),
    ]


def _unet(theirs: str, ours: str) -> list[Rule]:
    separable = f"separable{theirs}.conv_layer"
    return [
        *batch_norm(f"upsampling_unet{theirs}.0.norm", f"{ours}.up_norm"),
        *affine(f"upsampling_unet{theirs}.0.conv_layer", f"{ours}.up_dense"),
        *batch_norm(f"horizontal_conv{theirs}.norm", f"{ours}.skip_norm"),
        *affine(f"horizontal_conv{theirs}.conv_layer", f"{ours}.skip_dense"),
        Rule(f"{separable}.0.weight", f"{ours}.separable_conv/depthwise_kernel", depthwise_kernel),
        Rule(f"{separable}.1.weight", f"{ours}.separable_conv/pointwise_kernel", conv_kernel),
        Rule(f"{separable}.1.bias", f"{ours}.separable_conv/bias"),
    ]
