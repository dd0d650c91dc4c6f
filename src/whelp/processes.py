"""Processes for jobs: fresh interpreters that import only what a job needs.

`multiprocessing` either copies this process, threads of TensorFlow and all, or has each worker run
the user's script again, and leaves workers behind when this process is killed. These processes get
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
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from typing import IO, Any, NamedTuple, cast

from whelp.stopping import REQUEUE, Terminated

PATIENCE = 240.0
"""Seconds that a process gets to end by itself: a training writes a checkpoint."""

_START = "import sys; sys.path[:] = {path!r}; from whelp.processes import serve; serve()"
_ENVIRONMENT = {
    # Arrays are made and dropped all the time: kept by the process, they cost half as much.
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(256 << 20),
    "MALLOC_TOP_PAD_": str(16 << 20),
}


class Failure(NamedTuple):
    """A job that failed.

    Attributes:
        message: Why, for the user.
        is_system: Whether the disk or the machine is to blame and others would fail as well.
    """

    message: str
    is_system: bool = False


class ProcessDied(RuntimeError):
    """A process ended in the middle of a job.

    Attributes:
        killed: Whether a signal or a request ended it: the job need not be to blame.
    """

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.killed = code < 0 or code == REQUEUE

    def __str__(self) -> str:
        return _death(self.args[0])


class Process:
    """A process that does jobs of one task, one at a time, until it is closed.

    Args:
        task: What is done with each job, pickled.
        environment: Variables of its environment, besides those of this process.
    """

    def __init__(self, task: bytes, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START.format(path=sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **_ENVIRONMENT, **environment},
        )
        self._unsent: bytes | None = task

    def do(self, job: Any) -> Any:
        """Do a job; an error in it becomes a `Failure`.

        Raises:
            ProcessDied: The process has ended.
        """
        stdin, stdout = self._pipes()
        try:
            if self._unsent is not None:
                pickle.dump(self._unsent, stdin)
                self._unsent = None
            pickle.dump(pickle.dumps(job), stdin)
            stdin.flush()
            return pickle.load(stdout)
        except (EOFError, OSError, pickle.UnpicklingError, ValueError):
            # A pipe that was closed meanwhile is a value error.
            raise ProcessDied(self._process.wait()) from None

    def ask_to_end(self) -> None:
        """Ask it to end, also in the middle of a job."""
        with suppress(OSError):
            self._pipes()[0].close()

    def end(self, patience: float = 0.0) -> None:
        """End it, also in the middle of a job, with some seconds to end by itself."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(patience)
        self._process.kill()

    def close(self, patience: float = 0.0) -> None:
        """End it as `end` does, and give back what it held; nobody may be waiting for a job."""
        self.end(patience)
        self._process.wait()
        for pipe in self._pipes():
            with suppress(OSError):
                pipe.close()

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        return cast("IO[bytes]", self._process.stdin), cast("IO[bytes]", self._process.stdout)


def thread_variables(number: int | None) -> dict[str, str]:
    """Give what libraries of linear algebra, TensorFlow and XLA read at their import."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    backends = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "NPROC")
    return {} if number is None else dict.fromkeys((*names, *backends), str(number))


def _death(code: int) -> str:
    if code != -9:
        return f"its process ended with code {code}"
    return (
        "its process was killed (signal 9), as the system does when memory runs out; use fewer "
        "processes"
    )


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
    """Be a process for jobs: read them from standard input, write results to standard output."""
    # Ctrl-C reaches the whole group, and so may a batch system's SIGTERM; the process that sent the
    # jobs decides what they mean, unless a job listens itself.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    # What libraries print must not get in between the answers.
    os.dup2(2, 1)
    jobs: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(jobs,), daemon=True).start()
    tasks: list[Any] = []
    sent = jobs.get()
    with suppress(Terminated):
        while True:
            answers.write(_answer(sent, tasks, jobs.get()))
            answers.flush()
    os._exit(REQUEUE)


def _answer(sent: bytes, tasks: list[Any], job: bytes) -> bytes:
    """Do a job by the task, unpacked once; give what came of it, pickled."""
    try:
        if not tasks:
            tasks.append(pickle.loads(sent))
        return pickle.dumps(attempt(tasks[0], pickle.loads(job)))
    except Exception as error:
        traceback.print_exc()
        return pickle.dumps(Failure(f"{type(error).__name__}: {error}", is_system=True))


def _listen(jobs: queue.SimpleQueue[bytes]) -> None:
    """Read what is sent; end the process, also in the middle of a job, when the sender is gone."""
    try:
        while True:
            jobs.put(pickle.load(sys.stdin.buffer))
    except EOFError:
        if signal.getsignal(signal.SIGTERM) is not signal.SIG_IGN:
            # The job wants to be asked.
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(PATIENCE)
        os._exit(0)
