"""`whelp sbatch`: its scripts are run as Slurm would, with stand-ins for its two programs."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

_SBATCH = """#!/bin/bash
cd "$(dirname "$0")" && echo "$@" >> submitted && wc -l < submitted
"""
_SCONTROL = """#!/bin/bash
cd "$(dirname "$0")" && echo "$@" >> requeued
"""


@pytest.fixture
def slurm(tmp_path: Path) -> Callable[..., "subprocess.Popen[str]"]:
    """Starts a script with the variables that Slurm sets; what its programs were told is kept."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, text in (("sbatch", _SBATCH), ("scontrol", _SCONTROL)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)

    def start(script: Path, **variables: Any) -> "subprocess.Popen[str]":
        path = os.pathsep.join([str(programs), os.environ["PATH"]])
        return subprocess.Popen(
            ["bash", str(script)],
            env={**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1", **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return start


def _bytes(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "report.html"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_a_data_set_by_an_array(
    whelp: Callable, slurm: Callable, golden: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(golden / "data/inputs")
    files = ("data", "genome.fa", "targets_basic.txt")
    lengths = ("-l", 4096, "-c", 512, "-t", "ctgB", "-v", "ctgC")
    assert whelp(*files, "-o", tmp_path / "whole", *lengths, "-p", 1).exit_code == 0
    jobs, out = tmp_path / "my jobs", tmp_path / "out"
    options = ("--parts", 2, "--time", "1:00:00", "--gpus", 1, "--sbatch", "--partition=long")
    setup = ("--setup", "export SET_UP=yes")
    result = whelp("sbatch", *options, *setup, "-o", jobs, "whelp", *files, "-o", out, *lengths)
    assert result.exit_code == 0, result.output
    assert f"submit: bash {jobs}/submit.sh" in result.output and not out.exists()
    for script in jobs.glob("*.sh"):
        subprocess.run(["bash", "-n", str(script)], check=True)
    text = (jobs / "part.sh").read_text()
    for line in ("--array=1-2", "--time=1:00:00", "--gres=gpu:1", "--partition=long"):
        assert f"#SBATCH {line}\n" in text
    assert "gres" not in (jobs / "gather.sh").read_text()
    monkeypatch.chdir("/")
    for task in ("1", "2", "1", "2"):
        process = slurm(jobs / "part.sh", SLURM_ARRAY_TASK_ID=task)
        printed = process.communicate()[0]
        assert process.returncode == 0 and f"part {task} of 2" in printed, printed
    assert len(list(out.glob("tfrecords/*.tfr"))) == 3
    process = slurm(jobs / "gather.sh")
    assert process.wait() == 0, process.communicate()[0]
    assert _bytes(out) == _bytes(tmp_path / "whole")


def test_jobs_wait_for_one_another(
    whelp: Callable, slurm: Callable, golden: Path, tmp_path: Path
) -> None:
    inputs, jobs = golden / "data/inputs", tmp_path / "jobs"
    files = ("data", inputs / "genome.fa", inputs / "targets_basic.txt", "-o", tmp_path / "out")
    assert whelp("sbatch", "--parts", 9, "-o", jobs, *files).exit_code == 0
    printed = slurm(jobs / "submit.sh").communicate()[0]
    assert printed == "part.sh: job 1\npart.sh: job 2\ngather.sh: job 3\n"
    again = whelp("sbatch", "--parts", 8, "-o", jobs, *files)
    assert again.exit_code == 1 and "holds scripts already" in again.output
    assert "--array=1-9" in (jobs / "part.sh").read_text()
    first, second, third = (tmp_path / "programs/submitted").read_text().splitlines()
    assert first == "--parsable part.sh"
    assert second == "--parsable --dependency=afterok:1 --kill-on-invalid-dep=yes part.sh"
    assert third == "--parsable --dependency=afterok:2 --kill-on-invalid-dep=yes gather.sh"


@pytest.mark.skipif(os.environ.get("KERAS_BACKEND") == "jax", reason="jobs know no backend")
def test_a_job_at_its_time_limit_goes_back_into_the_queue(
    whelp: Callable, slurm: Callable, project: Any, tmp_path: Path
) -> None:
    epochs = {"train_epochs_min": 8, "train_epochs_max": 8, "batch_size": 1}
    out, jobs = project.folder / "out", project.folder / "jobs"
    files = ("transfer", project.params(train=epochs), project.data, "-w", project.trunk)
    result = whelp("sbatch", "-o", jobs, *files, "-o", out, "--no-report")
    assert result.exit_code == 0, result.output
    printed = ""
    process = slurm(jobs / "job.sh", SLURM_JOB_ID="17")
    for line in process.stdout:
        printed += line
        if line.startswith("epoch   2"):
            time.sleep(0.05)
            process.send_signal(signal.SIGTERM)
    assert process.wait() == 75, printed
    assert "as the system asked for it (SIGTERM)" in printed and "Traceback" not in printed
    requeued = tmp_path / "programs/requeued"
    assert requeued.read_text() == "requeue 17\n"
    done = len(pd.read_csv(out / "log.csv"))
    assert 2 <= done < 8
    process = slurm(jobs / "job.sh", SLURM_JOB_ID="17")
    printed = process.communicate()[0]
    assert process.returncode == 0, printed
    assert f"epoch {done:>3} " not in printed and "epoch   8 " in printed
    assert pd.read_csv(out / "log.csv")["epoch"].tolist() == list(range(1, 9))
    assert requeued.read_text() == "requeue 17\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--parts", 2, "transfer"], "cannot be done in parts"),
        (["convert", "a", "b"], "cannot go on after a stop"),
        (["dta"], "there is no command whelp dta; expected one of fit,"),
        (["data", "a.fa", "b.txt", "-o", "x", "--part", "1/2"], "leave --part out"),
        (["data", "nowhere.fa", "b.txt", "-o", "x"], "'nowhere.fa' does not exist"),
        (["data", "--folder", "x"], "No such option"),
    ],
)
def test_commands_that_cannot_be_jobs(
    words: list[Any], message: str, whelp: Callable, tmp_path: Path
) -> None:
    result = whelp("sbatch", "-o", tmp_path / "jobs", *words)
    assert result.exit_code == 2 and message in result.output, result.output
    assert not (tmp_path / "jobs").exists()
