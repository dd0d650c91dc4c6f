"""What the commands that score, mutate and predict with Baskerville's flags have in common."""

from __future__ import annotations

import argparse
import pickle
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whelp.cli.console import say, show_notes
from whelp.cli.errors import run_guarded

if TYPE_CHECKING:
    from whelp.fitting import EvaluationFiles

_REFUSED = {
    "gcs": "--gcs: whelp reads and writes local files; copy them with `gcloud storage cp` before "
    "and after",
    "tensorrt": "--tensorrt: models in TensorRT's format are not read; give the .h5 weights, which "
    "are compiled for the device that is there",
}
_LISTS = ("--shifts", "--stats")
_DEFAULT = "  [default: %(default)s]"
_SWITCH = {"action": "store_true"}
_FLAGS: dict[str, dict[str, Any]] = {
    "-f": {"dest": "genome_fasta", "help": "genome FASTA"},
    "--float16": {**_SWITCH, "help": "compute in mixed float16"},
    "--indel_stitch": {**_SWITCH, "help": "stitch predictions of insertions and deletions"},
    "-o": {"dest": "out_dir", "help": f"output directory{_DEFAULT}"},
    "-p": {"dest": "processes", "type": int, "help": "number of jobs, with the number of one"},
    "--rc": {**_SWITCH, "help": "average forward and reverse-complement predictions"},
    "--shifts": {"default": "0", "help": f"shifts to average over, bp{_DEFAULT}"},
    "--stats": {
        "dest": "snp_stats",
        "default": "logSUM",
        "help": f"statistics, with commas{_DEFAULT}",
    },
    "-t": {
        "dest": "targets_file",
        "help": "targets table: the tracks, and which are strand pairs",
    },
    "-u": {**_SWITCH, "dest": "untransform_old", "help": "undo the squashing of old models"},
    "--untransform_old": {**_SWITCH, "help": "undo the squashing of old models"},
    "--require_gpu": {**_SWITCH, "help": "stop if there is no GPU"},
    "--gcs": {**_SWITCH, "help": "refused: local files only"},
    "--tensorrt": {**_SWITCH, "help": "refused: .h5 weights only"},
}
"""Flags that mean the same in several commands."""

SCORING_FLAGS = (
    *("-f", "--float16", "--indel_stitch", "-o", "-p", "--rc", "--shifts", "--stats", "-t", "-u"),
    *("--require_gpu", "--gcs", "--tensorrt"),
)
"""Those of the commands that score variants."""


class OptionsError(ValueError):
    """A file of options that cannot be used, or options that contradict one another."""


class _Options(pickle.Unpickler):
    """Reads pickled options and nothing else: a pickle could run any code."""

    def find_class(self, module: str, name: str) -> Any:
        """Give the classes that options are of."""
        if (module, name) == ("optparse", "Values"):
            import optparse

            return optparse.Values
        if (module, name) == ("argparse", "Namespace"):
            return argparse.Namespace
        raise pickle.UnpicklingError(f"it holds {module}.{name}")


def add_flags(parser: argparse.ArgumentParser, *names: str, **defaults: Any) -> None:
    """Adds flags that several commands have.

    Args:
        parser: The command's parser.
        *names: The flags, such as "-f".
        **defaults: Defaults of this command, by the name of the option, such as `out_dir`.
    """
    for name in names:
        parser.add_argument(name, **_FLAGS[name])
    parser.set_defaults(**defaults)


def add_evaluated(parser: argparse.ArgumentParser) -> None:
    """Adds the three arguments of commands that evaluate."""
    parser.add_argument("params_file", help="JSON file with parameters")
    parser.add_argument("model_file", help="trained weights, a .h5")
    parser.add_argument("data_dir", help="train/valid/test data directory")


def evaluated_files(
    args: argparse.Namespace, *, pattern: str | None = None, half: bool = False
) -> EvaluationFiles:
    """Gives what a command evaluates on what.

    Args:
        args: Has the arguments of `add_evaluated`, head_i, split and targets_file.
        pattern: Pattern of record files, in place of the split's.
        half: Whether to compute in mixed float16.
    """
    from whelp.fitting import EvaluationFiles

    return EvaluationFiles(
        params=args.params_file,
        weights=args.model_file,
        data_dir=args.data_dir,
        head=args.head_i,
        split=args.split,
        pattern=pattern,
        targets_file=args.targets_file,
        precision="mixed_float16" if half else "float32",
    )


