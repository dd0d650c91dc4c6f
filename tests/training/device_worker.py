"""Trains toys on one device and on two virtual ones, in a process of its own.

device_worker.py CASE prints a JSON object of what it found. Devices must be split before the
backend starts.
"""

import json
import os
import sys
import tempfile

if os.environ["KERAS_BACKEND"] == "jax":
    os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"

import keras
import numpy as np

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
    )

from test_heads import Listed, make_batches
from test_heads import make_model as make_heads
from test_termination import Ask
from training_toys import SPEC, make_data

from whelp.stopping import Terminated
from whelp.training.devices import available_devices, use_devices
from whelp.training.errors import TrainingError
from whelp.training.trainer import train

TENSORFLOW = keras.backend.backend() == "tensorflow"
SPEC = SPEC | {"train_epochs_max": 2}
CLIPPED = SPEC | {"global_clipnorm": 0.05, "average_weights": 0.9, "warmup_steps": 3}
X, Y = make_data(22)  # batches of 4 leave a remainder that two devices share evenly
HELD_OUT = (X[:11], Y[:11])  # and here one that they do not


def make_model(norm, dtype=None):
    keras.utils.set_random_seed(3)
    layers = keras.layers
    inputs = keras.Input((16, 4))
    hidden = layers.Conv1D(8, 3, padding="same", activation="relu", dtype=dtype)(inputs)
    normalise = layers.BatchNormalization(synchronized=norm == "synchronised" and TENSORFLOW)
    normalise.trainable = norm != "frozen"
    outputs = layers.Dense(3, activation="softplus", kernel_regularizer="l2", dtype="float32")
    return keras.Model(inputs, outputs(normalise(hidden)))


def run(make, spec, data=(X, Y), held_out=HELD_OUT, **options):
    model = make()
    result = train(model, data, spec, validation=held_out, verbose=0, **options)
    return model.get_weights(), result.history.drop(columns="seconds").to_numpy()


def compare(make, spec, *, resume=False, **kwargs):
    """Largest differences of weights and of logged numbers between one device and two."""
    weights, history = run(make, spec, **kwargs)
    with use_devices(2) as names, tempfile.TemporaryDirectory() as folder:
        assert len(names) == 2
        spec = spec | {"num_gpu": 2}
        others, log = run(make, spec, **kwargs)
        found = {
            "weights": max(
                float(np.abs(a - b).max()) for a, b in zip(weights, others, strict=True)
            ),
            "log": float(np.nanmax(np.abs(history - log))),
        }
        if resume:
            run(make, spec, out_dir=folder, epochs=1)
            again, _ = run(make, spec, out_dir=folder, resume=True)
            found["resumed"] = all((a == b).all() for a, b in zip(others, again, strict=True))
            found["in the middle"] = stopped_in_the_middle(make, spec, others, log)
    return found


def stopped_in_the_middle(make, spec, weights, log):
    """Largest difference of a run that SIGTERM ended in an epoch, and that went on."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            run(make, spec, out_dir=folder, callbacks=[Ask(0, 2)])
        except Terminated:
            pass
        else:
            return float("inf")
        again, numbers = run(make, spec, out_dir=folder, resume=True)
    differences = [float(np.abs(a - b).max()) for a, b in zip(weights, again, strict=True)]
    return max(*differences, float(np.nanmax(np.abs(numbers - log))))


def heads():
    turns = Listed(make_batches(["head_human", "head_mouse", "head_human"]))

    def make():
        model = make_heads()
        for layer in model.layers:
            layer.trainable = layer.trainable and not layer.name.endswith("norm")
        return model

    spec = SPEC | {"loss": "mse", "optimizer": "sgd"}
    return compare(make, spec, data=turns, held_out=turns)


def half():
    """Overflow on one device only must spoil nothing: the step is skipped on both."""
    x, y = X[:4].copy(), Y[:4].copy()
    y[2:] = 1e18
    spec = SPEC | {"loss": "mse", "optimizer": "sgd", "train_epochs_max": 1}
    with use_devices(2):
        model = make_model("frozen", dtype="mixed_float16")
        before = model.get_weights()
        train(model, (X[:8], Y[:8]), spec, verbose=0)
        trained = model.get_weights()
        train(model, (x, y), spec, verbose=0)
        after = model.get_weights()
        scale = float(keras.ops.convert_to_numpy(model.optimizer.dynamic_scale))
    return {
        "moved": any((a != b).any() for a, b in zip(before, trained, strict=True)),
        "kept": all((a == b).all() for a, b in zip(trained, after, strict=True)),
        "scale": scale,
    }


def refusal(make, spec, **options):
    try:
        train(make(), (X, Y), spec, verbose=0, epochs=1, **options)
    except (TrainingError, ValueError) as error:
        return str(error)
    return "done"


def refusals():
    def make():
        return make_model("frozen")

    with use_devices(2):
        found = {
            "accumulation": refusal(make, SPEC | {"gradient_accumulation": 2}),
            "jit": refusal(make, SPEC, jit_compile=True),
            "batch": refusal(make, SPEC | {"batch_size": 3}),
        }
    try:
        with use_devices(9):
            pass
    except TrainingError as error:
        found["many"] = str(error)
    return found


CASES = {
    "frozen": lambda: compare(lambda: make_model("frozen"), CLIPPED, resume=True),
    "synchronised": lambda: compare(lambda: make_model("synchronised"), CLIPPED),
    "heads": heads,
    "half": half,
    "refusals": refusals,
    "devices": available_devices,
}

if __name__ == "__main__":
    print(json.dumps({case: CASES[case]() for case in sys.argv[1:]}))
