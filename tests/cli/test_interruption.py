"""Runs that end before their end: killed, interrupted, or on a full disk."""

import json
import resource
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

EPOCHS = 4


@pytest.fixture(scope="module")
def long_project(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A project whose epochs take long enough to be interrupted in the middle."""
    folder = tmp_path_factory.mktemp("long")
    sizes = dict(tiny.SPLITS)
    tiny.SPLITS["train"] = 120
    try:
        project = tiny.make_project(folder)
    finally:
        tiny.SPLITS.update(sizes)
    lengths = {"train_epochs_min": EPOCHS, "train_epochs_max": EPOCHS, "batch_size": 1}
    project.params(train=lengths)
    return project


def _arguments(project: Any, out: Path) -> list[Any]:
    params = project.folder / "params.json"
    return ["transfer", params, project.data, "-w", project.trunk, "-o", out, "--no-report"]


def _until_epoch(process: "subprocess.Popen[str]", epoch: int) -> str:
    """Waits for the line of an epoch, and then into the next one."""
    printed = ""
    for line in process.stdout:
        printed += line
        if line.startswith(f"epoch {epoch:>3}"):
            time.sleep(0.25)
            return printed
    raise AssertionError(f"epoch {epoch} was not reached:\n{printed}")


def _log(folder: Path) -> list[str]:
    """Rows of the log without their time."""
    rows = (folder / "log.csv").read_text().splitlines()
    return [",".join(row.split(",")[:1] + row.split(",")[2:]) for row in rows]


def _weights(path: Path) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    with h5py.File(path) as file:
        file.visititems(
            lambda name, item: (
                found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None
            )
        )
    return found


def test_killed_and_interrupted_runs_resume_to_the_same_numbers(
    start_whelp: Callable[..., Any], long_project: Any
) -> None:
    whole, broken = long_project.folder / "whole", long_project.folder / "broken"
    process = start_whelp(*_arguments(long_project, whole))
    assert process.wait(240) == 0, process.stdout.read()

    process = start_whelp(*_arguments(long_project, broken))
    _until_epoch(process, 1)
    process.kill()
    assert process.wait(60) == -signal.SIGKILL
    assert json.loads((broken / "run.json").read_text())["status"] == "training"

    refused = start_whelp(*_arguments(long_project, broken))
    assert refused.wait(120) == 1
    assert "--resume" in refused.stdout.read()

    process = start_whelp(*_arguments(long_project, broken), "--resume")
    printed = _until_epoch(process, 2)
    assert "epoch   1" not in printed
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    message = process.stdout.read()
    assert "interrupted in epoch 3 after step" in message and "resume" in message
    assert "Traceback" not in message

    process = start_whelp(*_arguments(long_project, broken), "--resume")
    assert process.wait(240) == 0, process.stdout.read()
    assert _log(broken) == _log(whole) and len(_log(whole)) == EPOCHS + 1
    for name in ("model_best.h5", "model_check.h5"):
        mine, theirs = _weights(broken / name), _weights(whole / name)
        assert mine.keys() == theirs.keys() and mine
        for key, value in mine.items():
            np.testing.assert_array_equal(value, theirs[key], err_msg=f"{name} {key}")
    assert not list(broken.glob(".*"))


def test_full_disk(start_whelp: Callable[..., Any], project: Any) -> None:
    def limit_files() -> None:
        # The next best thing to a full disk: no file may grow beyond this.
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    out = project.folder / "out"
    project.params()
    arguments = _arguments(project, out)
    process = start_whelp(*arguments, preexec_fn=limit_files)
    code = process.wait(240)
    printed = process.stdout.read()
    assert code == 1, printed
    assert "could not write" in printed and "Traceback" not in printed
    assert not list(out.glob("*.npz")) and not list(out.glob("*.h5"))
    assert not list(out.glob(".*"))

    process = start_whelp(*arguments, "--resume")
    assert process.wait(240) == 0, process.stdout.read()
