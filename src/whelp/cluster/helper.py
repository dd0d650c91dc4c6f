"""What whelp puts into a Dask worker: a process of its own that does one run's jobs.

A worker that computes in its own process cannot answer its scheduler while a library holds Python's
lock, is taken for dead, and its work is done again; and what it imports stays as it was configured
at first. So the worker stays as it is, and hands each job to a fresh process, whose environment is
set before anything is imported, and which ends with the run or with the worker.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from distributed import Worker, WorkerPlugin, get_worker

import whelp
from whelp.cluster.errors import ClusterError
from whelp.processes import PATIENCE, Failure, Process, ProcessDied


class Helper(WorkerPlugin):
    """Does the jobs of a run in a worker, one at a time, however many threads the worker has.

    Args:
        task: What is done with each job, pickled.
        environment: Variables of the environment in which it is done.
        gpus: Numbers of GPUs to divide among the workers of this machine; none for other workers.

    Attributes:
        version: whelp's, where the run was begun.
    """

    def __init__(
        self, task: bytes, *, environment: Mapping[str, str], gpus: Sequence[str] = ()
    ) -> None:
        self.version = whelp.__version__
        self._task = task
        self._environment = dict(environment)
        self._gpus = tuple(gpus)

    def setup(self, worker: Worker) -> None:
        """Get ready in a worker; the process is begun with the first job."""
        self._lock = threading.Lock()
        self._process: Process | None = None
        self._where = worker.address
        if self._gpus:
            gpu = self._gpus[int(worker.name) % len(self._gpus)]
            self._environment["CUDA_VISIBLE_DEVICES"] = gpu

    def do(self, job: Any) -> Any:
        """Do a job.

        Raises:
            ClusterError: The worker has another version of whelp.
            ProcessDied: A signal ended the process: another worker may try.
        """
        if whelp.__version__ != self.version:
            raise ClusterError(other_version(self._where, whelp.__version__, self.version))
        with self._lock:
            if self._process is None:
                self._process = Process(self._task, self._environment)
            try:
                return self._process.do(job)
            except ProcessDied as died:
                self._process.close()
                self._process = None
                if died.killed:
                    raise
                return Failure(str(died), is_system=True)

    def teardown(self, worker: Worker) -> None:
        """Ask the process to end; it may take its time, and outlive the worker meanwhile."""
        if self._process is not None:
            self._process.ask_to_end()
            threading.Thread(target=self._process.close, args=(PATIENCE,), daemon=True).start()


def do(run: str, job: Any) -> Any:
    """Do a job in this worker, by the helper of a run."""
    return get_worker().plugins[run].do(job)


def other_version(where: str, theirs: str, ours: str) -> str:
    """Say that a worker must not take part."""
    return (
        f"the worker at {where} has whelp {theirs}, and this is whelp {ours}: scores of both would "
        f"be mixed. Install whelp {ours} there, or start the worker from this environment."
    )
