"""Every transfer method against the reference: as inserted, with its weights set, and merged."""

import re

import keras
import numpy as np
import pytest

import whelp
from whelp.weights import WeightsError
from whelp.weights.baskerville import keras2_layers

CASES = {
    "lora": {"adapter": "lora"},
    "lora_r4_a8": {"adapter": "lora", "adapter_latent": 4, "lora_alpha": 8},
    "lora_full": {"adapter": "lora_full"},
    "lora_conv2": {"adapter": "lora_conv", "conv_select": 2},
    "lora_conv_all": {"adapter": "lora_conv", "conv_select": "all"},
    "locon2": {"adapter": "locon", "conv_select": 2},
    "locon4_r8_a4": {"adapter": "locon", "conv_select": 4, "conv_latent": 8, "locon_alpha": 4},
    "locon_all": {"adapter": "locon", "conv_select": "all"},
    "houlsby": {"adapter": "houlsby"},
    "houlsby_se4": {"adapter": "houlsby_se", "conv_select": 4, "conv_latent": 16},
    "ia3_right": {"adapter": "ia3"},
}
# The reference rebuilds these graphs with another GELU than the model was pretrained with.
EXACT_GELU = ("locon", "houlsby", "ia3")
FOLDS = [name for name in CASES if not name.startswith("houlsby")]


def close(found, expected):
    """Within the tolerance of the set's README."""
    return (np.abs(np.asarray(found) - expected) <= 2e-5 + 1e-4 * np.abs(expected)).all()


@pytest.fixture
def transfer(unpack):
    return unpack("transfer")


def base_model(folder, case, *, gelu="gelu"):
    name = "mini_borzoi_ia3" if case.startswith("ia3") else "mini_borzoi"
    params = whelp.load_params(folder / f"{name}.params.json").to_dict()
    params["model"]["activation"] = gelu
    return whelp.load(params, folder / f"{name}.base.h5")


def inputs(folder, case):
    name = "mini_borzoi_ia3" if case.startswith("ia3") else "mini_borzoi"
    return np.eye(5, dtype="float32")[np.load(folder / f"{name}.base.npz")["x"]][..., :4]


def adapted_model(folder, case):
    gelu = "gelu_erf" if case.startswith(EXACT_GELU) else "gelu"
    return whelp.adapt(base_model(folder, case, gelu=gelu), {"mode": "adapter", **CASES[case]})


def set_values(model, arrays):
    """Assigns the arrays `set|layer/_part/weight` and `settrain|number|layer/weight:0`."""
    layers = keras2_layers(model)
    for key in (k for k in arrays.files if k.startswith("set")):
        layer, *rest = key.split("|")[-1].split("/")
        tail = "/".join(part.lstrip("_").removesuffix(":0") for part in rest if part != layer)
        weights = layers[layer].weights
        known = {
            re.sub("^ia3/", "ia3_ff/", k) if "dense" in layer else k: v for k, v in weights.items()
        }
        _, variable = known.get(tail) or known[f"{tail}/kernel"]
        variable.assign(np.reshape(arrays[key], variable.shape))


@pytest.mark.parametrize("case", CASES)
def test_against_the_reference(transfer, predict, case):
    arrays = np.load(transfer / f"{case}.npz")
    x = inputs(transfer, case)
    model = adapted_model(transfer, case)
    assert close(predict(model, x), arrays["y_inserted"])
    set_values(model, arrays)
    assert close(predict(model, x), arrays["y_set"])
    assert np.abs(arrays["y_set"] - arrays["y_inserted"]).max() > 1e-2
    if case in FOLDS:
        merged = whelp.merge(model)
        spread = float(np.ptp(arrays["y_set"]))
        assert np.abs(predict(merged, x) - predict(model, x)).max() <= 1e-5 * spread


@pytest.mark.parametrize("case", FOLDS)
def test_merged_weights_against_the_reference(transfer, predict, case):
    """With the GELU of pretraining, which the merged model has in the reference too."""
    arrays = np.load(transfer / f"{case}.npz")
    model = whelp.adapt(base_model(transfer, case), {"mode": "adapter", **CASES[case]})
    set_values(model, arrays)
    assert close(predict(whelp.merge(model), inputs(transfer, case)), arrays["y_merged"])


