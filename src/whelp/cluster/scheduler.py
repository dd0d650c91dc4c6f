"""A scheduler: connected to, and its workers looked at before they are given work."""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from distributed import Client

import whelp
from whelp._keras_setup import choose_backend
from whelp.cluster.errors import ClusterError
from whelp.cluster.helper import other_version
from whelp.cluster.runner import DaskRunner
from whelp.processes import thread_variables

_KEPT = ("KERAS_HOME", "TF_CPP_MIN_LOG_LEVEL", "XLA_FLAGS", "TF_XLA_FLAGS")
_NEWS_SECONDS = 60.0

Tell = Callable[[str], object]


@contextmanager
def open_scheduler(
    address: str, *, threads: int | None, patience: float, tell: Tell
) -> Iterator[DaskRunner]:
    """Use a scheduler that is there, and leave it there.

    Args:
        address: Such as `tcp://10.0.0.1:8786`.
        threads: Threads in which a worker computes; None leaves it to the libraries.
        patience: Seconds to wait for an answer, and for a worker.
        tell: Called with what the user should know.

    Raises:
        ClusterError: Nothing answers, there are no workers, or they cannot take part.
    """
    try:
        client = Client(address, timeout=patience, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"no scheduler answers at {address} ({error}). Start one with `dask scheduler`, and "
            "workers with `dask worker ADDRESS`; it must be reached from here"
        ) from None
    with client:
        tell(dashboard(client))
        await_workers(client, patience=patience, tell=tell)
        yield DaskRunner(client, environment=job_environment(threads), tell=tell)


def await_workers(client: Client, *, patience: float | None, tell: Tell) -> None:
    """Wait for the first worker, and refuse those that cannot take part.

    Args:
        client: Connected to the scheduler.
        patience: Seconds to wait; None for ever, as a batch system has its own time.
        tell: Called with what the user should know.

    Raises:
        ClusterError: There are none in time, or one is without whelp or has another version.
    """
    begun = time.monotonic()
    while not client.nthreads():
        waited = time.monotonic() - begun
        if patience is not None and waited > patience:
            raise ClusterError(
                f"the scheduler at {client.scheduler.address} has no workers, after {patience:g} "
                f"seconds: start some with `dask worker {client.scheduler.address}`"
            )
        left = _NEWS_SECONDS if patience is None else max(0.1, patience - waited)
        try:
            client.wait_for_workers(1, timeout=min(left, _NEWS_SECONDS))
        except TimeoutError:
            if patience is None:
                tell(f"still waiting for a worker, after {waited + left:.0f} s")
    _check(client)
    tell(f"{len(client.nthreads())} workers at {client.scheduler.address}")


def job_environment(threads: int | None) -> dict[str, str]:
    """Give the variables in which jobs are done: the backend of this process, and threads."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    backend = choose_backend()
    chosen = {} if backend is None else {"KERAS_BACKEND": backend}
    return chosen | kept | thread_variables(threads)


def _check(client: Client) -> None:
    """Refuse workers without whelp, or with another version."""
    # A function of whelp's could not be sent to a worker that has none.
    question = "__import__('whelp').__version__"
    found: dict[str, Any] = client.run(eval, question, on_error="return")
    for where, version in found.items():
        if isinstance(version, ModuleNotFoundError):
            raise ClusterError(
                f"the worker at {where} cannot import {version.name or version}, and this is whelp "
                f"{whelp.__version__}. Install whelp {whelp.__version__} there, or start the "
                "worker from this environment."
            )
        if isinstance(version, BaseException):
            raise version
        if version != whelp.__version__:
            raise ClusterError(other_version(where, version, whelp.__version__))


def dashboard(client: Client) -> str:
    """Say where the dashboard is."""
    more = "" if importlib.util.find_spec("bokeh") else " (its plots need bokeh: pip install bokeh)"
    return f"dashboard: {client.dashboard_link}{more}"
