"""The commands that Baskerville's shell scripts call, with their flags.

`argparse`, as there: abbreviated long flags and values glued to short ones work the same way.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from whelp.cli.common import command_line
from whelp.cli.console import count, say, show_notes
from whelp.cli.drop_in import drop_in_parser
from whelp.cli.errors import import_backend, run_guarded
from whelp.cli.hound_lines import evaluation_lines, say_hound_epoch
from whelp.cli.hound_options import add_evaluated, evaluated_files

_SAME = "Flags, files and defaults are those of Baskerville's command of this name; whelp runs it."
_RUN_NOTES = """\
Training always goes through Keras' fit, so -k changes nothing; TensorBoard logs (-l) are written
where TensorBoard is installed. A run that stopped goes on where it was when it is called again.
model_best.h5 holds adapters folded in, so that the params.json beside it loads it;
model_best.mergeW.h5 is the same. `whelp transfer` does more: evaluation and a report.
"""
_TRANSFER_EXAMPLE = """
example:
  hound_transfer.py -o out/lora --restore trunk.h5 --trunk params.json data/mm10
"""
_TRAIN_EXAMPLE = """
example:
  hound_train.py -o out params.json data/hg38 data/mm10
"""
_EVAL_EXAMPLE = """\
The loss is that of the section train, with all of its settings. With -t, a table with fewer rows
than the data have tracks chooses tracks; one with as many gives them other names. -b needs no
--save.

example:
  hound_eval.py --rc -o eval out/params.json out/model_best.h5 data/mm10
"""


def transfer() -> None:
    """Runs hound_transfer.py on the command line of this process."""
    parser = _run_parser("hound_transfer.py", "Adapt a pretrained model.", _TRANSFER_EXAMPLE)
    parser.add_argument(
        "--skip_train",
        action="store_true",
        help="count trainable parameters and stop  [default: %(default)s]",
    )
    args = parser.parse_args()
    _guard(lambda: _train(args, transferring=True))


def train() -> None:
    """Runs hound_train.py on the command line of this process."""
    parser = _run_parser("hound_train.py", "Train a model.", _TRAIN_EXAMPLE)
    args = parser.parse_args()
    args.skip_train = False
    _guard(lambda: _train(args, transferring=False))


def evaluate() -> None:
    """Runs hound_eval.py on the command line of this process."""
    args = _eval_parser().parse_args()
    _guard(lambda: _evaluate(args))


def _guard(action: Callable[[], None]) -> None:
    def whole() -> None:
        import_backend()
        action()

    show_notes()
    sys.exit(run_guarded(whole))


def _parser(name: str, what: str, notes: str) -> argparse.ArgumentParser:
    return drop_in_parser(name, f"{what} {_SAME}", notes)


def _run_parser(name: str, what: str, example: str) -> argparse.ArgumentParser:
    parser = _parser(name, what, _RUN_NOTES + example)
    flag, default = {"action": "store_true"}, "  [default: %(default)s]"
    add: Any = parser.add_argument
    add("-k", "--keras_fit", **flag, help="accepted; training goes through fit in any case")
    add("-m", "--mixed_precision", **flag, help=f"compute in mixed float16{default}")
    add("-o", "--out_dir", default="train_out", help=f"output directory{default}")
    add("-l", "--log_dir", default="log_out", help=f"TensorBoard log directory{default}")
    add("--restore", help=f"weights to begin from, a .h5{default}")
    add("--trunk", **flag, help=f"restore only the trunk{default}")
    add("--tfr_train", help=f"pattern of training files in data_dir/tfrecords{default}")
    add("--tfr_eval", help=f"pattern of validation files in data_dir/tfrecords{default}")
    add("params_file", help="JSON file with parameters")
    add("data_dirs", nargs="+", help="train/valid/test data directories, one a head")
    return parser


def _eval_parser() -> argparse.ArgumentParser:
    parser = _parser("hound_eval.py", "Evaluate a trained model.", _EVAL_EXAMPLE)
    flag, default = {"action": "store_true"}, "  [default: %(default)s]"
    add: Any = parser.add_argument
    add(
        "-b",
        "--bedgraph_indexes",
        type=_numbers,
        default="",
        help="targets to write as bedGraph, separated by commas",
    )
    add("--head", dest="head_i", default=0, type=int, help=f"index of the head{default}")
    add("-o", "--out_dir", default="eval_out", help=f"output directory{default}")
    add("--rank", **flag, help=f"compute Spearman correlations{default}")
    add("--rc", **flag, help=f"average forward and reverse-complement predictions{default}")
    add("--save", **flag, help=f"save preds.h5 and targets.h5{default}")
    add("--shifts", type=_numbers, default="0", help=f"shifts to average over, bp{default}")
    add("--step", default=1, type=int, help=f"take every so-manieth bin to save or rank{default}")
    add("--f16", **flag, help=f"compute in mixed float16{default}")
    add("-t", "--targets_file", help="targets table, in place of data_dir/targets.txt")
    add("--split", default="test", help=f"windows to evaluate on{default}")
    add("--tfr_pattern", help=f"pattern of files in data_dir/tfrecords{default}")
    add_evaluated(parser)
    return parser


def _numbers(text: str) -> list[int]:
    """Whole numbers separated by commas."""
    try:
        return [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list such as 0,1,-1") from None


def _train(args: argparse.Namespace, *, transferring: bool) -> None:
    from whelp.fitting import train_from_files
    from whelp.fitting import transfer as transfer_files
    from whelp.training.run import can_resume

    out_dir = Path(args.out_dir)
    resumable = can_resume(out_dir)
    if not resumable and any(out_dir.glob("ckpt-*.index")):
        raise FileExistsError(
            f"{out_dir} holds a training of Baskerville, whose checkpoints whelp cannot read. "
            "Choose another folder (-o)."
        )
    run = transfer_files if transferring else train_from_files
    result = run(
        args.params_file,
        args.data_dirs,
        out_dir,
        weights=args.restore,
        # Without --trunk a whole model is expected; a file that holds just a trunk is taken too.
        trunk=True if args.trunk else None,
        precision="mixed_float16" if args.mixed_precision else "float32",
        existing="resume" if resumable else "replace",
        skip_train=args.skip_train,
        train_pattern=args.tfr_train,
        valid_pattern=args.tfr_eval,
        evaluate=False,
        report=False,
        on_epoch=say_hound_epoch,
        tensorboard_dir=args.log_dir,
        command=command_line(),
    )
    facts = result.facts
    say(f"params in new head: {facts.head_parameters}")
    say(f"Total params: {count(facts.total_parameters)}")
    say(f"Trainable params: {count(facts.trained_parameters)}")


def _evaluate(args: argparse.Namespace) -> None:
    from whelp.fitting import AssessmentSettings, evaluate_files

    settings = AssessmentSettings(
        rank=args.rank,
        rc=args.rc,
        shifts=args.shifts,
        step=args.step,
        save=args.save,
        bedgraph=args.bedgraph_indexes,
    )
    files = evaluated_files(args, pattern=args.tfr_pattern, half=args.f16)
    assessment, _ = evaluate_files(files, args.out_dir, settings)
    for line in evaluation_lines(assessment.accuracy):
        say(line)
