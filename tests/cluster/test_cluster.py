"""Jobs on Dask's workers; the tasks are functions of Python's that a worker can import."""

import json
import math
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

import whelp
from whelp.cluster import ClusterError, DaskRunner, open_runner
from whelp.cluster.machine import sensible_workers, visible_gpus
from whelp.workers import Failure

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """The address of a scheduler with two workers of three threads each."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=3, dashboard_address=":0", silence_logs=50
    ) as cluster:
        yield cluster.scheduler_address


@pytest.fixture
def runner(scheduler: str) -> Iterator[DaskRunner]:
    with open_runner(scheduler, threads=1) as opened:
        yield opened


def _refused(message: str, spec: str, **how: Any) -> None:
    with pytest.raises(ClusterError, match=message), open_runner(spec, **how):
        pass


def test_each_job_gets_its_result(runner: DaskRunner) -> None:
    results = dict(runner.run(math.sqrt, [4.0, 9.0, -1.0, 16.0]))
    failure = results.pop(2)
    assert results == {0: 2.0, 1: 3.0, 3: 4.0}
    assert isinstance(failure, Failure) and failure.message and not failure.is_system


def test_jobs_are_taken_as_they_are_needed_and_may_be_left(runner: DaskRunner) -> None:
    taken = 0

    def jobs() -> Iterator[float]:
        nonlocal taken
        for taken in range(1, 1000):
            yield float(taken)

    with closing(runner.run(math.sqrt, jobs())) as results:
        for _ in range(10):
            next(results)
    assert taken <= 10 + 2 * 2
    assert dict(runner.run(abs, [-1])) == {0: 1}


def test_a_job_has_its_own_process_with_its_environment(runner: DaskRunner) -> None:
    variables = ["OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "KERAS_BACKEND"]
    found = dict(runner.run(os.getenv, variables))
    assert found[0] == found[1] == "1" and found[2] in ("tensorflow", "jax")
    processes = set(dict(runner.run(eval, ["__import__('os').getpid()"] * 40)).values())
    assert len(processes) <= 2


def test_jobs_that_end_their_process(runner: DaskRunner, capfd: pytest.CaptureFixture) -> None:
    """One that a signal ends is tried again, as the signal may have nothing to do with it."""
    (failure,) = dict(runner.run(os._exit, [3])).values()
    assert failure == Failure("its process ended with code 3", is_system=True)
    ends = dict(runner.run(signal.raise_signal, [signal.SIGKILL, 0]))
    assert ends[1] is None and ends[0].is_system and "signal 9" in ends[0].message


def test_lost_workers_cost_no_job(scheduler: str, runner: DaskRunner) -> None:
    with distributed.Client(scheduler, set_as_default=False) as client:
        killed: set[int] = set()

        def kill() -> None:
            while len(killed) < 3:
                time.sleep(0.6)
                there = set(client.run(os.getpid, on_error="ignore").values()) - killed
                for pid in list(there)[:1]:
                    os.kill(pid, signal.SIGKILL)
                    killed.add(pid)

        thread = threading.Thread(target=kill)
        thread.start()
        places = [at for at, result in runner.run(time.sleep, [0.1] * 60) if result is None]
        thread.join()
    assert sorted(places) == list(range(60)) and len(killed) == 3


@contextmanager
def _worker(address: str, **environment: str) -> Iterator[None]:
    """A worker for a scheduler, in another environment."""
    command = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--no-dashboard"]
    process = subprocess.Popen(
        command, env={**os.environ, **environment}, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def empty() -> Iterator[str]:
    """The address of a scheduler without workers."""
    with distributed.LocalCluster(n_workers=0, dashboard_address=":0", silence_logs=50) as cluster:
        yield cluster.scheduler_address


def test_workers_that_cannot_take_part(empty: str, tmp_path: Path) -> None:
    _refused("has no workers, after 0.2 seconds", empty, patience=0.2)
    (tmp_path / "without").mkdir()
    (tmp_path / "without" / "sitecustomize.py").write_text(
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'whelp':\n"
        "            raise ModuleNotFoundError('No module named whelp', name=name)\n"
        "sys.meta_path.insert(0, Absent())\n"
    )
    with _worker(empty, PYTHONPATH=str(tmp_path / "without")):
        _refused(f"cannot import whelp.* {whelp.__version__}", empty)
    shutil.copytree(Path(whelp.__file__).parent, tmp_path / "old" / "whelp")
    init = tmp_path / "old" / "whelp" / "__init__.py"
    version = f'__version__ = "{whelp.__version__}"'
    init.write_text(init.read_text().replace(version, '__version__ = "0.0.1"'))
    both = f"has whelp 0.0.1, and this is whelp {whelp.__version__}"
    with _worker(empty, PYTHONPATH=str(tmp_path / "old")):
        _refused(both, empty)


def test_a_worker_of_another_version_that_comes_late(
    scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is looked at by the job, too."""
    from whelp.cluster.helper import Helper

    real = Helper.__init__

    def newer(self: Helper, *arguments: object, **options: object) -> None:
        real(self, *arguments, **options)
        self.version = "9.9"

    monkeypatch.setattr(Helper, "__init__", newer)
    wanted = f"whelp {whelp.__version__}, and this is whelp 9.9"
    with open_runner(scheduler) as runner, pytest.raises(ClusterError, match=wanted):
        dict(runner.run(math.sqrt, [1.0]))


