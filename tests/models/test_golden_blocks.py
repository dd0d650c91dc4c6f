"""Every block of the JSON language against the reference's output for it."""

import json
import tarfile
from pathlib import Path

import numpy as np
import pytest

from whelp.loading import load
from whelp.models import ensemble
from whelp.specs import SpecError
from whelp.weights.baskerville import graph_layers, open_weights, read_layers

ARCHIVE = Path(__file__).parent.parent / "golden" / "blocks.tar.xz"
with tarfile.open(ARCHIVE) as _archive:
    INDEX = json.load(_archive.extractfile("blocks/index.json"))

RUNS = sorted(name for name, entry in INDEX.items() if entry["status"] == "ok")
# The reference's misspelling of "multiply" stacks pairs on a fifth axis; refused by name here.
REFUSED = {
    "one_to_two_multipy": "multiply",
    "transformer_odd_posfeat": "even number",
    "transformer_tower_lambda": "block_type",
    "unet_conv_nomatch": "no representation of length 256",
    "wheeze_excite_even": "odd number",
}
# Blocks that crash there and have a right answer: the shape that they should have.
REPAIRED = {
    "conv_dna_se": (1024, 3),
    "conv_nac_se": (512, 3),
    "conv_block_act_polyrelu": (512, 3),
    "conv_block_act_exp": (512, 3),
    "conv_tower_v1": (512, 3),
    "transformer_out_size": (64, 3),
    "transformer_tower_transformer2": (64, 3),
    "squeeze_excite": (512, 3),
    "one_to_two_multiply": (32, 32, 3),
}


@pytest.fixture
def blocks(unpack, monkeypatch):
    """The unpacked set; paths in its JSONs are relative to it."""
    folder = unpack("blocks")
    monkeypatch.chdir(folder)
    return folder


def _tolerance(name: str) -> float:
    # The set's README: activations of these reach 15 to 65536, and rounding with them.
    return 5e-5 if name.startswith(("concat_position", "akita_like")) else 1e-5


@pytest.mark.parametrize("name", [name for name in RUNS if name not in REFUSED])
def test_block(blocks, predict, name):
    """Its output, the order of its layers in a file, and its lengths."""
    model = load(blocks / f"{name}.json", blocks / f"{name}.h5")
    arrays = np.load(blocks / f"{name}.npz")
    x = arrays["x"].astype("float32")
    expected = arrays["y"]
    scale = max(1.0, np.abs(expected).max())
    assert np.abs(predict(model, x) - expected).max() <= _tolerance(name) * scale
    if "y_ensemble_rc_0_1_-1" in arrays:
        averaged = predict(ensemble(model, rc=True, shifts=[0, 1, -1]), x)
        difference = np.abs(averaged - arrays["y_ensemble_rc_0_1_-1"]).max()
        assert difference <= _tolerance(name) * scale
    check_order(model, blocks / f"{name}.h5")
    check_lengths(model, name)


def check_order(model, path):
    """Keras 2 reads weights by position, so the graph's order must be its order."""
    with open_weights(path) as group:
        theirs = [layer.prefix for layer in read_layers(group, path)]
    assert [layer.prefix for layer in graph_layers(model)] == theirs


def check_lengths(model, name):
    """Equal to the reference's, except where it does not count softmax pooling, or rounds."""
    entry = INDEX[name]
    assert model.target_length == entry["target_lengths"][0]
    if "softmax" in name:
        assert model.stride > entry["strides"][0]
        assert model.stride * model.target_length == entry["params"]["seq_length"]
        assert model.crop == 0
    elif name not in ("conv_dna_usebias_true", "conv_nac_pool_odd"):
        assert model.stride == entry["strides"][0]
        if not model.upper_triangle:
            assert model.crop == entry["target_crops"][0]


def test_stride_of_a_pool_that_does_not_divide_the_length(blocks):
    """3 and 6 bp a bin, where the reference says 2 and 5."""
    assert load(blocks / "conv_dna_usebias_true.json").stride == 3
    assert load(blocks / "conv_nac_pool_odd.json").stride == 6


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_cannot_work_is_refused_by_name(blocks, name):
    with pytest.raises((SpecError, ValueError), match=REFUSED[name]):
        load(blocks / f"{name}.json")


@pytest.mark.parametrize("name", sorted(REPAIRED))
def test_what_crashes_in_the_reference_works(blocks, predict, name):
    assert INDEX[name]["status"] != "ok"
    model = load(blocks / f"{name}.json")
    assert model.output_shape == (None, *REPAIRED[name])
    x = np.eye(4, dtype="float32")[np.random.default_rng(0).integers(0, 4, (2, 1024))]
    y = predict(model, x)
    assert np.isfinite(y).all()
    assert y.std() > 0
