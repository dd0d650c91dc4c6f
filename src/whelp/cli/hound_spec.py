"""The command hound_eval_spec.py, with Baskerville's flags."""

from __future__ import annotations

import argparse
from typing import Any

from whelp.cli.common import split_words
from whelp.cli.console import say
from whelp.cli.drop_in import drop_in_parser
from whelp.cli.errors import import_backend
from whelp.cli.hound_lines import specificity_lines
from whelp.cli.hound_options import (
    add_evaluated,
    add_flags,
    evaluated_files,
    read_shifts,
    run_drop_in,
)
from whelp.cli.score_display import ScoreBar

_NOTES = """\
Flags, defaults and acc.txt are those of Baskerville's command of this name: within groups of
tracks values are quantile normalised and the group's mean is taken off, and what is left of
predicted and measured values is correlated. Tracks of groups smaller than -m get no number.

Differences: where all tracks of a group have strands, the two strands of a track are one, where
Baskerville joins the first track to one in the middle of the group (--as_reference does so too).
--rank, --save, --var_pct and --target_groups work. The mean over a group is printed, and not the
number of its last track. Values lie in temporary files in the output directory, not in memory.

example:
  hound_eval_spec.py -m 10 -o spec params.json model.h5 data
"""


def main() -> None:
    """Runs hound_eval_spec.py on the command line of this process."""
    run_drop_in(_parser(), _run)


def _parser() -> argparse.ArgumentParser:
    what = "Evaluate a trained model on what sets tracks apart from others of their group."
    parser = drop_in_parser("hound_eval_spec.py", what, _NOTES)
    flag, default = {"action": "store_true"}, "  [default: %(default)s]"
    add: Any = parser.add_argument
    add("--f16", **flag, help="compute in mixed float16")
    add("--head", dest="head_i", default=0, type=int, help=f"index of the head{default}")
    add("-m", "--group_min", default=20, type=int, help=f"tracks that a group needs{default}")
    add("-o", "--out_dir", default="spec_out", help=f"output directory{default}")
    add("--rank", **flag, help="compute Spearman correlations, too")
    add_flags(parser, "--rc")
    add("--save", **flag, help="save preds.h5 and targets.h5")
    add_flags(parser, "--shifts")
    add("--split", default="test", help=f"windows to evaluate on{default}")
    add("--step", default=1, type=int, help=f"take every so-manieth bin{default}")
    add("-t", "--targets_file", help="targets table, in place of data_dir/targets.txt")
    add("--target_groups", help="groups to evaluate, separated by commas; all if not given")
    add("--tfr", help="pattern of files in data_dir/tfrecords, in place of the split's")
    add(
        "--var_pct",
        default=1.0,
        type=float,
        help=f"share of positions to take, those that vary most{default}",
    )
    add("--as_reference", **flag, help="pair tracks as Baskerville's command does")
    add_evaluated(parser)
    return parser


def _run(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    shifts = read_shifts(args.shifts)
    import_backend()
    from whelp.fitting import evaluate_specificity_files
    from whelp.training.specificity import SpecificitySettings

    settings = SpecificitySettings(
        groups=split_words([args.target_groups]) if args.target_groups else None,
        group_min=args.group_min,
        var_share=args.var_pct,
        rank=args.rank,
        step=args.step,
        as_reference=args.as_reference,
    )
    files = evaluated_files(args, pattern=args.tfr, half=args.f16)
    with ScoreBar("windows") as bar:
        table = evaluate_specificity_files(
            files,
            args.out_dir,
            settings,
            rc=args.rc,
            shifts=shifts,
            save=args.save,
            progress=bar.show,
        )
    for line in specificity_lines(table, group_min=args.group_min):
        say(line)
