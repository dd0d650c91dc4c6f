"""Work that is divided: tasks, jobs, and who does them side by side."""

from __future__ import annotations

import pickle
import queue
import threading
import time
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any, Protocol, TypeVar

from whelp.processes import PATIENCE, Failure, Process, ProcessDied, attempt, thread_variables

__all__ = ["Failure", "Job", "Processes", "Result", "Runner", "Task"]

Job = TypeVar("Job", contravariant=True)
Result = TypeVar("Result", covariant=True)

# Jobs for which a single process, which is faster at them, has earned its start.
_WORTH_A_PROCESS = 24
# Jobs a process, one of which waits: none is idle while results are looked at.
_IN_FLIGHT = 2


class Task(Protocol[Job, Result]):
    """What is done with each job; sent to every worker once."""

    def __call__(self, job: Job, /) -> Result:
        """Do one job."""


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

    A job whose process dies has failed; another process takes its place.

    Attributes:
        number: How many jobs at a time.
        threads: Threads in which each process computes; None leaves it to the libraries.
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
        enough = 1 if self.apart else _WORTH_A_PROCESS if self.number == 1 else 2
        rest = iter(jobs)
        first = list(islice(rest, enough))
        if len(first) < enough:
            for at, job in enumerate(first):
                yield at, attempt(task, job)
            return
        pool = _Pool(task, {**thread_variables(self.threads), **self.environment})
        try:
            yield from pool.do(chain(first, rest), self.number)
        finally:
            pool.stop()


class _Pool:
    """Processes, each with a thread here that hands it jobs."""

    def __init__(self, task: Any, environment: Mapping[str, str]) -> None:
        self._task, self._environment = pickle.dumps(task), environment
        self._results: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()
        self._jobs: queue.SimpleQueue[tuple[int, Any] | None] = queue.SimpleQueue()
        self._processes: list[Process] = []
        self._threads: list[threading.Thread] = []
        self._stopped = threading.Event()

    def do(self, jobs: Iterable[Any], processes: int) -> Iterator[tuple[int, Any]]:
        """Do jobs in so many processes, or fewer where there are fewer jobs."""
        waiting = enumerate(jobs)
        begun = list(islice(waiting, _IN_FLIGHT * processes))
        for job in begun:
            self._jobs.put(job)
        for _ in range(min(processes, len(begun))):
            thread = threading.Thread(target=self._attend, args=(self._begin(),), daemon=True)
            thread.start()
            self._threads.append(thread)
        unfinished = len(begun)
        while unfinished:
            result = self._results.get()
            unfinished -= 1
            for job in islice(waiting, 1):
                self._jobs.put(job)
                unfinished += 1
            yield result

    def stop(self) -> None:
        """End the processes, also in the middle of a job; trainings write a checkpoint first."""
        self._stopped.set()
        for _ in self._threads:
            self._jobs.put(None)
        for process in self._processes:
            process.ask_to_end()
        begun = time.monotonic()
        for process in self._processes:
            process.end(max(0.0, begun + PATIENCE - time.monotonic()))
        for thread in self._threads:
            thread.join()
        for process in self._processes:
            process.close()

    def _begin(self) -> Process:
        self._processes.append(Process(self._task, self._environment))
        return self._processes[-1]

    def _attend(self, process: Process) -> None:
        """Hand jobs to a process until there are none; a new one takes the place of a dead one."""
        while (job := self._jobs.get()) is not None and not self._stopped.is_set():
            try:
                result = process.do(job[1])
            except ProcessDied as died:
                if self._stopped.is_set():
                    return
                result = Failure(str(died), is_system=True)
                process = self._begin()
            self._results.put((job[0], result))
