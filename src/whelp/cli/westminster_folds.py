"""`westminster_train_folds.py`, with the flags of calico/westminster's command of this name."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whelp.cli.common import command_line
from whelp.cli.console import say, show_notes, warn
from whelp.cli.drop_in import drop_in_parser
from whelp.cli.errors import run_guarded
from whelp.cli.fold_display import say_plan, train_and_report

if TYPE_CHECKING:
    from whelp.fitting.options import RunOptions
    from whelp.folds import FoldsSettings

_WHAT = (
    "Train replicates on the folds of data sets. Flags, folders and defaults are those of "
    "westminster's command of this name, in its version for TFRecords; whelp runs it."
)
_NOTES = """\
Replicates are trained on this machine, -p at a time (by default one a GPU, else one). -e, -q and
--name are accepted and do nothing, for there is no other environment and no queue; for Slurm see
whelp folds --cluster and whelp sbatch. -k changes nothing, for training goes through fit in any
case. -r leaves finished replicates alone and goes on with the others where they were, as it does
with --checkpoint. Flags of older versions (--tfr_train, --tfr_eval, --rank, --rc, --shifts, --step,
--eval_off) do what they did; --spec_off and --eval_train_off switch off what is not done here.

--restore and --transfer begin from DIR/f?c?/train/model_best.h5 of the same fold and cross, so that
a replicate has not seen its test windows; where it has, tables say so. With either, and a section
transfer in the parameters, replicates are adapted as it says. Each replicate is evaluated on its
test fold; replicates.tsv, summary.tsv, tracks.tsv and report.html sum up. whelp folds does more.

example:
  westminster_train_folds.py -f 1 -c 2 -o models params.json data_folds --setup
"""


def main() -> None:
    """Runs westminster_train_folds.py on the command line of this process."""
    args = _parser().parse_args()
    show_notes()
    sys.exit(run_guarded(lambda: _run(args)))


def _parser() -> argparse.ArgumentParser:
    parser = drop_in_parser("westminster_train_folds.py", _WHAT, _NOTES)
    flag, default = {"action": "store_true"}, "  [default: %(default)s]"
    add: Any = parser.add_argument
    add("-k", dest="keras_fit", **flag, help="accepted; training goes through fit in any case")
    add("-m", dest="mixed_precision", **flag, help="compute in mixed float16")
    add("-o", dest="out_dir", default="train_out", help=f"output directory{default}")
    add("-l", dest="log_dir", help="accepted; log.csv of each replicate is its log")
    add("--restore", metavar="DIR", help="begin from the replicates of another folder")
    add("--trunk", **flag, help="restore only the trunk")
    add("--transfer", metavar="DIR", help="transfer from the replicates of another folder")
    add("--tfr_train", help="pattern of training files in tfrecords/")
    add("--tfr_eval", help="pattern of validation files in tfrecords/")
    add("-c", dest="crosses", type=int, default=1, help=f"replicates of each fold{default}")
    add("--checkpoint", **flag, help="go on with trainings where they were, with -r")
    add("-e", dest="conda_env", help="accepted: conda environment")
    add("-f", dest="fold_subset", type=int, help="test on so many folds, from the first")
    add("--f_list", type=_folds, help="test on these folds, separated by commas")
    add("--identical_crosses", **flag, help="validate all crosses on the same fold")
    add("--name", help="accepted: prefix of Slurm's names")
    add("-p", dest="processes", type=int, help="replicates at a time")
    add("-q", dest="queue", help="accepted: Slurm's queue")
    add("-r", "--restart", **flag, help="go on with the replicates of the output directory")
    add("--setup", **flag, help="make the folders and data directories, and stop")
    add("--rank", **flag, help="compute Spearman correlations")
    add("--rc", **flag, help="average test predictions over both strands")
    add("--shifts", type=_folds, default=[0], help="shifts to average test predictions over, bp")
    add("--step", type=int, default=1, help=f"rank every so-manieth bin{default}")
    add("--eval_off", **flag, help="do not evaluate")
    add("--spec_off", "--eval_train_off", **flag, help="accepted")
    add("params_file", help="JSON file with parameters")
    add("data_dirs", nargs="+", help="data directories with folds, one a head")
    return parser


def _folds(text: str) -> list[int]:
    """Whole numbers separated by commas."""
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list such as 0,3") from None


def _run(args: argparse.Namespace) -> None:
    from whelp.folds import set_up_folds

    out_dir = Path(args.out_dir)
    if out_dir.is_dir() and not args.restart:
        raise FileExistsError(
            f"Output directory {out_dir} exists. Please remove, or go on with it (-r)."
        )
    own: RunOptions = {
        "trunk": True if args.trunk else None,
        "precision": "mixed_float16" if args.mixed_precision else "float32",
        "train_pattern": args.tfr_train,
        "valid_pattern": args.tfr_eval,
        "evaluate": not args.eval_off,
        "assessment": {name: getattr(args, name) for name in ("rank", "rc", "shifts", "step")},
        "command": command_line(),
    }
    params, settings = _params(args), _settings(args)
    jobs, notes = set_up_folds(params, args.data_dirs, out_dir, settings, **own)
    say_plan(jobs, notes)
    if args.setup:
        return
    for job in jobs:
        if job.is_finished:
            say(f"{out_dir / job.replicate.name} found and skipped.")
    train_and_report(jobs, out_dir, {"cluster": None, "workers": args.processes})


def _params(args: argparse.Namespace) -> str | dict[str, Any]:
    """Parameters; without weights there is nothing to transfer, and the section is not read."""
    from whelp.specs import load_params

    path: str = args.params_file
    params = load_params(path)
    if params.transfer is None or args.restore or args.transfer:
        return path
    warn("the section transfer is not read, for there are no weights to begin from (--restore)")
    return {key: value for key, value in params.to_dict().items() if key != "transfer"}


def _settings(args: argparse.Namespace) -> FoldsSettings:
    from whelp.folds import FoldsSettings
    from whelp.folds.data_layout import read_fold_data

    folds: Sequence[int] | None = args.f_list
    if folds is None and args.fold_subset is not None:
        number = len(read_fold_data(args.data_dirs[0]).sizes)
        folds = range(min(args.fold_subset, number))
    return FoldsSettings(
        folds=folds,
        crosses=args.crosses,
        identical_crosses=args.identical_crosses,
        allow_leak=True,
        resume=args.restart,
        **_weights(args),
    )


def _weights(args: argparse.Namespace) -> dict[str, Any]:
    """Names of weights in a folder of replicates, and of the windows they were trained on."""
    source = args.restore or args.transfer
    if source is None:
        return {}
    place = str(Path(source)).replace("{", "{{").replace("}", "}}") + "/f{f}c{c}"
    found = [
        f"{place}/data{number}/sequences.bed"
        for number in range(len(args.data_dirs))
        if any(Path(source).glob(f"f*c*/data{number}/sequences.bed"))
    ]
    name = "model_best.h5"
    if args.trunk and any(Path(source).glob("f*c*/train/model_trunk.h5")):
        name = "model_trunk.h5"
    return {"pretrained": f"{place}/train/{name}", "pretrained_splits": found}
