"""Checkpoints of TensorFlow, read without it."""

import shutil

import ml_dtypes
import numpy as np
import pytest

from whelp.weights import PortError
from whelp.weights.tensor_bundle import find_index, open_bundle

DATA = "numbers.data-00000-of-00001"


@pytest.fixture
def files(golden, tmp_path):
    for name in ("numbers.index", DATA):
        shutil.copy(golden / "enformer" / name, tmp_path)
    return tmp_path


def read(folder):
    with open_bundle(folder / "numbers.index") as tensors:
        return {name: np.asarray(tensor) for name, tensor in tensors.items()}


def test_variables_are_those_that_tensorflow_wrote(golden):
    arrays = read(golden / "enformer")
    with np.load(golden / "enformer/numbers.npz") as expected:
        assert set(expected.files) <= set(arrays)
        for name in expected.files:
            np.testing.assert_array_equal(arrays[name].astype(expected[name].dtype), expected[name])
    assert arrays["bfloat16"].dtype == ml_dtypes.bfloat16
    assert arrays["model/scalar"].shape == ()
    for n in range(150):
        np.testing.assert_array_equal(arrays[f"many/{n:03d}"], np.full((1, n), n))
    assert not any("text" in name for name in arrays)


def test_shapes_are_known_without_reading(files):
    with open_bundle(files / "numbers.index") as tensors:
        (files / DATA).write_bytes(b"")
        assert tensors["model/float32"].shape == (3, 4)


def test_half_a_file(files):
    data = (files / DATA).read_bytes()
    (files / DATA).write_bytes(data[: len(data) // 2])
    with pytest.raises(PortError, match="many/.*cannot be read.*missing or do not match"):
        read(files)


def test_a_changed_number(files):
    data = bytearray((files / DATA).read_bytes())
    data[100] ^= 1
    (files / DATA).write_bytes(data)
    with pytest.raises(PortError, match="do not match their check sum"):
        read(files)


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-1], lambda b: b[:40] + b"?" + b[41:], lambda b: b""]
)
def test_a_damaged_index(files, damage):
    index = files / "numbers.index"
    index.write_bytes(damage(index.read_bytes()))
    with pytest.raises(PortError, match="no index of a TensorFlow checkpoint.*damaged"):
        read(files)


def test_missing_files(files):
    (files / DATA).unlink()
    with pytest.raises(PortError, match=f"There is no file .*{DATA}.*beside the index"):
        read(files)
    (files / "numbers.index").unlink()
    with pytest.raises(PortError, match="There is no file .*numbers.index"):
        read(files)


def test_names_of_a_checkpoint(files):
    """The index, TensorFlow's own name, and the folder all mean the same."""
    index = files / "numbers.index"
    assert find_index(index) == find_index(files / "numbers") == find_index(files) == index
    assert find_index(files / "number") is None
    assert find_index(files / DATA) is None


def test_a_folder_says_which_checkpoint_is_the_newest(files, tmp_path_factory):
    shutil.copy(files / "numbers.index", files / "older.index")
    with pytest.raises(PortError, match=r"holds 2 checkpoints.*numbers\.index, older\.index.*Give"):
        find_index(files)
    for name in ("numbers", "/elsewhere/numbers"):
        (files / "checkpoint").write_text(
            f'model_checkpoint_path: "{name}"\nall_model_checkpoint_paths: "older"\n'
        )
        assert find_index(files) == files / "numbers.index"
    (files / "variables").mkdir()
    saved_model = shutil.copy(files / "numbers.index", files / "variables/variables.index")
    assert find_index(files) == saved_model
    with pytest.raises(PortError, match="holds 0 checkpoints"):
        find_index(tmp_path_factory.mktemp("empty"))
