"""`whelp folds`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from whelp.cli.cluster_options import check_cluster, cluster_options
from whelp.cli.common import (
    EXISTING_FILE,
    EXISTING_FOLDER,
    METHODS,
    NEW_FOLDER,
    changes_option,
    command_line,
    guarded,
    precision_option,
    read_params,
    tf32_option,
)
from whelp.cli.console import say
from whelp.cli.evaluating import Numbers
from whelp.cli.fold_display import say_plan, train_and_report
from whelp.cli.gene_options import gene_options, gene_settings

if TYPE_CHECKING:
    from whelp.fitting.options import RunOptions
    from whelp.folds import FoldsSettings, GenesAsked

_HELP = """\
Train replicates on the folds of DATA_DIRS, evaluate each on its test fold, and sum up.

PARAMS is a Baskerville params.json; with the section transfer, pretrained weights are adapted, else
the whole model is trained. DATA_DIRS are data sets with folds (whelp data --folds), one a head.
Replicate f3c1 is tested on fold 3; it is the second (cross 1) of that fold, with another seed and,
unless all crosses are to be alike, another validation fold.

Of released trunks give the windows that they were trained on (--pretrained-split): the folds that
they were tested and validated on are taken, and others are refused.

Replicates are trained one a GPU side by side, without GPUs one after the other; with --cluster in
workers elsewhere, or with --part I/N by jobs of a batch system, each its share in the same folder
(whelp sbatch writes them, and whelp gather sums up).

\b
The folder then holds
  f3c0/data0/             windows of the replicate: links to records, in Baskerville's layout
  f3c0/train/             what `whelp transfer` writes: weights, test/acc.txt, report.html ...
  replicates.tsv          folds and accuracy of every replicate
  summary.tsv             mean and standard deviation over the replicates of a fold, and over all
  tracks.tsv              mean and standard deviation of every track
  genes.tsv               with --genes: of expression, and of its change between groups (--contrast)
  report.html             all of it, with plots

\b
Example:
  whelp folds params.json data_folds --pretrained trunk.h5 --crosses 2 -o folds
  whelp folds params.json data_folds --pretrained trunk.h5 --crosses 2 -o folds --resume
  whelp folds params.json data_folds --pretrained trunk.h5 -o parts --part 1/4
  whelp folds params.json data_folds --pretrained 'trunk_r{c}.h5' \\
      --pretrained-split sequences_trunk.bed -o released
"""

_OPTIONS: Sequence[Callable[[Any], Any]] = (
    click.argument("params", type=EXISTING_FILE),
    click.argument("data_dirs", type=EXISTING_FOLDER, nargs=-1, required=True),
    click.option("-o", "--out-dir", type=NEW_FOLDER, required=True, help="Folder of the results."),
    click.option("-f", "--folds", type=Numbers(), help="Folds to test on.  [default: all]"),
    click.option(
        "-c", "--crosses", type=int, help="Replicates of each fold.  [default: 1, or one a trunk]"
    ),
    click.option("--identical-crosses", is_flag=True, help="Validate all crosses on one fold."),
    click.option("--valid-fold", type=int, help="Fold to validate all replicates on."),
    click.option(
        "-w",
        "--pretrained",
        metavar="PATTERN",
        help="Weights to begin from; {f} and {c} stand for fold and cross: 'trunk_r{c}.h5'.",
    ),
    click.option(
        "--trunk/--whole",
        default=None,
        help="Take only the trunk of the weights, or insist on the head too. By default the head "
        "is taken where it fits.",
    ),
    click.option(
        "--pretrained-split",
        "pretrained_splits",
        multiple=True,
        metavar="BED",
        help="sequences.bed of the data that the weights were trained on; repeatable, one a "
        "DATA_DIR.  [default: what PARAMS says of their provenance]",
    ),
    click.option(
        "--held-out",
        multiple=True,
        metavar="LABEL",
        help="Label of it that was not trained on, that of the test first; repeatable.  [default: "
        "test and valid, or fold3 and fold4]",
    ),
    click.option(
        "--allow-leak",
        is_flag=True,
        help="Train also where the weights have seen held-out windows; every table says so.",
    ),
    click.option(
        "--method", type=click.Choice(METHODS), help="Transfer method, for that of PARAMS."
    ),
    click.option("--head", default="0", help="Head to train, by index or name.  [default: 0]"),
    precision_option,
    tf32_option,
    click.option("--devices", type=int, help="Devices a replicate.  [default: num_gpu]"),
    changes_option,
    click.option("--rank", is_flag=True, help="Compute Spearman correlations, too."),
    click.option("--rc", is_flag=True, help="Average test predictions over both strands."),
    click.option("--shifts", type=Numbers(), help="Shifts to average test predictions over, bp."),
    click.option("--setup", is_flag=True, help="Make the folders and data directories, and stop."),
    click.option(
        "--resume", is_flag=True, help="Go on with the replicates that are in the folder."
    ),
)


def _fold_options(function: Callable[..., Any]) -> Callable[..., Any]:
    function = gene_options(cluster_options(function))
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


@click.command("folds", help=_HELP)
@_fold_options
@functools.partial(guarded, backend=False)
def command(params: Path, data_dirs: tuple[Path, ...], out_dir: Path, **options: Any) -> None:
    """Train replicates on the folds of DATA_DIRS, evaluate each, and sum up."""
    from whelp.folds import set_up_folds

    check_cluster(options)
    source = read_params(params, method=options["method"], changes=options["changes"])
    head = options["head"]
    own: RunOptions = {
        "trunk": options["trunk"],
        "head": int(head) if head.isdigit() else head,
        "precision": options["precision"],
        "tf32": options["tf32"],
        "devices": options["devices"],
        "assessment": {name: options[name] for name in ("rank", "rc", "shifts") if options[name]},
        "command": command_line(),
    }
    jobs, notes = set_up_folds(source, list(data_dirs), out_dir, _settings(options), **own)
    say_plan(jobs, notes)
    if options["setup"]:
        say(f"written to {out_dir}; --resume trains them")
        return
    train_and_report(jobs, out_dir, options)


def _settings(options: dict[str, Any]) -> FoldsSettings:
    from whelp.folds import FoldsSettings

    names = ("folds", "crosses", "identical_crosses", "valid_fold", "pretrained", "allow_leak")
    return FoldsSettings(
        **{name: options[name] for name in names},
        pretrained_splits=options["pretrained_splits"],
        held_out=options["held_out"],
        resume=options["resume"],
        part=options["part"],
        genes=_genes(options),
    )


def _genes(options: dict[str, Any]) -> GenesAsked | None:
    """Reads the options of an evaluation on genes."""
    from whelp.folds import GenesAsked

    settings = gene_settings(options, rc=options["rc"], shifts=options["shifts"] or (0,))
    return None if settings is None else GenesAsked(str(options["genes"].absolute()), settings)
