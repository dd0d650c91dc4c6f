"""Jobs in processes of their own: fresh interpreters that import only what a job needs.

`multiprocessing` either copies this process, threads of TensorFlow and all, or has each worker run
the user's script again, and leaves workers behind when this process is killed. These workers get
the task and then jobs on their standard input, answer on their standard output, and end when the
input does.
"""

from __future__ import annotations

import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Generator, Sequence
from contextlib import suppress
from typing import IO, Any, NamedTuple, Protocol, TypeVar, cast

Job = TypeVar("Job", contravariant=True)
Result = TypeVar("Result", covariant=True)

_START = "import sys; sys.path[:] = {path!r}; from whelp.making.workers import serve; serve()"


_WORTH_A_WORKER = 24
"""Jobs for which a single worker, which is faster at them, has earned its start."""

_ENVIRONMENT = {
    # Workers do not multiply matrices; the threads for it would cost memory.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    # Arrays of a window are made and dropped all the time. Kept by the process, and not given back
    # to the system each time, they cost half as much.
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(256 << 20),
    "MALLOC_TOP_PAD_": str(16 << 20),
}


class Task(Protocol[Job, Result]):
    """What is done with each job; sent to every worker once."""

    def __call__(self, job: Job, /) -> Result:
        """Do one job."""


class Failure(NamedTuple):
    """A job that failed.

    Attributes:
        message: Why, for the user.
        is_system: Whether the disk or the machine is to blame and others would fail as well.
    """

    message: str
    is_system: bool = False


def run_jobs(
    task: Task[Job, Result], jobs: Sequence[Job], processes: int
) -> Generator[tuple[int, Result | Failure]]:
    """Do jobs side by side; one that fails does not stop the others.

    Args:
        task: What is done with each; like jobs and results, it is pickled.
        jobs: The jobs, begun in this order.
        processes: How many at a time. With 1, a few jobs are done in this process.

    Yields:
        Place of the job in `jobs`, and its result or why there is none, as jobs are done.
    """
    if len(jobs) < 2 or (processes == 1 and len(jobs) < _WORTH_A_WORKER):
        for at, job in enumerate(jobs):
            yield at, _attempt(task, job)
        return
    pool = _Pool(task, jobs)
    try:
        pool.start(min(processes, len(jobs)))
        for _ in jobs:
            yield pool.results.get()
    finally:
        pool.stop()


class _Pool:
    """Processes, each with a thread here that hands it jobs."""

    def __init__(self, task: Any, jobs: Sequence[Any]) -> None:
        self.results: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()
        self._task = pickle.dumps(task)
        self._jobs: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()
        for place_and_job in enumerate(jobs):
            self._jobs.put(place_and_job)
        self._workers: list[subprocess.Popen[bytes]] = []
        self._threads: list[threading.Thread] = []
        self._stopped = threading.Event()

    def start(self, processes: int) -> None:
        for _ in range(processes):
            self._workers.append(_start_worker())
        for worker in self._workers:
            thread = threading.Thread(target=self._attend, args=(worker,), daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """End the workers; those in the middle of a job are stopped."""
        self._stopped.set()
        for worker in self._workers:
            worker.kill()
        for thread in self._threads:
            thread.join()
        for worker in self._workers:
            worker.wait()
            for pipe in (worker.stdin, worker.stdout):
                with suppress(OSError):
                    cast("IO[bytes]", pipe).close()

    def _attend(self, worker: subprocess.Popen[bytes]) -> None:
        """Hand jobs to a worker until there are none; a new one takes the place of a dead one."""
        is_new = True
        while not self._stopped.is_set():
            try:
                at, job = self._jobs.get_nowait()
            except queue.Empty:
                return
            try:
                result = _ask(worker, self._task if is_new else b"", job)
                is_new = False
            except (EOFError, OSError, pickle.UnpicklingError):
                if self._stopped.is_set():
                    return
                result = Failure(_death(worker.wait()), is_system=True)
                worker, is_new = _start_worker(), True
                self._workers.append(worker)
            self.results.put((at, result))


def _start_worker() -> subprocess.Popen[bytes]:
    environment = {**os.environ, **_ENVIRONMENT}
    return subprocess.Popen(
        [sys.executable, "-c", _START.format(path=sys.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
    )


def _ask(worker: subprocess.Popen[bytes], task: bytes, job: Any) -> Any:
    stdin, stdout = cast("IO[bytes]", worker.stdin), cast("IO[bytes]", worker.stdout)
    stdin.write(task)
    pickle.dump(job, stdin)
    stdin.flush()
    return pickle.load(stdout)


def _death(code: int) -> str:
    if code == -9:
        return (
            "its process was killed (signal 9), as the system does when memory runs out; use fewer "
            "processes"
        )
    return f"its process ended with code {code}"


def _attempt(task: Any, job: Any) -> Any:
    """Do a job; an error that is meant for the user becomes a `Failure`."""
    try:
        return task(job)
    except MemoryError:
        return Failure("there is not enough memory; use fewer processes", is_system=True)
    except OSError as error:
        about = f"{error.filename}: " if error.filename is not None else ""
        return Failure(f"{about}{error.strerror or error}", is_system=True)
    except ValueError as error:
        return Failure(str(error))


def serve() -> None:
    """Be a worker: read the task and jobs from standard input, write results to standard output."""
    # Ctrl-C reaches the whole group; the process that sent the jobs decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    # What libraries print must not get in between the answers.
    os.dup2(2, 1)
    jobs: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(jobs,), daemon=True).start()
    task = jobs.get()
    while True:
        pickle.dump(_attempt(task, jobs.get()), answers)
        answers.flush()


def _listen(jobs: queue.SimpleQueue[Any]) -> None:
    """Read what is sent; end the process, also in the middle of a job, when the sender is gone."""
    try:
        while True:
            jobs.put(pickle.load(sys.stdin.buffer))
    except EOFError:
        os._exit(0)
