"""Workers that a batch system starts: a job for each."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dask
import yaml
from distributed import Client

from whelp.cluster.errors import ClusterError
from whelp.cluster.local import LOST_WORKERS, any_port
from whelp.cluster.runner import DaskRunner
from whelp.cluster.scheduler import Tell, await_workers, dashboard, job_environment
from whelp.wording import listed

_CLASSES = {
    "slurm": "SLURMCluster",
    "pbs": "PBSCluster",
    "lsf": "LSFCluster",
    "sge": "SGECluster",
    "oar": "OARCluster",
    "moab": "MoabCluster",
    "htcondor": "HTCondorCluster",
    "local": "LocalCluster",
}
_EXAMPLE = """\
jobqueue:
  slurm:
    cores: 4
    memory: 32GB
    walltime: "12:00:00"
    job-extra-directives: ["--gres=gpu:1"]"""


@contextmanager
def open_batch(
    path: Path, *, workers: int | None, threads: int | None, tell: Tell
) -> Iterator[DaskRunner]:
    """Have a batch system start workers, one a job, and end them.

    Args:
        path: A configuration of dask-jobqueue: `jobqueue:`, the system, and its settings.
        workers: How many; None for the `n_workers` of the file.
        threads: Threads in which a worker computes; None for the cores of a job.
        tell: Called with what the user should know.

    Raises:
        ClusterError: The file is wrong, or the batch system takes no jobs.
    """
    system, settings = _read(path)
    number = workers or settings.pop("n-workers", None)
    if not number:
        raise ClusterError(f"{path}: how many workers? Give --workers, or n_workers in the file")
    with (
        dask.config.set({**LOST_WORKERS, f"jobqueue.{system}": settings}),
        _cluster(path, system, settings) as cluster,
        Client(cluster) as client,
    ):
        cluster.scale(number)
        tell(f"{dashboard(client)}; {number} jobs asked for")
        await_workers(client, patience=None, tell=tell)
        yield DaskRunner(
            client,
            environment=job_environment(threads or int(settings["cores"])),
            replace=lambda: cluster.scale(number),
            tell=tell,
        )


def _read(path: Path) -> tuple[str, dict[str, Any]]:
    """Read which batch system a file is for, and its settings with those that it leaves out.

    Raises:
        ClusterError: It is no such file.
    """
    if importlib.util.find_spec("dask_jobqueue") is None:
        raise ClusterError(f"{path} needs dask-jobqueue: pip install 'whelp[cluster]'")
    import dask_jobqueue  # noqa: F401  (brings its defaults)

    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ClusterError(f"{path}: this is no YAML file ({error})") from None
    section = found.get("jobqueue") if isinstance(found, Mapping) else None
    if not isinstance(section, Mapping) or len(section) != 1 or not {*section} <= {*_CLASSES}:
        raise ClusterError(
            f"{path}: expected the section jobqueue, and in it one of {', '.join(_CLASSES)}, as "
            f"dask-jobqueue has it, such as\n{_EXAMPLE}"
        )
    ((system, given),) = section.items()
    settings = dict(dask.config.get(f"jobqueue.{system}"))
    given = {name.replace("_", "-"): value for name, value in (given or {}).items()}
    unknown = [name for name in given if name not in {*settings, "n-workers"}]
    if unknown:
        raise ClusterError(
            f"{path}: {system} has no {listed(unknown)}; it has {', '.join(sorted(settings))}"
        )
    return system, {**settings, **given}


def _cluster(path: Path, system: str, settings: Mapping[str, Any]) -> Any:
    """Get ready to send jobs, each with one worker that does one job of whelp's at a time."""
    import dask_jobqueue
    import dask_jobqueue.local

    home = dask_jobqueue.local if system == "local" else dask_jobqueue
    # The last of two options counts. The batch system watches over the memory of a job.
    once = ["--nthreads", "1", "--memory-limit", "0"]
    extra = [*(settings.get("worker-extra-args") or []), *once]
    try:
        with any_port():
            return getattr(home, _CLASSES[system])(processes=1, worker_extra_args=extra)
    except (ValueError, TypeError, OSError) as error:
        raise ClusterError(f"{path}: {error}") from None