@pytest.mark.parametrize(
    "case", ["lora", "lora_full", "lora_conv2", "locon2", "locon_all", "ia3_right"]
)
def test_merged_file_is_the_reference_s(transfer, case, tmp_path):
    """Our merged .h5 holds the arrays of model_best.mergeW.h5, to rounding."""
    arrays = np.load(transfer / f"{case}.npz")
    model = whelp.adapt(base_model(transfer, case), {"mode": "adapter", **CASES[case]})
    set_values(model, arrays)
    whelp.save_weights(whelp.merge(model), tmp_path / "merged.h5")
    params = transfer / ("mini_borzoi_ia3" if case.startswith("ia3") else "mini_borzoi")
    params = params.with_name(f"{params.name}.params.json")
    ours = whelp.load(params, tmp_path / "merged.h5").tensors()
    theirs = whelp.load(params, transfer / f"{case}.merged.h5").tensors()
    for name, value in theirs.items():
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(ours[name]), keras.ops.convert_to_numpy(value), atol=1e-6
        )


@pytest.mark.parametrize(
    "case", ["lora", "lora_full", "lora_conv2", "locon2", "locon_all", "houlsby", "houlsby_se4",
             "ia3_right"]
)  # fmt: skip
def test_adapter_runs_of_the_reference_load(transfer, predict, case):
    """Its model_best.h5 of an adapter run, which it cannot load itself (but Houlsby's)."""
    arrays = np.load(transfer / f"{case}.npz")
    model = adapted_model(transfer, case)
    whelp.loading.load_weights(model, transfer / f"{case}.adapter.h5")
    assert close(predict(model, inputs(transfer, case)), arrays["y_set"])


def test_an_adapter_run_loads_with_its_own_params(transfer, predict):
    """Where the reference stops with a weight count mismatch (FAULTS: model_best.h5)."""
    arrays = np.load(transfer / "lora.npz")
    params = whelp.load_params(transfer / "mini_borzoi.params.json").to_dict()
    file = transfer / "lora.adapter.h5"
    with pytest.raises(WeightsError, match="holds adapter weights.*transfer section"):
        whelp.load(params, file)
    params["transfer"] = {"mode": "adapter", "adapter": "lora"}
    model = whelp.load(params, file)
    assert close(predict(model, inputs(transfer, "lora")), arrays["y_set"])
    assert close(predict(whelp.merge(model), inputs(transfer, "lora")), arrays["y_merged"])


def test_a_houlsby_run_loads_though_the_reference_left_its_json_as_it_was(transfer, predict):
    arrays = np.load(transfer / "houlsby.npz")
    params = whelp.load_params(transfer / "mini_borzoi.params.json").to_dict()
    params["model"]["activation"] = "gelu_erf"
    params["transfer"] = {"mode": "adapter", "adapter": "houlsby"}
    model = whelp.load(params, transfer / "houlsby.adapter.h5")
    assert close(predict(model, inputs(transfer, "houlsby")), arrays["y_set"])


@pytest.mark.parametrize("case", ["houlsby", "houlsby_se4"])
def test_the_json_s_adapter_keys_rebuild_houlsby(transfer, predict, case, tmp_path):
    arrays = np.load(transfer / f"{case}.npz")
    params = whelp.load_params(transfer / f"{case}.params.json").to_dict()
    params["model"]["activation"] = "gelu_erf"
    model = whelp.load(params, transfer / f"{case}.adapter.h5")
    x = inputs(transfer, case)
    assert close(predict(model, x), arrays["y_set"])
    whelp.save_weights(model, tmp_path / "again.h5")
    again = whelp.load(params, tmp_path / "again.h5")
    np.testing.assert_array_equal(predict(again, x), predict(model, x))


@pytest.mark.parametrize("case", ["houlsby", "houlsby_se4"])
def test_what_does_not_fold_says_so(transfer, case):
    with pytest.raises(ValueError, match="cannot be merged into plain weights"):
        whelp.merge(adapted_model(transfer, case))


@pytest.mark.parametrize("case", CASES)
def test_insertion_changes_nothing(transfer, predict, case):
    """Of a model with the GELU that it was pretrained with; FAULTS of the reference: another."""
    base = base_model(transfer, case)
    x = inputs(transfer, case)
    model = whelp.adapt(base, {"mode": "adapter", **CASES[case]})
    difference = np.abs(predict(model, x) - predict(base, x)).max()
    # Houlsby and squeeze-excite start from weights of 1e-3 rather than 0.
    assert difference <= (2e-5 if case.startswith("houlsby") else 1e-6)