def test_a_scheduler_that_does_not_answer() -> None:
    _refused("no scheduler answers at tcp://127.0.0.1:9 ", "tcp://127.0.0.1:9", patience=0.5)


def test_workers_of_this_machine() -> None:
    told: list[str] = []
    with open_runner("local", workers=2, threads=3, gpus=False, tell=told.append) as runner:
        assert dict(runner.run(os.getenv, ["NPROC"])) == {0: "3"}
    assert told[0].startswith("dashboard: http://") and "3 threads a worker" in told[0]
    assert told[1].startswith("2 workers at tcp://")


def test_workers_by_dask_jobqueue(tmp_path: Path) -> None:
    """Its `local` system starts jobs as processes of this machine."""
    pytest.importorskip("dask_jobqueue")
    file = tmp_path / "batch.yaml"
    file.write_text("jobqueue:\n  local:\n    cores: 2\n    memory: 1GB\n    n_workers: 2\n")
    told: list[str] = []
    with open_runner(str(file), tell=told.append) as runner:
        found = dict(runner.run(os.getenv, ["NPROC", "OMP_NUM_THREADS"]))
    assert found == {0: "2", 1: "2"}
    assert "2 jobs asked for" in told[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("jobqueue: {nqs: {}}", "expected the section jobqueue, and in it one of slurm, pbs"),
        ("cores: 4", "expected the section jobqueue"),
        ("a: [", "this is no YAML file"),
        ("jobqueue: {local: {cores: 1, memory: 1GB}}", "how many workers?"),
        ("jobqueue: {local: {cors: 1}}", "local has no cors; it has .*cores"),
        ("jobqueue: {slurm: {n_workers: 1, memory: 1GB}}", "cores"),
    ],
)
def test_files_of_batch_systems(tmp_path: Path, text: str, message: str) -> None:
    pytest.importorskip("dask_jobqueue")
    (tmp_path / "batch.yaml").write_text(text)
    _refused(message, str(tmp_path / "batch.yaml"))


def test_a_scheduler_that_is_lost(tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    file = tmp_path / "scheduler.json"
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0"]
    process = subprocess.Popen(
        [*command, "--no-dashboard", "--scheduler-file", file], stderr=subprocess.DEVNULL
    )
    while not file.exists():
        time.sleep(0.1)
    address = json.loads(file.read_text())["address"]
    with _worker(address), open_runner(address) as runner:
        results = runner.run(time.sleep, [0.1] * 1000)
        next(results)
        process.kill()
        process.wait()
        with pytest.raises(ClusterError, match="connection to the scheduler is lost"):
            list(results)
    assert "Traceback" not in capfd.readouterr().err


def test_words_that_are_no_cluster(scheduler: str) -> None:
    _refused("--cluster 0.2: expected the word local", "0.2")
    _refused("leave --workers 3 out", scheduler, workers=3)


def test_without_dask(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    _refused(r"pip install 'whelp\[cluster\]'", "local")


def test_gpus_and_workers_of_a_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sensible_workers(8, 64e9) == 8
    assert sensible_workers(64, 64e9) == 14
    assert sensible_workers(2, 1e9) == 1
    for value, wanted in (("0,2", ["0", "2"]), ("", []), ("-1", []), ("GPU-ab", ["GPU-ab"])):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
        assert visible_gpus() == wanted


def test_gpus_are_divided_among_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    told: list[str] = []
    with open_runner("local", tell=told.append) as runner:
        slowly = "[__import__('time').sleep(0.3), __import__('os').getenv('CUDA_VISIBLE_DEVICES')]"
        shown = [result[1] for _, result in runner.run(eval, [slowly] * 4)]
    assert set(shown) == {"3", "5"} and told[1].startswith("2 workers")
