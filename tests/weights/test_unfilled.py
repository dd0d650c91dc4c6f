"""Models that get their first values from a file: nothing drawn first, nothing left without."""

import subprocess
import sys
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from safetensors.numpy import save_file

from whelp.models import SequenceModel, complete, without_values
from whelp.weights.porting import PortError, Rule, dense_kernel, port

SPEC = {
    "seq_length": 16,
    "activation": "relu",
    "trunk": [
        {"name": "dense_block", "units": 6, "dropout": 0.5, "norm_type": "batch"},
        {"name": "dense_block", "units": 6},
    ],
    "head_human": {"name": "final", "units": 2},
}
TABLE = [
    Rule("0.weight", "dense_block_1.dense/kernel", dense_kernel),
    *(Rule(f"0.{n}", f"dense_block_1.norm/{n}") for n in ("gamma", "beta")),
    *(Rule(f"0.{n}", f"dense_block_1.norm/moving_{n}") for n in ("mean", "variance")),
    Rule("1.weight", "dense_block_2.dense/kernel", dense_kernel),
    Rule("1.bias", "dense_block_2.dense/bias"),
    Rule("head.weight", "head_human.dense/kernel", dense_kernel),
    Rule("head.bias", "head_human.dense/bias"),
]
X = np.random.default_rng(0).normal(size=(2, 16, 4)).astype("float32")


def tensors():
    random = np.random.default_rng(1)
    shapes = {"0.weight": (6, 4), "1.weight": (6, 6), "1.bias": (6,)}
    shapes |= {f"0.{name}": (6,) for name in ("gamma", "beta", "mean", "variance")}
    shapes |= {"head.weight": (2, 6), "head.bias": (2,)}
    return {name: random.uniform(0.5, 1, shape).astype("float32") for name, shape in shapes.items()}


@pytest.mark.parametrize("trunk", [None, True])
def test_it_is_the_model_that_is_filled_later(trunk):
    with without_values():
        first = SequenceModel(SPEC)
    later = SequenceModel(SPEC)
    for model in (first, later):
        port(model, tensors(), TABLE, trunk=trunk)
    mine, theirs = first.tensors(), later.tensors()
    for name in mine if trunk is None else (n for n in mine if not n.startswith("head")):
        np.testing.assert_array_equal(np.asarray(mine[name]), np.asarray(theirs[name]))
    assert np.asarray(mine["head_human.dense/kernel"]).any()
    if trunk is None:
        np.testing.assert_array_equal(np.asarray(first(X)), np.asarray(later(X)))
    assert np.isfinite(np.asarray(first(X, training=True))).all()


def test_it_can_be_trained():
    with without_values():
        model = SequenceModel(SPEC)
    port(model, tensors(), TABLE)
    before = np.asarray(model.tensors()["dense_block_1.dense/kernel"]).copy()
    model.compile("sgd", "mse")
    model.fit(X, np.zeros((2, 16, 2), "float32"), verbose=0)
    assert np.abs(np.asarray(model.tensors()["dense_block_1.dense/kernel"]) - before).max() > 0


def test_a_model_without_values_stays_so_while_others_train():
    with without_values():
        empty = SequenceModel(SPEC)
    with pytest.raises(PortError):
        port(empty, {}, TABLE)
    other = SequenceModel(SPEC)
    other.compile("sgd", "mse")
    other.fit(X, np.zeros((2, 16, 2), "float32"), verbose=0)
    with keras.StatelessScope():
        pass
    assert all(variable._value is None for variable in empty.variables)
    complete(empty)
    assert np.asarray(empty(X)).shape == (2, 16, 2)


_LOAD = """
import sys
import whelp
import whelp.loading
from whelp.models import SequenceModel, without_values
from whelp.weights.porting import Rule, dense_kernel, port
from whelp.weights.tensor_files import open_tensors

def load(width, blocks, path):
    trunk = [{{"name": "dense_block", "units": width}}] * blocks
    head = {{"name": "final", "units": 1}}
    spec = {{"seq_length": 16, "activation": "relu", "trunk": trunk, "head_human": head}}
    if path.endswith(".h5"):
        return whelp.load({{"model": spec}}, path, head="trunk")
    with without_values():
        model = SequenceModel(spec, head="trunk")
    rules = [Rule("{{i}}.weight", "dense_block_{{i}}.dense/kernel", dense_kernel)]
    rules += [Rule("{{i}}.bias", "dense_block_{{i}}.dense/bias")]
    with open_tensors(path) as tensors:
        port(model, tensors, rules)
    return model

def peak():
    lines = dict(line.split(":", 1) for line in open("/proc/self/status"))
    return int(lines["VmHWM"].split()[0]) * 1024

load(4, 2, sys.argv[1])
bare = peak()
model = load({width}, {blocks}, sys.argv[2])
print((peak() - bare) / (4 * model.count_params()))
"""


def _save(path, width, blocks):
    inputs = [4] + [width] * (blocks - 1)
    if path.suffix == ".h5":
        with h5py.File(path, "w") as file:
            names = [f"dense_{i}" for i in range(blocks)]
            file.attrs["layer_names"] = names
            for name, n in zip(names, inputs, strict=True):
                file[f"{name}/{name}/kernel:0"] = np.ones((n, width), "f4")
                file[f"{name}/{name}/bias:0"] = np.ones(width, "f4")
                keys = [f"{name}/kernel:0", f"{name}/bias:0"]
                file[name].attrs["weight_names"] = keys
        return path
    kernels = {f"{i}.weight": np.ones((width, n), "f4") for i, n in enumerate(inputs, start=1)}
    biases = {f"{i}.bias": np.ones(width, "f4") for i in range(1, blocks + 1)}
    save_file(kernels | biases, path)
    return path


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells the peak")
@pytest.mark.parametrize("ending", ["safetensors", "h5"])
def test_memory_of_loading(tmp_path, ending):
    """A quarter of it may come on top of the weights; drawing them first would double them."""
    width, blocks = 2560, 16
    small = _save(tmp_path / f"small.{ending}", 4, 2)
    large = _save(tmp_path / f"large.{ending}", width, blocks)
    code = _LOAD.format(width=width, blocks=blocks)
    run = [sys.executable, "-c", code, str(small), str(large)]
    done = subprocess.run(run, capture_output=True, text=True, timeout=300, check=True)
    assert 0.9 < float(done.stdout.split()[-1]) < 1.3