def run_drop_in(
    parser: argparse.ArgumentParser,
    run: Callable[[argparse.ArgumentParser, argparse.Namespace], None],
) -> None:
    """Runs a command on the command line of this process, and ends the process."""
    args = parser.parse_args(_joined(sys.argv[1:]))
    show_notes()
    sys.exit(run_guarded(lambda: run(parser, args)))


def _joined(words: Sequence[str]) -> list[str]:
    """Join a list such as -1,0,1 to its flag: it would be taken for a flag itself."""
    joined: list[str] = []
    for word in words:
        if joined and joined[-1] in _LISTS:
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def check_files(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Refuses what is not offered, and asks for the targets table and the genome."""
    for name, reason in _REFUSED.items():
        if getattr(options, name, False):
            raise OptionsError(reason)
    if options.targets_file is None:
        parser.error("a targets table is needed: -t targets.txt")
    if options.genome_fasta is None:
        parser.error("a genome is needed: -f genome.fa")


def arrange(
    parser: argparse.ArgumentParser, args: argparse.Namespace
) -> tuple[argparse.Namespace, list[Path], tuple[int, int]]:
    """Gives the options, the three files, and which of how many jobs this is."""
    words: list[str] = args.files
    if not 3 <= len(words) <= 5:
        parser.error("expected the parameters, the weights and the variants")
    if len(words) == 3:
        if args.processes is not None:
            raise OptionsError(
                f"-p {args.processes}: which of the jobs is this? Give a file of options before "
                f"the other files and the job's number behind them, or leave -p out: one process "
                f"scores all variants"
            )
        return args, [Path(word) for word in words], (0, 1)
    out_dir = args.out_dir
    given = _read_options(Path(words[0]))
    options = argparse.Namespace(**{**vars(args), **given})
    files = [Path(word) for word in words[1:4]]
    if len(words) == 4:
        options.out_dir = out_dir
        return options, files, (0, 1)
    jobs = options.processes or 1
    if not words[4].isdecimal() or int(words[4]) >= jobs:
        raise OptionsError(f"the last argument is a job's number from 0 to {jobs - 1}: {words[4]}")
    options.out_dir = f"{options.out_dir}/job{int(words[4])}"
    return options, files, (int(words[4]), jobs)


def _read_options(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        try:
            return dict(vars(_Options(file).load()))
        except (pickle.UnpicklingError, EOFError, TypeError, AttributeError) as error:
            raise OptionsError(
                f"{path}: expected pickled options of the command line, as Baskerville's scripts "
                f"for several jobs write them ({error})"
            ) from None


def read_statistics(words: str | Sequence[Any]) -> Sequence[str]:
    """Reads names of statistics, and refuses unknown ones; no Keras is needed."""
    from whelp.scoring.statistics import check_statistics

    return check_statistics(_split(words))


def _split(words: str | Sequence[Any]) -> list[Any]:
    """Split words at commas; options of a file may be split already."""
    parts = words.split(",") if isinstance(words, str) else words
    return [part.strip() if isinstance(part, str) else part for part in parts if part != ""]


def read_shifts(words: str | Sequence[Any]) -> list[int]:
    """Reads a list of shifts in bp."""
    try:
        return [int(part) for part in _split(words)]
    except ValueError:
        raise OptionsError(f"--shifts: {words!r} is not a list such as 0,1,-1") from None


def check_device(*, required: bool = False) -> None:
    """Says where the model will run, in IEEE float32; an error if a GPU is required and missing."""
    from whelp.training.devices import available_devices, set_tf32

    set_tf32(False)
    if any(name.startswith(("gpu", "tpu")) for name in available_devices()):
        say("Running on GPU")
        return
    say("Running on CPU")
    if required:
        raise OptionsError("--require_gpu: there is no GPU that the backend can use")
