"""`whelp demo`."""

from __future__ import annotations

import functools
import shlex
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from whelp.cli.common import NEW_FOLDER, guarded
from whelp.cli.console import count, megabytes, say, score, show_table
from whelp.cli.demo_runs import (
    DATA,
    METHODS,
    TRACKS,
    VARIANTS,
    Method,
    best_of,
    command_of,
    data_command,
    demo_params,
    run_command,
    run_method,
    score_command,
    summary_of,
    with_recipe,
)
from whelp.cli.errors import import_backend

if TYPE_CHECKING:
    from whelp.report import RunSummary

_HELP = """\
Adapt a pretrained mini Borzoi (human) to 12 real mouse tracks, by five methods.

A data set is made from BigWigs and a FASTA file. Then come linear (the head only), LoRA, Locon4,
full fine-tuning, and training from scratch, each in a process of its own; and at the end the most
accurate of them scores variants. Takes at most ten minutes on two cores. There are a table, a
report that compares the methods, for each of them an adapter file and weights that Baskerville
loads, and a report of the variants. Called again, it goes on where it stopped.

Settings are those with which the reference was run on the same data. They leave the new head
half-trained, so that LoRA and Locon4 stay behind the linear method; with --recipes they do not.

\b
Example:
  whelp demo
  whelp demo --out-dir out --methods linear,lora --recipes
"""


def _chosen(ctx: click.Context, param: click.Parameter, value: str) -> list[Method]:
    by_name = {method.folder: method for method in METHODS}
    names = [name.strip() for name in value.split(",") if name.strip()]
    if unknown := [name for name in names if name not in by_name]:
        raise click.BadParameter(f"{unknown[0]!r} is none of {', '.join(by_name)}")
    return [by_name[name] for name in names]


@click.command("demo", help=_HELP)
@click.option(
    "-o",
    "--out-dir",
    "--out",
    type=NEW_FOLDER,
    default="demo_out",
    show_default=True,
    help="Folder of the results.",
)
@click.option(
    "--methods",
    callback=_chosen,
    default=",".join(method.folder for method in METHODS),
    show_default=True,
    help="Methods to run.",
)
@click.option(
    "--recipes",
    is_flag=True,
    help="LoRA and Locon4 with settings found on validation windows, not the reference's.",
)
@click.option("--quick", is_flag=True, help="One epoch on four windows: does it run?")
@functools.partial(guarded, backend=False)  # the methods' processes need the memory
def command(out_dir: Path, methods: Sequence[Method], *, recipes: bool, quick: bool) -> None:
    """Adapt a pretrained mini Borzoi (human) to 12 real mouse tracks, by five methods."""
    begun = time.perf_counter()
    if recipes:
        methods = [with_recipe(method) for method in methods]
    _make_data(out_dir, quick=quick)
    for number, method in enumerate(methods, start=1):
        shown = " ".join(["whelp", *command_of(method, out_dir, quick=quick)])
        say(f"{method.name} ({number} of {len(methods)})", style="bold")
        say(f"  {shown}", style="dim")
        if not run_method(method, out_dir, quick=quick):
            say("  finished before")
        say()
    runs = [summary_of(method, out_dir) for method in methods]
    report = _write_report(methods, runs, out_dir, quick=quick)
    _say_table(runs)
    best = methods[best_of(runs)]
    _score_variants(best, out_dir)
    say()
    say(f"data set        {out_dir / DATA}")
    say(f"report          {report}")
    say(f"variants        {out_dir / VARIANTS / 'report.html'}")
    adapters = [m.folder for m in methods if (out_dir / m.folder / "adapter.safetensors").exists()]
    for folder in adapters:
        say(f"adapter file    {out_dir / folder / 'adapter.safetensors'}")
    say(f"merged weights  {out_dir / best.folder / 'model_best.h5'} and params.json beside it")
    say(f"took {time.perf_counter() - begun:.0f} s")


def _make_data(out_dir: Path, *, quick: bool) -> None:
    """Makes the data set, with the lengths that the methods' parameter files have."""
    command_of(METHODS[0], out_dir, quick=quick)
    arguments = data_command(out_dir)
    say("Data set, from FASTA and BigWigs", style="bold")
    say(f"  {shlex.join(['whelp', *arguments])}", style="dim")
    run_command([*arguments, "--resume"], "The data set")
    say()


def _score_variants(best: Method, out_dir: Path) -> None:
    arguments = score_command(best, out_dir)
    say()
    say(f"64 made-up variants, scored by {best.name}", style="bold")
    say(f"  {shlex.join(['whelp', *arguments])}", style="dim")
    run_command([*arguments, "--overwrite"], "The scoring of variants")


def _say_table(runs: Sequence[RunSummary]) -> None:
    rows = [
        [
            run.name,
            count(run.trained_parameters or 0),
            f"{run.seconds or 0:.0f}",
            megabytes(run.peak_memory or 0),
            run.epochs or 0,
            score(run.valid_pearsonr),
            score(run.mean("pearsonr")),
            run.note,
        ]
        for run in runs
    ]
    headings = [
        "method",
        "trained parameters",
        "seconds",
        "peak memory, MB",
        "epochs",
        "valid Pearson",
        "test Pearson",
        "note",
    ]
    title = f"Human mini Borzoi on {TRACKS} mouse tracks, means over tracks"
    show_table(title, headings, rows, numbers=headings[1:7])


def _write_report(
    methods: Sequence[Method], runs: Sequence[RunSummary], out_dir: Path, *, quick: bool
) -> Path:
    """Writes the comparison, with windows as the most accurate method predicts them."""
    import_backend()
    from whelp.fitting import AssessmentSettings, EvaluationFiles, evaluate_files
    from whelp.fitting.summary import shown_examples
    from whelp.report import comparison_report

    best = best_of(runs)
    folder = out_dir / methods[best].folder
    files = EvaluationFiles(folder / "params.json", folder / "model_best.h5", out_dir / DATA)
    with tempfile.TemporaryDirectory() as scratch:
        assessed = evaluate_files(files, scratch, AssessmentSettings(examples=True))
        examples, scatter = shown_examples(*assessed)
    shown = list(runs)
    shown[best] = replace(shown[best], examples=examples, scatter=scatter)
    train = demo_params(METHODS[0], quick=quick)["train"]
    facts = {
        "command": f"whelp demo --out-dir {out_dir}" + (" --quick" if quick else ""),
        "model": "mini Borzoi, 131,072 bp, trained on 74 human tracks",
        "data": f"54 windows of {TRACKS} mouse tracks, from BigWigs: CAGE, DNase, RNA",
        "training": f"batch {train['batch_size']}, {train['optimizer']}, {train['loss']}",
    }
    return comparison_report(
        shown,
        out_dir / "report.html",
        title="A mini Borzoi, adapted",
        subtitle=f"From human to {TRACKS} mouse tracks",
        facts=facts,
    )
