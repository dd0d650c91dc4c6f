"""Trained and total parameters of transfer set-ups, against the reference's counts."""

import functools
import json

import pytest

import whelp
from whelp.models import SequenceModel
from whelp.specs import load_params


def _counts(golden) -> dict:
    return json.loads((golden / "param_counts.json").read_text())


@functools.lru_cache(maxsize=1)
def _plain(path: str) -> SequenceModel:
    return SequenceModel(load_params(path).model, blank_trunk=True)


def _size(variable) -> int:
    size = 1
    for dimension in variable.shape:
        size *= int(dimension)
    return size


def _run(golden, name):
    entry = _counts(golden)[name]
    family = name.partition("_")[0]
    path = (
        golden
        / "json"
        / "baskerville"
        / f"{'borzoilite_262k' if family == '262k' else family + '_full'}.json"
    )
    model = whelp.adapt(_plain(str(path)), entry["transfer"])
    return entry, model


LITE = [
    "borzoilite_full", "borzoilite_linear", "borzoilite_lora", "borzoilite_lora_r4",
    "borzoilite_lora_r16", "borzoilite_lora_full", "borzoilite_lora_full_r4",
    "borzoilite_lora_conv_c1", "borzoilite_lora_conv_c4", "borzoilite_lora_conv_c7",
    "borzoilite_locon4", "borzoilite_locon_c1_r4", "borzoilite_locon_c2_r8",
    "borzoilite_locon_c7_r4", "borzoilite_houlsby", "borzoilite_houlsby_l16",
    "borzoilite_houlsby_se_c2_r16", "borzoilite_houlsby_se_c6_r16", "borzoilite_se4",
    "borzoilite_ia3",
]  # fmt: skip
BORZOI = [
    "borzoi_full", "borzoi_linear", "borzoi_lora", "borzoi_lora_full", "borzoi_lora_conv_c4",
    "borzoi_locon4", "borzoi_locon_c7_r4", "borzoi_houlsby", "borzoi_se4",
    "borzoi_houlsby_se_c7_r16",
]  # fmt: skip
LONG = ["262k_full", "262k_houlsby", "262k_lora"]


@pytest.mark.parametrize("name", [*LITE, *BORZOI, *LONG])
def test_counts(golden, name):
    entry, model = _run(golden, name)
    assert sum(map(_size, model.weights)) == entry["total_params"]
    assert sum(map(_size, model.trainable_weights)) == entry["trainable_params"]


def test_ia3_of_borzoi_adapts_the_down_projections(golden):
    """8 key and 8 value vectors, and 8 of the width 3072 that enters the down-projections.

    The reference scales the inputs of the 8 up-projections and of 3 U-Net layers instead.
    """
    entry, model = _run(golden, "borzoi_ia3")
    head = 1920 * 4 + 4
    assert sum(map(_size, model.trainable_weights)) == head + 8 * (512 + 1536 + 3072)
    assert entry["trainable_params"] != head + 8 * (512 + 1536 + 3072)
    names = [n for n in model.wrappers if "attention" not in n]
    assert names == [f"transformer_tower.{i}.ff_down" for i in range(8)]
