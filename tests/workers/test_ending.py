"""Jobs in the middle of which their process is asked to end, because its sender ends or is gone."""

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from whelp.workers import Processes

_LISTENING = """
import pathlib, time
from whelp.stopping import Terminated, stop_requests
with stop_requests() as request:
    pathlib.Path({folder!r}, "begun").touch()
    while not request.made:
        time.sleep(0.01)
    time.sleep(0.5)
    pathlib.Path({folder!r}, "kept").touch()
    raise Terminated("all is kept")
"""
_DEAF = """
import pathlib, time
pathlib.Path({folder!r}, "begun").touch()
time.sleep(600)
"""
_SENDER = """
from whelp.stopping import ended_by_sigterm
from whelp.workers import Processes
with ended_by_sigterm():
    list(Processes(1, apart=True).run(exec, [{job!r}]))
"""


def _await(path: Path) -> None:
    for _ in range(3000):
        if path.exists():
            return
        time.sleep(0.01)
    raise AssertionError(f"{path} did not appear")


def _job(text: str, folder: Path) -> str:
    return text.format(folder=str(folder))


def _leave(job: str, folder: Path) -> None:
    """Leaves the results while the job is done."""
    with closing(Processes(2).run(exec, [job, "pass"])) as results:
        next(results)
        _await(folder / "begun")


def test_a_job_that_listens_may_keep_what_it_has(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    _leave(_job(_LISTENING, tmp_path), tmp_path)
    assert (tmp_path / "kept").exists()
    assert capfd.readouterr().err == ""


def test_a_job_in_a_process_of_a_process_is_waited_for(tmp_path: Path) -> None:
    _leave(_SENDER.format(job=_job(_LISTENING, tmp_path)), tmp_path)
    assert (tmp_path / "kept").exists()


def test_a_job_that_does_not_listen_is_stopped_at_once(tmp_path: Path) -> None:
    begun = time.monotonic()
    _leave(_job(_DEAF, tmp_path), tmp_path)
    assert time.monotonic() - begun < 60


def test_a_job_hears_that_its_sender_was_killed(tmp_path: Path) -> None:
    sender = _SENDER.format(job=_job(_LISTENING, tmp_path))
    process = subprocess.Popen([sys.executable, "-c", sender])
    _await(tmp_path / "begun")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    _await(tmp_path / "kept")
