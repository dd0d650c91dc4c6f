"""Adapter-only files: what they hold, what they refuse, swapping, other backends."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

import whelp
from whelp.adapters import AdapterError

METHODS = {
    "linear": {"mode": "linear"},
    **{
        name: {"mode": "adapter", "adapter": name}
        for name in ("lora", "lora_full", "lora_conv", "dora", "ia3", "locon", "houlsby")
    },
    "rslora": {"mode": "adapter", "adapter": "lora", "rslora": True},
    "houlsby_se": {"mode": "adapter", "adapter": "houlsby_se", "conv_select": 2},
    "norm_bias": {"mode": "adapter", "adapter": "norm_bias"},
    "last_blocks": {"mode": "adapter", "adapter": "last_blocks", "blocks": 1},
    "custom": {
        "mode": "adapter",
        "adapter": "custom",
        "method": "lora",
        "targets": ["ff.up", "transformer_tower.1.attention.output", "res_tower.[45].conv"],
    },
}


@pytest.fixture(scope="session")
def folder(unpack):
    return unpack("transfer")


@pytest.fixture(scope="session")
def base(folder):
    return whelp.load(folder / "mini_borzoi.params.json", folder / "mini_borzoi.base.h5")


@pytest.fixture(scope="session")
def x(folder):
    index = np.load(folder / "mini_borzoi.base.npz")["x"][:1]
    return np.eye(5, dtype="float32")[index][..., :4]


def trained(base, transfer, seed=0):
    """An adapted model whose trained tensors have moved, as training would move them."""
    model = whelp.adapt(base, transfer)
    rng = np.random.default_rng(seed)
    for variable in model.trainable_weights:
        value = keras.ops.convert_to_numpy(variable)
        variable.assign(value + rng.normal(0, 0.05, value.shape))
    return model


def predict(model, x):
    """Compiled as a whole on JAX, which is slow op by op."""
    if keras.backend.backend() == "jax":
        return model.predict(x, verbose=0)
    return np.asarray(model(x))


@pytest.mark.parametrize("method", METHODS)
def test_saved_and_loaded(method, base, x, tmp_path):
    model = trained(base, METHODS[method])
    before = predict(base, x)
    assert np.abs(predict(model, x) - before).max() > 1e-3
    path = tmp_path / "adapter.safetensors"
    whelp.save_adapter(model, path)
    again = whelp.load_adapter(base, path)
    np.testing.assert_array_equal(predict(again, x), predict(model, x))
    np.testing.assert_array_equal(predict(base, x), before)
    assert path.stat().st_size < 0.75 * sum(4 * np.prod(v.shape) for v in base.weights)


@pytest.mark.parametrize("method", METHODS)
def test_unmerging_gives_the_base_back(method, base):
    plain = whelp.unmerge(trained(base, METHODS[method]))
    for name, value in base.tensors("trunk").items():
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(plain.tensors()[name]), keras.ops.convert_to_numpy(value)
        )


def test_adapters_are_swapped_on_one_trunk(base, x, tmp_path):
    first, second = trained(base, METHODS["lora"], 1), trained(base, METHODS["houlsby"], 2)
    whelp.save_adapter(first, tmp_path / "1.safetensors")
    whelp.save_adapter(second, tmp_path / "2.safetensors")
    model = whelp.load_adapter(base, tmp_path / "2.safetensors")
    swapped = whelp.load_adapter(model, tmp_path / "1.safetensors")
    np.testing.assert_array_equal(predict(swapped, x), predict(first, x))


def test_the_base_may_have_another_head(base, folder, x, tmp_path):
    params = whelp.load_params(folder / "mini_borzoi.params.json").to_dict()
    params["model"]["head_human"]["units"] = 2
    small = whelp.load(params, folder / "mini_borzoi.base.h5", trunk=True)
    model = trained(small, METHODS["lora"])
    whelp.save_adapter(model, tmp_path / "a.safetensors")
    again = whelp.load_adapter(base, tmp_path / "a.safetensors")
    np.testing.assert_array_equal(predict(again, x), predict(model, x))


def test_another_base_is_refused(base, folder, tmp_path):
    whelp.save_adapter(trained(base, METHODS["lora"]), tmp_path / "a.safetensors")
    other = whelp.load(folder / "mini_borzoi.params.json")
    with pytest.raises(AdapterError, match="other base weights.*expected a base with digest"):
        whelp.load_adapter(other, tmp_path / "a.safetensors")
    wider = whelp.load(folder / "mini_borzoi_ia3.params.json")
    with pytest.raises(AdapterError, match="another architecture.*ff_up/kernel|ff_down"):
        whelp.load_adapter(wider, tmp_path / "a.safetensors")


def rewrite(path, *, metadata=None, arrays=None):
    with safe_open(path, framework="numpy") as file:
        old = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    save_file({**tensors, **(arrays or {})}, path, metadata={**old, **(metadata or {})})


def test_newer_formats_and_damaged_files_are_refused(base, tmp_path):
    path = tmp_path / "a.safetensors"
    whelp.save_adapter(trained(base, METHODS["lora"]), path)
    good = path.read_bytes()
    rewrite(path, metadata={"format_version": "2"})
    with pytest.raises(AdapterError, match="adapter format 2.*Upgrade whelp"):
        whelp.load_adapter(base, path)
    path.write_bytes(good)
    rewrite(path, arrays={"base/head_human.dense/bias": np.ones(6, "float32")})
    with pytest.raises(AdapterError, match="damaged.*digest"):
        whelp.load_adapter(base, path)
    path.write_bytes(good[:2000])
    with pytest.raises(AdapterError, match="truncated or of another format"):
        whelp.load_adapter(base, path)
    save_file({"a": np.zeros(2, "float32")}, path)
    with pytest.raises(AdapterError, match="not one of whelp.save_adapter"):
        whelp.load_adapter(base, path)
    with pytest.raises(AdapterError, match="There is no adapter file"):
        whelp.load_adapter(base, tmp_path / "none.safetensors")


def test_full_transfer_has_no_adapter(base, tmp_path):
    with pytest.raises(AdapterError, match="whelp.save_weights"):
        whelp.save_adapter(whelp.adapt(base, {"mode": "full"}), tmp_path / "a.safetensors")
    assert not list(tmp_path.iterdir())


def test_adapting_twice_and_wrong_targets(base):
    adapted = whelp.adapt(base, METHODS["lora"])
    with pytest.raises(ValueError, match=r"already has adapters \(lora\)"):
        whelp.adapt(adapted, METHODS["ia3"])
    with pytest.raises(ValueError, match="matches no layer"):
        whelp.adapt(base, {**METHODS["custom"], "targets": ["res_tower.9.*"]})
    with pytest.raises(ValueError, match="last 9 convolutions; the model has 8"):
        whelp.adapt(base, {"mode": "adapter", "adapter": "locon", "conv_select": 9})
    with pytest.raises(ValueError, match="last 5 transformer blocks; the model has 2"):
        whelp.adapt(base, {"mode": "adapter", "adapter": "last_blocks", "blocks": 5})


def test_no_convolutions_means_none(base):
    """In the reference conv_select 0 means all of them."""
    model = whelp.adapt(base, {"mode": "adapter", "adapter": "locon", "conv_select": 0})
    assert all("attention" in name for name in model.wrappers)


def test_houlsby_without_dropout(folder):
    """The reference finds its places by the dropout layers, and inserts nothing without them."""
    params = whelp.load_params(folder / "mini_borzoi.params.json").to_dict()
    tower = next(b for b in params["model"]["trunk"] if b["name"] == "transformer_tower")
    tower["dropout"] = 0
    model = whelp.adapt(whelp.load(params), METHODS["houlsby"])
    assert len(model.wrappers) == 4


def test_separable_projections_take_lora(unpack):
    """A KeyError in the reference."""
    blocks = unpack("blocks")
    model = whelp.load(blocks / "transformer_qkv3.json", blocks / "transformer_qkv3.h5")
    adapted = trained(model, METHODS["lora"])
    x = np.load(blocks / "transformer_qkv3.npz")["x"].astype("float32")
    merged = whelp.merge(adapted)
    np.testing.assert_allclose(predict(merged, x), predict(adapted, x), atol=1e-5)


def test_heads_of_several_layers_train_whole(unpack):
    """The reference trains only the last layer of a head that is a list."""
    blocks = unpack("blocks")
    model = whelp.adapt(whelp.load(blocks / "final_listhead.json"), {"mode": "linear"})
    layers = {v.path.split("/")[0] for v in model.trainable_weights}
    assert len(layers) > 1
    assert all(name.startswith("head_human.") for name in layers)


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow",
    reason="the run on TensorFlow goes both ways: its adapters to JAX, and JAX's back",
)
def test_adapters_move_between_backends(base, folder, x, tmp_path):
    methods = ("lora", "houlsby_se", "dora")
    models = {method: trained(base, METHODS[method]) for method in methods}
    for method, model in models.items():
        whelp.save_adapter(model, tmp_path / f"{method}.safetensors")
    np.save(tmp_path / "x.npy", x)
    script = (
        "import sys, numpy as np, whelp\n"
        "params, weights, out, *methods = sys.argv[1:]\n"
        "base, x = whelp.load(params, weights), np.load(out + '/x.npy')\n"
        "for method in methods:\n"
        "    model = whelp.load_adapter(base, f'{out}/{method}.safetensors')\n"
        "    np.save(f'{out}/{method}.npy', model.predict(x, verbose=0))\n"
        "    whelp.save_adapter(model, f'{out}/{method}_back.safetensors')\n"
    )
    files = [folder / "mini_borzoi.params.json", folder / "mini_borzoi.base.h5", tmp_path]
    subprocess.run(
        [sys.executable, "-c", script, *map(str, files), *methods],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        check=True,
        capture_output=True,
    )
    for method, model in models.items():
        here = predict(model, x)
        np.testing.assert_allclose(np.load(tmp_path / f"{method}.npy"), here, atol=1e-5)
        back = whelp.load_adapter(base, tmp_path / f"{method}_back.safetensors")
        np.testing.assert_array_equal(predict(back, x), here)


def test_metadata_is_readable(base, tmp_path):
    path = tmp_path / "a.safetensors"
    whelp.save_adapter(whelp.adapt(base, METHODS["lora"]), path)
    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
    assert metadata["method"] == "lora"
    assert json.loads(metadata["transfer"]) == METHODS["lora"]
    assert json.loads(metadata["model"])["seq_length"] == 16384
