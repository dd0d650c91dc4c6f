"""`whelp sbatch`."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from whelp.cli.common import NEW_FOLDER, guarded
from whelp.cli.console import say

_HELP = """\
Write scripts that give a command of whelp to Slurm.

COMMAND is what one would type, checked here as far as can be without doing it. With --parts N it
becomes an array of N jobs, each with its share (--part I/N), and a job that gathers the results
when all have ended well. Without, it is one job, such as a training.

--grace seconds before the time limit Slurm sends a signal: a training writes a checkpoint in the
middle of the epoch, other commands keep what is finished; the job goes back into the queue, and on
from there. Scripts are plain bash: look at them, change them, and submit them by the last one.

\b
FOLDER then holds
  part.sh, gather.sh      the jobs; or job.sh
  submit.sh               submits them: bash FOLDER/submit.sh
  logs/                   what the jobs print

\b
Example:
  whelp sbatch --parts 8 --cpus 2 --mem 8G -o jobs/data \\
      whelp data hg38.fa targets.txt --out slurm_data --model params.json
  whelp sbatch --gpus 1 --time 1-00:00:00 --sbatch --partition=gpu -o jobs/lora \\
      whelp transfer params.json data --weights trunk.h5 -o out/lora
  whelp sbatch --parts 32 --gpus 1 --setup 'module load cuda' -o jobs/scores \\
      whelp score params.json model.h5 variants.vcf -g hg38.fa -t data/targets.txt -o scores
"""
_ROUNDS = {"data": 2}
"""How often parts are called: those of a data set read tracks, and then write records."""


@click.command("sbatch", help=_HELP, context_settings={"allow_interspersed_args": False})
@click.option(
    "-o",
    "--out",
    "--out-dir",
    "folder",
    type=NEW_FOLDER,
    required=True,
    metavar="FOLDER",
    help="Folder of the scripts and logs.",
)
@click.option("--parts", type=click.IntRange(min=1), help="Jobs that share the work.")
@click.option("--time", help="Time limit of a job, such as 4:00:00.  [default: the cluster's]")
@click.option("--cpus", type=int, default=4, show_default=True, help="Cores of a job.")
@click.option("--mem", "memory", help="Memory of a job, such as 16G.  [default: the cluster's]")
@click.option("--gpus", type=int, default=0, show_default=True, help="GPUs of a job.")
@click.option(
    "--sbatch",
    "directives",
    multiple=True,
    metavar="OPTION",
    help="Further option of sbatch, such as --partition=gpu; repeatable.",
)
@click.option(
    "--setup",
    multiple=True,
    metavar="LINE",
    help="Line of shell before the command, such as 'module load cuda'; repeatable.",
)
@click.option(
    "--grace",
    type=int,
    default=300,
    show_default=True,
    help="Seconds before the time limit at which the command is asked to end.",
)
@click.option("--name", help="Name of the jobs.  [default: whelp-COMMAND]")
@click.argument("words", metavar="COMMAND...", nargs=-1, required=True, type=click.UNPROCESSED)
@functools.partial(guarded, backend=False)
def command(folder: Path, parts: int | None, words: Sequence[str], **options: Any) -> None:
    """Write scripts that give a command of whelp to Slurm."""
    from whelp.cluster.array_scripts import SlurmJob, write_array, write_job

    name, *rest = words[1:] if words[0] == "whelp" else words
    out_dir = _check(name, rest, parts=parts)
    if (folder / "submit.sh").exists():
        raise FileExistsError(
            f"{folder} holds scripts already, which you may have changed; remove them, or choose "
            "another folder"
        )
    asked = {**options, "name": options["name"] or f"whelp-{name}"}
    job = SlurmJob(**asked)
    line = [name, *rest, *([] if "--resume" in rest else ["--resume"])]
    if parts is None:
        scripts = write_job(folder, line, job)
    else:
        rounds, gather = _ROUNDS.get(name, 1), ["gather", str(out_dir)]
        scripts = write_array(folder, line, job, parts=parts, rounds=rounds, gather=gather)
    for script in scripts[:-1]:
        say(f"wrote {script}")
    say(f"submit: bash {scripts[-1]}")


def _check(name: str, words: Sequence[str], *, parts: int | None) -> Path:
    """Checks a command without doing it; gives the folder of its results.

    Raises:
        click.UsageError: It is wrong, or cannot be divided, or cannot go on after a stop.
    """
    from whelp.cli.main import COMMANDS, main

    outer = click.get_current_context().find_root()
    inner = main.get_command(outer, name)
    if inner is None:
        raise click.UsageError(
            f"there is no command whelp {name}; expected one of {', '.join(COMMANDS)}, with its "
            "arguments"
        )
    known = {option for param in inner.params for option in param.opts}
    if "--resume" not in known:
        raise click.UsageError(f"whelp {name} cannot go on after a stop, as jobs must")
    if parts is not None and "--part" not in known:
        raise click.UsageError(f"whelp {name} cannot be done in parts; leave --parts out")
    for word in ("--part", "--cluster", "--overwrite"):
        if any(given == word or given.startswith(f"{word}=") for given in words):
            raise click.UsageError(f"leave {word} out: the jobs have their own ways")
    asked = inner.make_context(name, list(words), parent=outer)
    folder = next(param.name for param in inner.params if "-o" in param.opts)
    return Path(asked.params[str(folder)])
