"""Models with rotary attention: adapters, files, and numbers that do not fit."""

import json

import keras
import numpy as np
import pytest

import whelp
from whelp.inspection import model_facts, skeleton
from whelp.models import Role
from whelp.specs import ModelSpec, SpecError

LENGTH = 512


@pytest.fixture
def params(json_configs):
    """Flashzoi's parameter file at small size."""
    model = json.loads((json_configs / "models" / "flashzoi.json").read_text())["model"]
    blocks = {block["name"]: block for block in model["trunk"]}
    blocks["conv_dna"]["filters"] = 8
    blocks["res_tower"] |= {"filters_init": 8, "filters_end": 16, "divisible_by": 1}
    blocks["rotary_tower"] |= {"repeat": 2, "heads": 2, "kv_heads": 1, "rotary_size": 4}
    blocks["Cropping1D"]["cropping"] = 2
    blocks["conv_nac"]["filters"] = 12
    model |= {"head_human": {"name": "final", "units": 3, "activation": "softplus"}}
    return {"model": {**model, "seq_length": LENGTH}}


@pytest.fixture
def dna():
    bases = np.random.default_rng(2).integers(0, 4, (2, LENGTH))
    return np.eye(4, dtype="float32")[bases]


def randomise(variables):
    random = np.random.default_rng(3)
    for variable in variables:
        shift = 1.0 if variable.name.endswith("variance") else 0.0
        variable.assign(np.abs(random.normal(shift, 0.3, variable.shape)) + shift)


@pytest.mark.parametrize(("name", "count"), [("borzoi", 190_927_691), ("flashzoi", 197_104_459)])
def test_sizes_of_the_released_models(json_configs, name, count):
    """As many numbers as in the package's models."""
    params = whelp.load_params(json_configs / "models" / f"{name}.json")
    facts = model_facts(skeleton(params.model, head="all"))
    assert facts.heads == {"head_human": 7611, "head_mouse": 2608}
    assert (facts.seq_length, facts.stride, facts.target_length) == (524_288, 32, 6144)
    assert facts.total_parameters == count


@pytest.mark.parametrize("method", ["lora_full", "ia3", "houlsby"])
def test_adapters(params, dna, predict, method):
    base = whelp.load(params)
    randomise(base.tensors().values())
    transfer = {"mode": "adapter", "adapter": method, "adapter_latent": 2}
    adapted = whelp.adapt(base, transfer)
    expected = predict(base, dna)
    np.testing.assert_allclose(predict(adapted, dna), expected, rtol=1e-5, atol=1e-5)
    sites = {s.role for s in adapted.sites.values() if s.adapter is not None}
    wanted = Role.RESIDUAL_ATTENTION if method == "houlsby" else Role.ATTENTION_VALUE
    assert wanted in sites
    randomise(adapted.adapter_tensors().values())
    changed = predict(adapted, dna)
    assert np.abs(changed - expected).max() > 1e-3
    if method != "houlsby":
        merged = predict(whelp.merge(adapted), dna)
        np.testing.assert_allclose(merged, changed, rtol=1e-4, atol=1e-4 * changed.max())


@pytest.mark.parametrize("ending", ["h5", "keras"])
def test_files(params, dna, predict, tmp_path, ending):
    model = whelp.load(params)
    randomise(model.tensors().values())
    path = tmp_path / f"model.{ending}"
    if ending == "h5":
        whelp.save_weights(model, path)
        again = whelp.load(params, path)
    else:
        model.save(path)
        again = keras.models.load_model(path)
    np.testing.assert_array_equal(predict(again, dna), predict(model, dna))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"kv_heads": 3}, "kv_heads.*got 3.*divides heads, 4"),
        ({"rotary_size": 3}, "rotary_size.*got 3.*an even number"),
    ],
)
def test_keys_that_do_not_fit(params, keys, message):
    params["model"]["trunk"][2] |= {"heads": 4, **keys}
    with pytest.raises(SpecError, match=message):
        ModelSpec.parse(params["model"])


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"heads": 3, "kv_heads": 1}, "heads.*got 3.*divides the width of the input, 16"),
        ({"rotary_size": 10}, "rotary_size.*got 10.*at most the 8 features of a head"),
    ],
)
def test_widths_that_do_not_fit(params, keys, message):
    params["model"]["trunk"][2] |= keys
    with pytest.raises(SpecError, match=message):
        whelp.load(params)
