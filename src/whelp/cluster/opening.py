"""A cluster by one word: `local`, the address of a scheduler, or a file for a batch system."""

from __future__ import annotations

import importlib.util
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from whelp.cluster.errors import ClusterError

if TYPE_CHECKING:
    from whelp.cluster.runner import DaskRunner

_ADDRESS = re.compile(r"(tcp|tls|ws|wss|ucx)://.+")

Tell = Callable[[str], object]


@contextmanager
def open_runner(
    spec: str,
    *,
    workers: int | None = None,
    threads: int | None = None,
    gpus: bool = True,
    patience: float = 60,
    tell: Tell = lambda _: None,
) -> Iterator[DaskRunner]:
    """Open a cluster, and close what was started for it.

    A script of your own calls this below `if __name__ == "__main__":`, for workers of this machine
    import it once more.

    Args:
        spec: `local` for workers on this machine; the address of a scheduler that is there, such as
            `tcp://10.0.0.1:8786`; or a YAML file of dask-jobqueue for a batch system.
        workers: How many. By default, on this machine, one a GPU or, without one, a core, as far as
            memory goes; of a scheduler, those that it has; of a batch system, what the file says.
        threads: Threads in which a worker computes; by default its share of the cores.
        gpus: Whether jobs use GPUs.
        patience: Seconds to wait for a scheduler to answer and for the first of its workers. A
            batch system may take its time.
        tell: Called with what the user should know: the address of the dashboard, the workers.

    Yields:
        What does jobs in the workers.

    Raises:
        ClusterError: Dask is not installed, the file is wrong, nothing answers, there are no
            workers, or they have another version of whelp.
    """
    if importlib.util.find_spec("distributed") is None:
        raise ClusterError(
            f"--cluster {spec} needs Dask, which is not installed: pip install 'whelp[cluster]'"
        )
    from whelp.cluster.batch import open_batch
    from whelp.cluster.local import open_local
    from whelp.cluster.scheduler import open_scheduler

    if spec == "local":
        opened = open_local(workers=workers, threads=threads, gpus=gpus, tell=tell)
    elif _ADDRESS.fullmatch(spec):
        if workers is not None:
            raise ClusterError(f"{spec} has the workers that it has; leave --workers {workers} out")
        opened = open_scheduler(spec, threads=threads, patience=patience, tell=tell)
    elif Path(spec).is_file():
        opened = open_batch(Path(spec), workers=workers, threads=threads, tell=tell)
    else:
        raise ClusterError(
            f"--cluster {spec}: expected the word local, the address of a scheduler such as "
            "tcp://10.0.0.1:8786, or a YAML file that exists"
        )
    with _quiet(), opened as runner:
        yield runner


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps Dask's tracebacks of a lost scheduler back: the runner says it in a sentence."""
    logger = logging.getLogger("distributed.client")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
