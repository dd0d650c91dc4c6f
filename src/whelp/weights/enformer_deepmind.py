"""Names in DeepMind's checkpoint of Enformer; `json_configs/models/enformer.json` is the model.

The checkpoint names variables by the way to them through Sonnet's modules: `_layers/2/_layers/3` is
entry 3 of entry 2 of the trunk. Kernels lie as in Keras, so that nothing is turned.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from whelp.weights.porting import LazyTensor, PortError, Rule

_STEM, _TOWER, _TRANSFORMER, _FINAL = (f"_trunk/_layers/{i}" for i in (0, 1, 2, 4))
_WITHIN = re.compile(r"(?:^|.*?/)(?=_trunk/|_heads/)")


def enformer_deepmind_tensors(tensors: Mapping[str, LazyTensor]) -> dict[str, LazyTensor]:
    """Returns the variables under their names within the model, whatever it was saved as part of.

    Raises:
      PortError: The checkpoint holds more than one model.
    """
    named: dict[str, LazyTensor] = {}
    for name, tensor in tensors.items():
        short = _WITHIN.sub("", name, count=1)
        if short in named:
            raise PortError(
                f"It holds several variables {short!r}: expected a checkpoint of one model. "
                "Save the model alone."
            )
        named[short] = tensor
    return named


def enformer_deepmind_rules() -> list[Rule]:
    """Returns where Enformer's tensors are in a checkpoint of DeepMind's module."""
    tower, block, ours = f"{_TOWER}/_layers/{{i}}", f"{_TRANSFORMER}/_layers/{{i}}", "{i}"
    return [
        *_affine(f"{_STEM}/_layers/0", "conv_dna.conv"),
        *_convolution(f"{_STEM}/_layers/1/_module", "conv_nac_1"),
        _pool(f"{_STEM}/_layers/2", "conv_nac_1"),
        *_convolution(f"{tower}/_layers/0", f"res_tower.{ours}"),
        *_convolution(f"{tower}/_layers/1/_module", f"res_tower.{ours}", "_1"),
        _pool(f"{tower}/_layers/2", f"res_tower.{ours}"),
        *_attention(f"{block}/_layers/0/_module/_layers", f"transformer_tower.{ours}"),
        *_feed_forward(f"{block}/_layers/1/_module/_layers", f"transformer_tower.{ours}"),
        *_convolution(f"{_FINAL}/_layers/0", "conv_nac_2"),
        *_affine("_heads/human/_layers/0", "head_human.dense"),
        *_affine("_heads/mouse/_layers/0", "head_mouse.dense"),
        Rule("save_counter", None),
    ]


def _affine(theirs: str, ours: str) -> list[Rule]:
    return [Rule(f"{theirs}/w", f"{ours}/kernel"), Rule(f"{theirs}/b", f"{ours}/bias")]


def _norm(theirs: str, ours: str) -> list[Rule]:
    return [Rule(f"{theirs}/scale", f"{ours}/gamma"), Rule(f"{theirs}/offset", f"{ours}/beta")]


def _convolution(theirs: str, ours: str, number: str = "") -> list[Rule]:
    """Norm, GELU, convolution; `number` is what the second of a group has behind its names."""
    norm = f"{theirs}/_layers/0"
    return [
        *_norm(norm, f"{ours}.norm{number}"),
        *(
            Rule(f"{norm}/{moving}/average", f"{ours}.norm{number}/{moving}")
            for moving in ("moving_mean", "moving_variance")
        ),
        # What an average is made from; it is what the model uses.
        *(
            Rule(f"{norm}/{moving}/{part}", None)
            for moving in ("moving_mean", "moving_variance")
            for part in ("_counter", "_hidden")
        ),
        *_affine(f"{theirs}/_layers/2", f"{ours}.conv{number}"),
    ]


def _pool(theirs: str, ours: str) -> Rule:
    return Rule(f"{theirs}/_logit_linear/w", f"{ours}.pool/logits/kernel")


def _attention(theirs: str, ours: str) -> list[Rule]:
    projections = {
        "_q_layer": "query",
        "_k_layer": "key",
        "_v_layer": "value",
        "_r_k_layer": "position",
    }
    return [
        *_norm(f"{theirs}/0", f"{ours}.attention_norm"),
        *(
            Rule(f"{theirs}/1/{a}/w", f"{ours}.attention.{b}/kernel")
            for a, b in projections.items()
        ),
        *_affine(f"{theirs}/1/_embedding_layer", f"{ours}.attention.output"),
        Rule(f"{theirs}/1/_r_w_bias", f"{ours}.attention/r_w_bias"),
        Rule(f"{theirs}/1/_r_r_bias", f"{ours}.attention/r_r_bias"),
    ]


def _feed_forward(theirs: str, ours: str) -> list[Rule]:
    return [
        *_norm(f"{theirs}/0", f"{ours}.ff_norm"),
        *_affine(f"{theirs}/1", f"{ours}.ff_up"),
        *_affine(f"{theirs}/4", f"{ours}.ff_down"),
    ]
