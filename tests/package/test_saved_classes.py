"""Keras finds every class of whelp in a saved model after a bare `import whelp`."""

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np

import whelp
from whelp._keras_setup import REGISTERED

LOAD = """
import sys, numpy, whelp, keras
assert "whelp.models" not in sys.modules
model = keras.models.load_model(sys.argv[1])
x = numpy.load(sys.argv[2])
numpy.save(sys.argv[3], keras.ops.convert_to_numpy(model(x)))
"""


def test_every_registered_class_has_its_stand_in() -> None:
    for module in pkgutil.walk_packages(whelp.__path__, "whelp."):
        importlib.import_module(module.name)
    known = keras.saving.get_custom_objects()
    listed = {(module, name) for module, names in REGISTERED.items() for name in names}
    assert {f"whelp>{name}" for _, name in listed} == {
        name for name in known if name.startswith("whelp>")
    }
    for module, name in listed:
        assert getattr(importlib.import_module(module), name) is known[f"whelp>{name}"]


def test_saved_model_loads_after_a_bare_import(golden: Path, tmp_path: Path) -> None:
    params = {
        "model": {
            "seq_length": 256,
            "activation": "gelu",
            "norm_type": "batch",
            "trunk": [
                {"name": "conv_dna", "filters": 8, "kernel_size": 7, "pool_size": 4},
                {"name": "res_tower", "filters_init": 8, "filters_end": 12, "repeat": 2},
                {"name": "transformer", "key_size": 4, "heads": 2, "num_position_features": 4},
                {"name": "unet_conv", "kernel_size": 3},
            ],
            "head_human": {"name": "final", "units": 3, "activation": "softplus"},
        }
    }
    transfer = {"mode": "adapter", "adapter": "lora", "adapter_latent": 2}
    model = whelp.adapt(whelp.load(params), transfer)
    x = np.eye(4, dtype="float32")[np.random.default_rng(0).integers(0, 4, (2, 256))]
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "x.npy", x)
    paths = [str(tmp_path / name) for name in ("model.keras", "x.npy", "y.npy")]
    subprocess.run([sys.executable, "-c", LOAD, *paths], check=True, timeout=300)
    y = keras.ops.convert_to_numpy(model(x))
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), y, rtol=1e-5, atol=1e-6)
