"""Two virtual devices do what one does; what a backend cannot do is refused by name."""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from whelp.training.devices import is_float16, set_precision

HERE = Path(__file__).parent
TENSORFLOW = keras.backend.backend() == "tensorflow"


def work(*cases):
    environment = os.environ | {
        "KERAS_BACKEND": keras.backend.backend(),
        "PYTHONPATH": os.pathsep.join([str(HERE), *filter(None, sys.path)]),
    }
    command = [sys.executable, str(HERE / "device_worker.py"), *cases]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def found():
    return work("devices", "frozen", "synchronised", "heads", "half", "refusals")


def test_devices_are_listed(found):
    assert found["devices"] == ["cpu:0", "cpu:1"]


@pytest.mark.parametrize("case", ["frozen", "synchronised", "heads"])
def test_two_devices_equal_one(found, case):
    """Clipping by norm, averages, penalties, and remainders that do not divide evenly."""
    assert found[case]["weights"] < 2e-6
    assert found[case]["log"] < 2e-5


def test_resume_on_two_devices(found):
    assert found["frozen"]["resumed"]
    # TensorFlow keeps sums of metrics by device, and a checkpoint their total.
    assert found["frozen"]["in the middle"] < 2e-6


def test_overflow_on_one_device_skips_the_step_on_both(found):
    assert found["half"] == {"moved": True, "kept": True, "scale": 2.0**14}


def test_refusals_name_what_cannot_be_done(found):
    refused = found["refusals"]
    assert refused["many"] == "9 devices were asked for; this machine has 2: cpu:0, cpu:1"
    assert "a batch of 3 does not divide among 2 devices" in refused["batch"]
    if TENSORFLOW:
        assert refused["accumulation"].startswith("gradient_accumulation over several devices")
        assert refused["jit"].startswith("jit_compile=True over several devices")
    else:
        assert refused["accumulation"] == refused["jit"] == "done"


def test_precision_policies():
    before = keras.config.dtype_policy()
    try:
        for policy, half in (
            ("mixed_float16", True),
            ("mixed_bfloat16", False),
            ("float32", False),
        ):
            set_precision(policy)
            inputs = keras.Input((3,))
            model = keras.Model(inputs, keras.layers.Dense(2)(inputs))
            assert model.layers[1].dtype_policy.name == policy
            assert is_float16(model) == half
        with pytest.raises(ValueError, match="unknown precision 'half'"):
            set_precision("half")
    finally:
        keras.config.set_dtype_policy(before)


def test_float32_is_ieee_unless_asked_otherwise():
    set_precision("float32", tf32=True)
    set_precision("float32")
    if TENSORFLOW:
        import tensorflow as tf

        assert not tf.config.experimental.tensor_float_32_execution_enabled()
    else:
        import jax

        assert jax.config.jax_default_matmul_precision == "float32"
    a = np.float32(1 + 2**-20)
    product = keras.ops.matmul(np.full((64, 64), a), np.full((64, 64), a))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(product), 64 * float(a) ** 2, rtol=1e-6)
