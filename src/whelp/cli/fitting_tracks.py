"""`whelp fit`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from whelp.cli.cluster_options import check_cluster, chosen_runner, runner_options
from whelp.cli.common import (
    EXISTING_FILE,
    METHODS,
    NEW_FOLDER,
    changes_option,
    command_line,
    guarded,
    precision_option,
    read_params,
)
from whelp.cli.console import amount, count, duration, say, show_facts, warn
from whelp.cli.data_display import DataBar
from whelp.cli.data_options import track_options, track_settings

if TYPE_CHECKING:
    from whelp.fitting.from_tracks import TrackInput
    from whelp.fitting.planning import FitPlan
    from whelp.making.targets_table import TargetsDraft

_HELP = """\
From BigWigs to an evaluated model: data, training, evaluation and report in one call.

Windows are laid over the genome, the tracks are read into TFRecords, the pretrained model gets a
head with an output a track and is adapted, and the best weights are evaluated on held-out windows.
A plan comes first: windows, parameters, memory and time on this machine.

Give the sequences.bed of the pretrained model's data as --pretrained-split, so that test windows
are ones it has never been trained on. With --cluster, Dask's workers make the data set; the model
is trained here.

\b
The folder then holds
  data/                   the data set, which Baskerville reads; data/targets.txt has the tracks
  model_best.h5, adapter.safetensors, test/acc.txt, report.html, ...   as of `whelp transfer`

\b
Example:
  whelp fit --model borzoi_lora.json --weights trunk.h5 --genome hg38.fa --targets targets.txt \\
      --pretrained-split sequences_human.bed --test fold3 --valid fold4 --out run
  whelp fit --model borzoi_lora.json --weights trunk.h5 --genome hg38.fa --tracks '*.bw' --out run
  whelp fit --model borzoi_lora.json --weights trunk.h5 --genome hg38.fa --tracks '*.bw' \\
      --out run --resume
