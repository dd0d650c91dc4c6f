"""A whole transfer with adapters on two virtual devices gives the weights of one device."""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras


def test_adapters_on_two_devices_equal_one(tmp_path: Path) -> None:
    worker = Path(__file__).parent / "two_devices.py"
    environment = {**os.environ, "KERAS_BACKEND": keras.backend.backend()}
    done = subprocess.run(
        [sys.executable, str(worker), str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["weights"] < 1e-6 and found["pearsonr"] < 1e-4, found
    assert found["moved"] > 1e-4, found
