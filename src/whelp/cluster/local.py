"""Workers on this machine."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import dask
from dask.system import CPU_COUNT
from distributed import Client, LocalCluster
from distributed.system import MEMORY_LIMIT

from whelp.cluster.machine import sensible_workers, visible_gpus
from whelp.cluster.runner import DaskRunner
from whelp.cluster.scheduler import Tell, await_workers, dashboard, job_environment

LOST_WORKERS = {"distributed.scheduler.allowed-failures": 10}
"""How many workers may be lost over one job, which may have nothing to do with it."""

# Ctrl-C reaches the whole group; this process decides what it means.
_DEAF = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"


@contextmanager
def open_local(
    *, workers: int | None, threads: int | None, gpus: bool, tell: Tell
) -> Iterator[DaskRunner]:
    """Start workers on this machine, and end them.

    Args:
        workers: How many; None for one a GPU or, without one, a core, as far as memory goes.
        threads: Threads in which a worker computes; None for its share of the cores.
        gpus: Whether jobs use GPUs, which are then divided among the workers.
        tell: Called with what the user should know.

    Raises:
        ClusterError: The workers do not start.
    """
    numbers = visible_gpus() if gpus else []
    number = workers or len(numbers) or sensible_workers(CPU_COUNT, MEMORY_LIMIT)
    each = threads or max(1, CPU_COUNT // number)
    with dask.config.set(LOST_WORKERS), _cluster(number) as cluster, Client(cluster) as client:
        tell(f"{dashboard(client)}; {each} threads a worker")
        await_workers(client, patience=None, tell=tell)
        yield DaskRunner(
            client,
            environment=job_environment(each),
            gpus=numbers,
            replace=lambda: cluster.scale(number),
            tell=tell,
        )


@contextmanager
def any_port() -> Iterator[None]:
    """Lets the dashboard take another port where its own is taken; its address says which."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _cluster(workers: int) -> LocalCluster:
    with any_port():
        return LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            # A job is done in a process of its own, of whose memory Dask knows nothing.
            memory_limit=0,
            # A lost job is done again or told by us; Dask would print a traceback at each loss.
            silence_logs=logging.CRITICAL,
            preload=[_DEAF],
        )
