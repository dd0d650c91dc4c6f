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
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import IO, Any, NamedTuple, Protocol, TypeVar, cast

Job = TypeVar("Job", contravariant=True)
Result = TypeVar("Result", covariant=True)

_START = "import sys; sys.path[:] = {path!r}; from whelp.workers import serve; serve()"

_WORTH_A_WORKER = 24
"""Jobs for which a single worker, which is faster at them, has earned its start."""

_IN_FLIGHT = 2
"""Jobs a worker, one of which waits: none is idle while results are looked at."""

_ENVIRONMENT = {
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


class Runner(Protocol):
    """Does jobs side by side, wherever."""

    def run(
        self, task: Task[Job, Result], jobs: Iterable[Job]
    ) -> Generator[tuple[int, Result | Failure]]:
        """Do jobs in any order; one that fails does not stop the others.

        Args:
            task: What is done with each; like jobs and results, it is pickled. What it loads at its
                first job, it may keep for the others.
            jobs: The jobs, begun in this order, and taken when there is somebody to do them.

        Yields:
            Place of the job in `jobs`, and its result or why there is none, as jobs are done.
        """


@dataclass(frozen=True)
class Processes:
    """Does jobs in processes of this machine; a `Runner`.

    A job whose process dies has failed, and another process takes the place of that one.

    Attributes:
        number: How many jobs at a time.
        threads: Threads of each process for products of matrices; None leaves it to the libraries.
        environment: Further variables of the environment.
        apart: Whether even a few jobs, which would be done sooner here, get a process of their own.
    """

    number: int = 1
    threads: int | None = 1
    environment: Mapping[str, str] = field(default_factory=dict)
    apart: bool = False

    def run(
        self, task: Task[Job, Result], jobs: Iterable[Job]
    ) -> Generator[tuple[int, Result | Failure]]:
        """Do jobs; with one process and few jobs in this one, see `Runner.run`."""
        enough = 1 if self.apart else _WORTH_A_WORKER if self.number == 1 else 2
        rest = iter(jobs)
        first = list(islice(rest, enough))
        if len(first) < enough:
            for at, job in enumerate(first):
                yield at, attempt(task, job)
            return
        pool = _Pool(task, {**_ENVIRONMENT, **_threads(self.threads), **self.environment})
        try:
            yield from pool.do(chain(first, rest), self.number)
        finally:
            pool.stop()


class _Pool:
    """Processes, each with a thread here that hands it jobs."""

    def __init__(self, task: Any, environment: Mapping[str, str]) -> None:
        self._results: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()
        self._task = pickle.dumps(task)
        self._environment = environment
        self._jobs: queue.SimpleQueue[tuple[int, Any] | None] = queue.SimpleQueue()
        self._workers: list[subprocess.Popen[bytes]] = []
        self._threads: list[threading.Thread] = []
        self._stopped = threading.Event()

    def do(self, jobs: Iterable[Any], processes: int) -> Iterator[tuple[int, Any]]:
        """Do jobs in so many processes, or fewer where there are fewer jobs."""
        waiting = enumerate(jobs)
        begun = list(islice(waiting, _IN_FLIGHT * processes))
        for job in begun:
            self._jobs.put(job)
        self._start(min(processes, len(begun)))
        open_jobs = len(begun)
        while open_jobs:
            result = self._results.get()
            open_jobs -= 1
            for job in islice(waiting, 1):
                self._jobs.put(job)
                open_jobs += 1
            yield result

    def _start(self, processes: int) -> None:
        workers = [_start_worker(self._environment) for _ in range(processes)]
        self._workers.extend(workers)
        for worker in workers:
            thread = threading.Thread(target=self._attend, args=(worker,), daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """End the workers; those in the middle of a job are stopped."""
        self._stopped.set()
        for _ in self._threads:
            self._jobs.put(None)
        for worker in self._workers:
            worker.kill()
        for thread in self._threads:
            thread.join()
        for worker in self._workers:
            # One may have been started since.
            worker.kill()
            worker.wait()
            for pipe in (worker.stdin, worker.stdout):
                with suppress(OSError):
                    cast("IO[bytes]", pipe).close()

    def _attend(self, worker: subprocess.Popen[bytes]) -> None:
        """Hand jobs to a worker until there are none; a new one takes the place of a dead one."""
        is_new = True
        while (job := self._jobs.get()) is not None and not self._stopped.is_set():
            try:
                result = _ask(worker, self._task if is_new else b"", job[1])
                is_new = False
            except (EOFError, OSError, pickle.UnpicklingError):
                if self._stopped.is_set():
                    return
                result = Failure(_death(worker.wait()), is_system=True)
                worker, is_new = _start_worker(self._environment), True
                self._workers.append(worker)
            self._results.put((job[0], result))


def _threads(number: int | None) -> dict[str, str]:
    """Variables that libraries of linear algebra read when they are imported."""
    if number is None:
        return {}
    return dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(number))


def _start_worker(environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", _START.format(path=sys.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **environment},
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


def attempt(task: Any, job: Any) -> Any:
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
        pickle.dump(attempt(task, jobs.get()), answers)
        answers.flush()


def _listen(jobs: queue.SimpleQueue[Any]) -> None:
    """Read what is sent; end the process, also in the middle of a job, when the sender is gone."""
    try:
        while True:
            jobs.put(pickle.load(sys.stdin.buffer))
    except EOFError:
        os._exit(0)
