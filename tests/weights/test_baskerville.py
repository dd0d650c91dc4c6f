"""The reference's .h5: round trips, and files that do not fit."""

import shutil

import h5py
import keras
import numpy as np
import pytest

import whelp
from whelp.weights import WeightsError


@pytest.fixture
def mini(unpack):
    folder = unpack("models")
    return folder / "mini_borzoi.params.json", folder / "mini_borzoi.h5"


def values(model):
    return {name: keras.ops.convert_to_numpy(v) for name, v in model.tensors().items()}


@pytest.mark.parametrize("trunk", [False, True])
def test_round_trip(mini, unpack, tmp_path, trunk):
    """Written as read: the same layers, names and arrays as the reference's own file."""
    params, path = mini
    model = whelp.load(params, path)
    whelp.save_weights(model, tmp_path / "again.h5", trunk=trunk)
    original = unpack("models") / ("mini_borzoi.trunk.h5" if trunk else "mini_borzoi.h5")
    with h5py.File(original) as old, h5py.File(tmp_path / "again.h5") as new:
        old, new = old["model_weights"], new["model_weights"]
        assert new.attrs["keras_version"] == old.attrs["keras_version"]
        weighted = [n for n in old.attrs["layer_names"] if len(old[n].attrs["weight_names"])]
        assert list(new.attrs["layer_names"]) == weighted
        for name in weighted:
            keys = list(old[name].attrs["weight_names"])
            assert list(new[name].attrs["weight_names"]) == keys
            for key in keys:
                np.testing.assert_array_equal(new[name][key], old[name][key])


def test_numbers_in_names_may_start_anywhere(mini, tmp_path):
    """A model built second in a session has conv1d_8 where the first has conv1d."""
    params, path = mini
    moved = tmp_path / "moved.h5"
    shutil.copy(path, moved)
    with h5py.File(moved, "a") as file:
        group = file["model_weights"]
        names = []
        for name in group.attrs["layer_names"]:
            if name.startswith("conv1d") and len(group[name].attrs["weight_names"]):
                number = int(name.partition("_")[2] or 0) + 8
                group.move(name, f"conv1d_{number}")
                inner = group[f"conv1d_{number}"]
                inner.move(name, f"conv1d_{number}")
                keys = [k.replace(name, f"conv1d_{number}") for k in inner.attrs["weight_names"]]
                inner.attrs["weight_names"] = keys
                name = f"conv1d_{number}"
            names.append(name)
        group.attrs["layer_names"] = names
    first, second = whelp.load(params, path), whelp.load(params, moved)
    for name, value in values(first).items():
        np.testing.assert_array_equal(values(second)[name], value)


def test_a_trunk_file_leaves_the_head_new_and_says_so(mini, unpack):
    params, path = mini
    trunk = unpack("models") / "mini_borzoi.trunk.h5"
    with pytest.warns(UserWarning, match="trunk without a head"):
        model = whelp.load(params, trunk)
    whole = whelp.load(params, path)
    same = values(whole)
    changed = [n for n, v in values(model).items() if not np.array_equal(v, same[n])]
    assert changed == ["head_human.dense/kernel", "head_human.dense/bias"]


def test_a_trunk_comes_out_of_a_whole_model_with_another_head(mini):
    params, path = mini
    spec = whelp.load_params(params).to_dict()
    spec["model"]["head_human"]["units"] = 3
    with pytest.raises(WeightsError, match=r"head_human.dense/kernel.*\(72, 3\).*\(72, 6\).*trunk"):
        whelp.load(spec, path)
    model = whelp.load(spec, path, trunk=True)
    name = "conv_dna.conv/kernel"
    np.testing.assert_array_equal(model.tensors()[name], whelp.load(params, path).tensors()[name])


def test_whole_file_into_a_trunk_model_needs_to_be_asked(mini):
    params, path = mini
    with pytest.raises(WeightsError, match="expected 8 dense layers.*found 9.*trunk=True"):
        whelp.load(params, path, head="trunk")


def test_weights_of_another_width(mini):
    params, path = mini
    spec = whelp.load_params(params).to_dict()
    spec["model"]["trunk"][0]["filters"] = 20
    with pytest.raises(WeightsError, match=r"conv_dna.conv/kernel.*\(15, 4, 20\).*\(15, 4, 24\)"):
        whelp.load(spec, path)


def test_nothing_is_changed_when_one_tensor_does_not_fit(mini):
    params, path = mini
    spec = whelp.load_params(params).to_dict()
    spec["model"]["head_human"]["units"] = 3
    model = whelp.load(spec)
    before = values(model)
    with pytest.raises(WeightsError):
        whelp.loading.load_weights(model, path)
    for name, value in values(model).items():
        np.testing.assert_array_equal(value, before[name])


def test_other_depth(mini):
    params, path = mini
    spec = whelp.load_params(params).to_dict()
    spec["model"]["trunk"][2]["repeat"] = 3
    with pytest.raises(WeightsError, match="expected 3 multihead_attention layers.*found 2"):
        whelp.load(spec, path)


def test_missing_truncated_and_foreign_files(mini, tmp_path):
    params, path = mini
    with pytest.raises(WeightsError, match="There is no weights file"):
        whelp.load(params, tmp_path / "nothing.h5")
    cut = tmp_path / "cut.h5"
    cut.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(WeightsError, match="truncated or of another format"):
        whelp.load(params, cut)
    text = tmp_path / "text.h5"
    text.write_text("not HDF5")
    with pytest.raises(WeightsError, match="truncated or of another format"):
        whelp.load(params, text)
    with h5py.File(tmp_path / "scores.h5", "w") as file:
        file["SAD"] = np.zeros(3)
    with pytest.raises(WeightsError, match="an HDF5 file of another kind"):
        whelp.load(params, tmp_path / "scores.h5")
    whelp.load(params).save_weights(tmp_path / "three.weights.h5")
    with pytest.raises(WeightsError, match="a Keras 3 weights file"):
        whelp.load(params, tmp_path / "three.weights.h5")


def test_an_index_that_names_missing_arrays(mini, tmp_path):
    params, path = mini
    damaged = tmp_path / "damaged.h5"
    shutil.copy(path, damaged)
    with h5py.File(damaged, "a") as file:
        del file["model_weights/conv1d_3/conv1d_3/kernel:0"]
    with pytest.raises(WeightsError, match="damaged.*conv1d_3"):
        whelp.load(params, damaged)


def test_a_failed_write_leaves_the_old_file(mini, tmp_path, monkeypatch):
    params, path = mini
    model = whelp.load(params, path)
    target = tmp_path / "w.h5"
    whelp.save_weights(model, target)
    before = target.read_bytes()
    adapted = whelp.adapt(model, {"mode": "adapter", "adapter": "lora"})
    with pytest.raises(WeightsError, match=r"whelp.merge first"):
        whelp.save_weights(adapted, target)
    assert target.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["w.h5"]
