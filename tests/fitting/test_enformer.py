"""Enformer is a model like the others: its size, its adapters, and LoRA on the demo's data."""

import json
import math

import keras
import numpy as np
import pytest

import whelp
from whelp.data import WindowFormat, from_arrays, read_targets, read_windows
from whelp.demo import demo_file
from whelp.inspection.skeleton import skeleton
from whelp.models import Role, SequenceModel
from whelp.specs import load_params

BINS = 64
BIN = 32  # bp, as the demo's tracks have them
CROP = 8


@pytest.fixture(scope="module")
def params(json_configs):
    """The shipped file, with few channels, 2 transformers, and bins and tracks of the demo."""
    params = json.loads((json_configs / "models/enformer.json").read_text())
    model = params["model"]
    dna, _, tower, transformers, crop, last = model["trunk"]
    model["seq_length"] = BINS * BIN
    dna["filters"] = 16
    tower |= {"filters_init": 16, "filters_end": 24, "divisible_by": 8, "repeat": 4}
    transformers |= {"repeat": 2, "heads": 2, "key_size": 8, "num_position_features": 12}
    crop["cropping"] = CROP
    last["filters"] = 32
    del model["head_human"]
    model["head_mouse"]["units"] = 32
    return params


@pytest.fixture(scope="module")
def model(params):
    """With random weights, those that would start from 0 among them."""
    model = SequenceModel(load_params(params).model, blank_trunk=True)
    random = np.random.default_rng(0)
    for name, variable in model.tensors().items():
        value = random.normal(size=variable.shape) * 0.2
        if len(variable.shape) > 1:
            value /= 0.2 * np.prod(variable.shape[:-1]) ** 0.5
        around_one = name.endswith(("gamma", "moving_variance"))
        variable.assign(1 + value if around_one else value)
    return model


@pytest.fixture(scope="module")
def sequence():
    return np.eye(5, 4, dtype="float32")[np.random.default_rng(1).integers(0, 5, (2, BINS * BIN))]


@pytest.fixture(scope="module")
def before(model, sequence):
    """What the model predicts as it is."""
    return model.predict(sequence, verbose=0)


def test_the_released_size(json_configs):
    """enformer-pytorch and DeepMind's module have 251,221,292 parameters that train."""
    model = skeleton(load_params(json_configs / "models/enformer.json").model, head="all")
    assert sum(math.prod(v.shape) for v in model.trainable_variables) == 251_221_292
    shapes = {name: tuple(output.shape) for name, output in model.output.items()}
    assert shapes == {"head_human": (None, 896, 5313), "head_mouse": (None, 896, 1643)}
    assert (model.stride, model.crop, model.target_length) == (128, 320, 896)
    towers = [model.tensors()[f"res_tower.{i}.conv/kernel"].shape[-1] for i in range(6)]
    assert towers == [768, 896, 1024, 1152, 1280, 1536]


METHODS = {
    "ia3": (Role.ATTENTION_KEY, Role.ATTENTION_VALUE, Role.FF_DOWN),
    "locon": (Role.ATTENTION_QUERY, Role.ATTENTION_VALUE, Role.CONV),
    "houlsby_se": (Role.RESIDUAL_ATTENTION, Role.RESIDUAL_FF, Role.CONV),
}


@pytest.mark.parametrize("method", METHODS)
def test_adapters(model, sequence, before, method):
    transfer = {"mode": "adapter", "adapter": method, "conv_select": "all"}
    adapted = whelp.adapt(model, transfer)
    roles = {site.role for site in adapted.sites.values() if site.adapter}
    assert roles == set(METHODS[method])
    # Squeeze-excite starts near the identity, not at it.
    within = 1e-3 if method == "houlsby_se" else 1e-5
    np.testing.assert_allclose(adapted.predict(sequence, verbose=0), before, atol=within)
    random = np.random.default_rng(2)
    for variable in adapted.adapter_tensors().values():
        variable.assign(variable + random.normal(size=variable.shape) * 0.2)
    after = adapted.predict(sequence, verbose=0)
    assert np.abs(after - before).max() > 1e-3
    if not method.startswith("houlsby"):
        np.testing.assert_allclose(
            whelp.merge(adapted).predict(sequence, verbose=0), after, atol=1e-5
        )


@pytest.mark.parametrize("method", ["norm_bias", "last_blocks"])
def test_methods_without_adapters(model, method):
    trained = whelp.adapt(model, {"mode": "adapter", "adapter": method}).trainable_tensors
    assert "transformer_tower.1.attention_norm/gamma" in trained
    assert "transformer_tower.0.attention.query/kernel" not in trained


def demo_windows(split):
    """The middle of the demo's windows, as base indexes and bins of 32 bp."""
    form = WindowFormat(131072, 2048, 32)
    files = sorted(demo_file("mm10/tfrecords").glob(f"{split}-*.tfr"))
    windows = [window for path in files for window in read_windows(path, form)]
    start, first = (131072 - BINS * BIN) // 2, (2048 - BINS) // 2 + CROP
    return (
        np.stack([w.sequence[start : start + BINS * BIN] for w in windows]),
        np.stack([w.target[first : first + BINS - 2 * CROP] for w in windows]),
    )


def test_lora_on_the_demo_data(model, sequence, tmp_path):
    adapted = whelp.adapt(model, {"mode": "adapter", "adapter": "lora", "adapter_latent": 4})
    targets = read_targets(demo_file("mm10/targets.txt"))
    data = from_arrays(*demo_windows("train"), targets=targets, batch_size=4, augment_rc=True)
    spec = {
        "batch_size": 4,
        "loss": "poisson_mn",
        "optimizer": "adam",
        "learning_rate": 0.02,
        "train_epochs_max": 3,
        "train_epochs_min": 3,
    }
    held_out = from_arrays(*demo_windows("valid"), batch_size=4)
    result = whelp.train(adapted, data, spec, validation=held_out)
    first, *_, last = result.history["loss"]
    assert last < first - 0.01
    frozen = model.tensors("trunk")
    for name, variable in adapted.tensors("trunk").items():
        np.testing.assert_array_equal(variable, frozen[name], err_msg=name)
    after = adapted.predict(sequence, verbose=0)
    np.testing.assert_allclose(whelp.merge(adapted).predict(sequence, verbose=0), after, atol=1e-5)
    whelp.save_adapter(adapted, tmp_path / "lora.safetensors")
    again = whelp.load_adapter(model, tmp_path / "lora.safetensors")
    np.testing.assert_array_equal(again.predict(sequence, verbose=0), after)


def test_a_saved_model_predicts_the_same(model, sequence, before, tmp_path):
    model.save(tmp_path / "enformer.keras")
    again = keras.models.load_model(tmp_path / "enformer.keras")
    np.testing.assert_array_equal(again.predict(sequence, verbose=0), before)
    whelp.save_weights(model, tmp_path / "enformer.h5")
    loaded = whelp.load({"model": model.spec.given()}, tmp_path / "enformer.h5")
    np.testing.assert_array_equal(loaded.predict(sequence, verbose=0), before)
