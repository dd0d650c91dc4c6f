"""Scripts that give a command to Slurm: as an array of parts, or as one job."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from whelp.files import atomic_path
from whelp.stopping import REQUEUE

_KEPT = ("KERAS_BACKEND", "XLA_FLAGS")
"""Variables of the environment that are written down: they change what is computed."""

_RUN = """\
# The shell obeys a signal only between two programs: so it waits for one in the background.
asked=
trap 'asked=1; kill -TERM "$program"' TERM
{command} &
program=$!
wait "$program"
code=$?
while [ "$code" -gt 128 ] && [ -n "$asked" ]; do
    asked=
    wait "$program"
    code=$?
done
"""
_REQUEUE = """\
# Stopped at the time limit, with all that was done kept: back into the queue.
if [ "$code" -eq {code} ] && [ "${{SLURM_RESTART_COUNT:-0}}" -lt {most} ]; then
    scontrol requeue "$SLURM_JOB_ID"
fi
"""


@dataclass(frozen=True)
class SlurmJob:
    """What is asked of Slurm.

    Attributes:
        name: Of the jobs.
        time: Time limit, as Slurm writes it; None for the cluster's.
        cpus: Cores of a job.
        memory: Memory of a job, as Slurm writes it; None for the cluster's.
        gpus: GPUs of a job.
        directives: Further options of `sbatch`, such as `--partition=gpu`.
        setup: Lines of shell before the command.
        grace: How long before the time limit the command is asked to end, in seconds.
        requeues: How often at most a job goes back into the queue.
    """

    name: str
    time: str | None = None
    cpus: int = 4
    memory: str | None = None
    gpus: int = 0
    directives: Sequence[str] = ()
    setup: Sequence[str] = ()
    grace: int = 300
    requeues: int = 100


def write_job(folder: Path, command: Sequence[str], job: SlurmJob) -> list[Path]:
    """Write the script of one job, and the one that submits it.

    Args:
        folder: Folder of the scripts and logs.
        command: Words after `whelp`; what it has done, it must be able to go on with.
        job: What is asked of Slurm.

    Returns:
        The scripts; the last one submits the others.

    Raises:
        OSError: They cannot be written.
    """
    script = _write(folder / "job.sh", _script(folder, command, job, log="job"))
    return [script, _write_submit(folder, [script.name])]


def write_array(
    folder: Path,
    command: Sequence[str],
    job: SlurmJob,
    *,
    parts: int,
    rounds: int = 1,
    gather: Sequence[str],
) -> list[Path]:
    """Write the script of an array of parts, that of what ends the work, and the one to submit.

    Args:
        folder: Folder of the scripts and logs.
        command: Words after `whelp`, without `--part`.
        job: What is asked of Slurm; what gathers gets no GPU.
        parts: How many parts.
        rounds: How often all parts are called, one round after the other.
        gather: Words after `whelp` of what ends the work.

    Returns:
        The scripts; the last one submits the others.

    Raises:
        OSError: They cannot be written.
    """
    part = _write(folder / "part.sh", _script(folder, command, job, log="part-%a", parts=parts))
    after = _write(folder / "gather.sh", _script(folder, gather, _plain(job), log="gather"))
    names = [part.name] * rounds + [after.name]
    return [part, after, _write_submit(folder, names)]


def _plain(job: SlurmJob) -> SlurmJob:
    return SlurmJob(
        name=f"{job.name}-gather",
        time=job.time,
        cpus=job.cpus,
        memory=job.memory,
        directives=job.directives,
        setup=job.setup,
        grace=job.grace,
        requeues=job.requeues,
    )


def _script(
    folder: Path, command: Sequence[str], job: SlurmJob, *, log: str, parts: int | None = None
) -> str:
    words = shlex.join(command)
    if parts is not None:
        words += f' --part "$SLURM_ARRAY_TASK_ID/{parts}"'
    program = shlex.join([sys.executable, "-m", "whelp.cli.main"])
    kept = [
        f"export {name}={shlex.quote(os.environ[name])}" for name in _KEPT if name in os.environ
    ]
    lines = [
        "#!/bin/bash",
        *(f"#SBATCH {line}" for line in _directives(folder, job, log=log, parts=parts)),
        "",
        f"cd {shlex.quote(os.getcwd())} || exit 1",
        *kept,
        *job.setup,
        f"whelp=({program})",
        "",
        _RUN.format(command=f'"${{whelp[@]}}" {words}').rstrip(),
        _REQUEUE.format(code=REQUEUE, most=job.requeues).rstrip(),
        'exit "$code"',
    ]
    return "\n".join(lines) + "\n"


def _directives(folder: Path, job: SlurmJob, *, log: str, parts: int | None) -> Iterator[str]:
    yield f"--job-name={job.name}"
    if parts is not None:
        yield f"--array=1-{parts}"
    yield f"--output={shlex.quote(str(Path(os.path.abspath(folder)) / 'logs' / f'{log}.log'))}"
    yield "--open-mode=append"
    yield "--requeue"
    yield f"--signal=B:TERM@{job.grace}"
    if job.time is not None:
        yield f"--time={job.time}"
    yield "--ntasks=1"
    yield f"--cpus-per-task={job.cpus}"
    if job.memory is not None:
        yield f"--mem={job.memory}"
    if job.gpus:
        yield f"--gres=gpu:{job.gpus}"
    yield from job.directives


def _write_submit(folder: Path, names: Sequence[str]) -> Path:
    """Write what submits scripts, each after the one before it has succeeded."""
    lines = ["#!/bin/bash", "set -euo pipefail", 'cd "$(dirname "$0")"', "mkdir -p logs"]
    for at, name in enumerate(names):
        after = '--dependency="afterok:${job%%;*}" --kill-on-invalid-dep=yes ' if at else ""
        lines += [f"job=$(sbatch --parsable {after}{name})", f'echo "{name}: job ${{job%%;*}}"']
    return _write(folder / "submit.sh", "\n".join(lines) + "\n")


def _write(path: Path, text: str) -> Path:
    with atomic_path(path) as partial:
        partial.write_text(text, encoding="utf-8")
    path.chmod(path.stat().st_mode | 0o111)
    return path
