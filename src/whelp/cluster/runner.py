"""Jobs through a Dask scheduler; lost workers cost time and nothing else."""

from __future__ import annotations

import pickle
import queue
import time
import uuid
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from distributed import Client, Future, KilledWorker

from whelp.cluster.errors import ClusterError
from whelp.cluster.helper import Helper, do
from whelp.processes import ProcessDied
from whelp.workers import Failure, Job, Result, Task

# Jobs a worker, one of which waits: none is idle while the next is sent.
_IN_FLIGHT = 2
# How often a job's process may die by a signal on workers that stay.
_RETRIES = 10
_COUNT_SECONDS = 1.0
_NUDGE_SECONDS = 5.0
_NEWS_SECONDS = 60.0


class DaskRunner:
    """Does jobs in the workers of a Dask cluster; a `whelp.workers.Runner`.

    A job whose worker is lost is done again by another, a bounded number of times.

    Args:
        client: Connected to the scheduler.
        environment: Variables of the environment in which jobs are done.
        gpus: Numbers of GPUs to divide among the workers, on this machine only.
        replace: Called now and then: starts workers in place of lost ones.
        tell: Called with what the user should know.
    """

    def __init__(
        self,
        client: Client,
        *,
        environment: Mapping[str, str],
        gpus: Sequence[str] = (),
        replace: Callable[[], object] = lambda: None,
        tell: Callable[[str], object] = lambda _: None,
    ) -> None:
        self._client = client
        self._environment = dict(environment)
        self._gpus = gpus
        self._replace = replace
        self._tell = tell
        self._alive = time.monotonic()
        self._workers, self._counted = 0, -_COUNT_SECONDS

    def run(
        self, task: Task[Job, Result], jobs: Iterable[Job]
    ) -> Generator[tuple[int, Result | Failure]]:
        """Do jobs, see `whelp.workers.Runner`.

        Raises:
            ClusterError: The scheduler is lost, or a worker has another version of whelp.
        """
        name = f"whelp-{uuid.uuid4().hex}"
        helper = Helper(pickle.dumps(task), environment=self._environment, gpus=self._gpus)
        self._client.register_plugin(helper, name=name)
        futures: dict[Future, int] = {}
        try:
            yield from self._stream(name, enumerate(jobs), futures)
        finally:
            # Workers may be gone, and the scheduler, too: then nothing is left to be removed.
            with suppress(Exception):
                self._client.cancel(list(futures), force=True)
                self._client.unregister_worker_plugin(name)

    def _stream(
        self, name: str, jobs: Iterator[tuple[int, Any]], futures: dict[Future, int]
    ) -> Iterator[tuple[int, Any]]:
        """Keep every worker busy, and give results as they come."""
        done: queue.SimpleQueue[Future] = queue.SimpleQueue()
        while True:
            while len(futures) < self._capacity() and (one := next(jobs, None)) is not None:
                at, job = one
                key, retries = f"{name}-{at}", _RETRIES
                future = self._client.submit(do, name, job, key=key, retries=retries, pure=False)
                futures[future] = at
                future.add_done_callback(done.put)
            if not futures:
                return
            future = self._next(done)
            result = _result(future)
            at = futures.pop(future)
            future.release()
            yield at, result

    def _capacity(self) -> int:
        """How many jobs the workers can hold; they are counted anew now and then."""
        now = time.monotonic()
        if now - self._counted > _COUNT_SECONDS:
            self._workers, self._counted = len(self._client.nthreads()), now
        return _IN_FLIGHT * max(1, self._workers)

    def _next(self, done: queue.SimpleQueue[Future]) -> Future:
        """Wait for a result, and see to it that there is somebody to make it."""
        while True:
            try:
                return done.get(timeout=_NUDGE_SECONDS)
            except queue.Empty:
                self._look()

    def _look(self) -> None:
        """Replace lost workers, and say when there are none.

        Raises:
            ClusterError: The scheduler is lost.
        """
        if self._client.status != "running":
            raise _lost()
        self._replace()
        now = time.monotonic()
        if self._client.nthreads():
            self._alive = now
        elif now - self._alive > _NEWS_SECONDS:
            self._alive = now
            self._tell("there are no workers; waiting for one")


def _result(future: Future) -> Any:
    """Give what came of a job.

    Raises:
        ClusterError: The scheduler was lost, or the worker refused.
    """
    if future.status == "finished":
        return future.result()
    if future.status != "error":
        raise _lost()
    error = future.exception()
    if isinstance(error, KilledWorker):
        return Failure(
            "each worker that did it was lost, the last one at "
            f"{error.last_worker.address}; such a job may need more memory than workers have",
            is_system=True,
        )
    if isinstance(error, ProcessDied):
        return Failure(str(error), is_system=True)
    raise error


def _lost() -> ClusterError:
    return ClusterError(
        "the connection to the scheduler is lost; what is done is kept: call it again to go on"
    )
