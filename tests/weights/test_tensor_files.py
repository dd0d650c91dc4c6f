"""Files of PyTorch, read without it: every kind of number, and files that are refused."""

import sys
from pathlib import Path

import numpy as np
import pytest

from whelp.weights import PortError
from whelp.weights.tensor_files import open_tensors


@pytest.fixture
def ports(golden):
    return golden / "ports"


@pytest.mark.parametrize("name", ["state.bin", "state.safetensors", "checkpoint.ckpt"])
def test_every_kind_of_tensor(ports, name):
    with np.load(ports / "values.npz") as expected, open_tensors(ports / name) as tensors:
        assert set(tensors) == set(expected)
        for key, value in expected.items():
            assert tuple(tensors[key].shape) == value.shape
            np.testing.assert_array_equal(np.asarray(tensors[key]).astype("float32"), value)
        assert np.asarray(tensors["float16"]).dtype == "float16"
        assert np.asarray(tensors["norm.num_batches_tracked"]).dtype == "int64"
    assert "torch" not in sys.modules


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("code.pt", r"wants to run (posix|nt).system: refused.*safetensors.*state_dict"),
        ("module.pt", r"wants to run .*Net: refused"),
        ("old.pt", "bare pickle.*since PyTorch 1.6.*weights_only=True"),
        ("list.pt", "holds a list: expected a state dict"),
        ("mixed.pt", "more than tensors: 'epoch'"),
        ("values.npz", "archive without tensors"),
        ("README.md", "bytes that are truncated or of another format"),
        ("none.bin", "There is no file"),
    ],
)
def test_refused_files(ports, tmp_path, monkeypatch, name, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PortError, match=message), open_tensors(ports / name):
        pass
    assert not Path("ran").exists()


@pytest.mark.parametrize("name", ["state.bin", "state.safetensors"])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_part_of_a_file(ports, tmp_path, name, share):
    data = (ports / name).read_bytes()
    part = tmp_path / name
    part.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(PortError, match="download it again"), open_tensors(part):
        pass


def test_changed_numbers_are_noticed(ports, tmp_path):
    """The archive has a checksum of each tensor."""
    data = bytearray((ports / "state.bin").read_bytes())
    place = data.index(np.float32([1, 1]).tobytes())
    data[place] ^= 1
    (tmp_path / "state.bin").write_bytes(data)
    with open_tensors(tmp_path / "state.bin") as tensors:
        with pytest.raises(PortError, match="download it again"):
            np.asarray(tensors["norm.weight"])
        np.asarray(tensors["norm.running_mean"])