"""


_OPTIONS: Sequence[Callable[[Any], Any]] = (
    click.option(
        "--model", "params", type=EXISTING_FILE, required=True, help="params.json of the model."
    ),
    click.option("-w", "--weights", type=EXISTING_FILE, required=True, help="Pretrained weights."),
    click.option("--genome", type=EXISTING_FILE, required=True, help="FASTA, plain or bgzipped."),
    click.option("--tracks", multiple=True, help="BigWig file, or quoted pattern; repeatable."),
    click.option("--targets", type=EXISTING_FILE, help="Targets table, in place of --tracks."),
    click.option(
        "-o", "--out", "out_dir", type=NEW_FOLDER, required=True, help="Folder of the results."
    ),
    click.option("--method", type=click.Choice(METHODS), help="Transfer method, for --model's."),
    click.option("--head", default="0", help="Head that the new one is modelled on.  [default: 0]"),
    precision_option,
    changes_option,
    click.option("--plan", "plan_only", is_flag=True, help="Say the plan, and make nothing."),
    click.option("--ignore-memory", is_flag=True, help="Go on where memory seems too small."),
    click.option("--resume", is_flag=True, help="Go on with the fit that is in the folder."),
    click.option("--overwrite", is_flag=True, help="Replace the fit that is in the folder."),
)
_TABLE_OPTIONS: Sequence[Callable[[Any], Any]] = (
    click.option("--assay", help="Assay of all --tracks, where their names do not tell it."),
    click.option("--genes", type=EXISTING_FILE, help="GTF, by which strand pairs are checked."),
    click.option("--flip-strands", is_flag=True, help="Exchange the files of pairs (10x data)."),
)


def _fit_options(function: Callable[..., Any]) -> Callable[..., Any]:
    function = track_options(runner_options(function))
    for option in reversed((*_OPTIONS, *_TABLE_OPTIONS)):
        function = option(function)
    return function


@click.command("fit", help=_HELP)
@_fit_options
@guarded
def command(params: Path, out_dir: Path, **options: Any) -> None:
    """From BigWigs to an evaluated model: data, training, evaluation and report in one call."""
    from whelp.cli.running import say_run
    from whelp.cli.watching import StepBar, say_epoch
    from whelp.fitting import fit, plan_fit
    from whelp.fitting.planning import params_for_tracks

    existing = _existing(options)
    check_cluster(options)
    source = read_params(params, method=options["method"], changes=options["changes"])
    tracks, number = _track_input(out_dir, options)
    head = int(options["head"]) if options["head"].isdigit() else options["head"]
    if options["plan_only"]:
        adapted = params_for_tracks(source, number, head=head)
        weights, precision = options["weights"], options["precision"]
        say_plan(plan_fit(adapted, tracks, precision=precision, weights=weights)[0])
        return
    steps, data = StepBar(), DataBar()
    try:
        result = fit(
            source,
            tracks,
            out_dir,
            ignore_memory=options["ignore_memory"],
            on_plan=say_plan,
            on_data=data,
            data_runner=partial(chosen_runner, options, gpus=False),
            weights=options["weights"],
            head=head,
            precision=options["precision"],
            existing=existing,
            callbacks=[steps],
            on_epoch=say_epoch,
            command=command_line(),
        )
    finally:
        data.close()
        steps.stop()
    for note in result.data.notes:
        if note not in result.plan.notes:
            warn(note)
    say_run(result.run)


def _existing(options: dict[str, Any]) -> Literal["refuse", "resume", "replace"]:
    if options["resume"] and options["overwrite"]:
        raise click.UsageError("--resume and --overwrite exclude each other")
    if bool(options["tracks"]) == bool(options["targets"]):
        raise click.UsageError("give the tracks, as --tracks or as a table of --targets, not both")
    if options["resume"]:
        return "resume"
    return "replace" if options["overwrite"] else "refuse"


def _track_input(out_dir: Path, options: dict[str, Any]) -> tuple[TrackInput, int]:
    """Gathers what the fit starts from; makes a targets table where there is none."""
    from whelp.fitting.from_tracks import TrackInput
    from whelp.specs import TargetsTable

    targets = options["targets"]
    assumed: Sequence[str] = ()
    if targets:
        table = TargetsTable.read(targets)
    else:
        draft = _make_targets(options)
        table, assumed = draft.table, draft.notes
    settings = track_settings(options)
    return TrackInput(options["genome"], table, settings, assumed=assumed), len(table)


def _make_targets(options: dict[str, Any]) -> TargetsDraft:
    """Makes a targets table of --tracks, and says what was assumed."""
    from whelp.cli.targeting import expand, say_targets
    from whelp.making.targets_table import TargetsSettings, make_targets

    wanted = TargetsSettings(
        assay=options["assay"], genes=options["genes"], flip_strands=options["flip_strands"]
    )
    draft = make_targets(expand(options["tracks"]), wanted)
    say_targets(draft)
    say()
    return draft


def say_plan(plan: FitPlan) -> None:
    """Prints what a fit will do and take."""
    estimate = plan.estimate
    facts, setting, machine = estimate.facts, estimate.setting, estimate.machine
    windows = ", ".join(f"{count(number)} {label}" for label, number in plan.windows.items())
    trained, total = count(facts.trained_parameters), count(facts.total_parameters)
    epoch = duration(plan.epoch_seconds) if plan.epoch_seconds >= 1 else "a second"
    there = "" if machine.memory is None else f" of {amount(machine.memory)}"
    say("Plan", style="bold")
    show_facts(
        [
            ("windows", f"{windows}; {count(facts.seq_length)} bp each"),
            ("tracks", f"{plan.tracks}, in {count(facts.target_length)} bins of {facts.stride} bp"),
            ("method", f"{setting.method}; trains {trained} of {total} parameters"),
            ("training", f"batch {setting.batch_size}, {setting.precision}, on {machine.device}"),
            ("memory", f"about {amount(setting.memory)}{there}"),
            (
                "time",
                f"about {epoch} an epoch, at most {plan.epochs} epochs",
            ),
        ]
    )
    for note in plan.notes:
        warn(note)
    say()
