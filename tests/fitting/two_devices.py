"""Transfers the miniature project on one device and on two virtual ones, in a process of its own.

Prints a JSON object: the largest difference of the written weights, and of the test Pearson.
Devices must be split before the backend starts.
"""

import json
import os
import sys
from pathlib import Path

if os.environ["KERAS_BACKEND"] == "jax":
    os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"

import h5py
import keras
import numpy as np
import tiny_project as tiny

from whelp.fitting import TransferRun, transfer

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
    )

LOCON = {"mode": "adapter", "adapter": "locon", "conv_select": 2}
NO_DROPOUT = {"dropout": 0, "attention_dropout": 0, "position_dropout": 0}


def run(project: tiny.Project, devices: int) -> TransferRun:
    trunk = [
        block | (NO_DROPOUT if block["name"].startswith("transformer") else {})
        for block in tiny.MODEL["trunk"]
    ]
    params = project.params(LOCON, train={"batch_size": 4}, model={"trunk": trunk})
    out = project.folder / f"out{devices}"
    options = {"weights": project.trunk, "trunk": True, "devices": devices, "report": False}
    return transfer(params, project.data, out, **options)


def weights(path: Path) -> dict[str, np.ndarray]:
    arrays = {}

    def keep(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            arrays[name] = item[()]

    with h5py.File(path) as file:
        file.visititems(keep)
    return arrays


def main(folder: Path) -> dict[str, float]:
    project = tiny.make_project(folder)
    start = weights(project.trunk)
    runs = [run(project, devices) for devices in (1, 2)]
    one, two = (weights(done.out_dir / "model_check.h5") for done in runs)
    scores = [done.accuracy["head_a"]["pearsonr"] for done in runs]
    return {
        "weights": max(float(np.abs(one[name] - two[name]).max()) for name in one),
        "moved": max(float(np.abs(one[name] - start[name]).max()) for name in start if name in one),
        "pearsonr": float((scores[0] - scores[1]).abs().max()),
    }


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
