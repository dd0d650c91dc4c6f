"""`whelp transfer` and `whelp train`: their options, and what they print at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import click

from whelp.cli.common import (
    EXISTING_FILE,
    EXISTING_FOLDER,
    NEW_FOLDER,
    changes_option,
    command_line,
    precision_option,
    read_params,
    tf32_option,
)
from whelp.cli.console import amount, count, say, score, show_facts

_OPTIONS: Sequence[Callable[[Any], Any]] = (
    click.argument("params", type=EXISTING_FILE),
    click.argument("data_dirs", type=EXISTING_FOLDER, nargs=-1, required=True),
    click.option(
        "-w",
        "--weights",
        type=EXISTING_FILE,
        help="Pretrained weights: a .h5 of Baskerville (whole model or trunk) or a .keras file.",
    ),
    click.option(
        "--trunk/--whole",
        default=None,
        help="Take only the trunk of the weights, or insist on the head too. By default the head "
        "is taken where it fits.",
    ),
    click.option("-o", "--out-dir", type=NEW_FOLDER, required=True, help="Folder of the results."),
    click.option("--head", default="0", help="Head to train, by index or name.  [default: 0]"),
    precision_option,
    tf32_option,
    click.option("--devices", type=int, help="Devices to train on.  [default: num_gpu]"),
    click.option("--resume", is_flag=True, help="Go on with the run that is in the folder."),
    click.option("--overwrite", is_flag=True, help="Replace the run that is in the folder."),
    changes_option,
    click.option("--train-pattern", help="Record files to train on, such as 'train-[0-3].tfr'."),
    click.option("--valid-pattern", help="Record files to validate on."),
    click.option("--no-evaluate", is_flag=True, help="Leave the test windows alone."),
    click.option("--no-report", is_flag=True, help="Write no report.html."),
    click.option("--tensorboard", type=NEW_FOLDER, help="Folder of TensorBoard logs."),
    click.option("--skip-train", is_flag=True, help="Check all, count parameters, and stop."),
)


def run_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options of a run."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def run_command(
    params: Path, data_dirs: Sequence[Path], *, transferring: bool, **options: Any
) -> None:
    """Runs a transfer or a training from its command line's options, and prints what came of it."""
    from whelp.cli.watching import StepBar, say_epoch
    from whelp.fitting import train_from_files, transfer
    from whelp.specs import placed

    if options["resume"] and options["overwrite"]:
        raise click.UsageError("--resume and --overwrite exclude each other")
    method = options.get("method")
    source = read_params(params, method=method, changes=options["changes"])
    existing: Literal["refuse", "resume", "replace"] = "refuse"
    if options["resume"] or options["overwrite"]:
        existing = "resume" if options["resume"] else "replace"
    bar = StepBar()
    run = transfer if transferring else train_from_files
    head = options["head"]
    try:
        with placed(file=params):
            result = run(
                source,
                list(data_dirs),
                options["out_dir"],
                weights=options["weights"],
                trunk=options["trunk"],
                head=int(head) if head.isdigit() else head,
                precision=options["precision"],
                tf32=options["tf32"],
                devices=options["devices"],
                existing=existing,
                skip_train=options["skip_train"],
                train_pattern=options["train_pattern"],
                valid_pattern=options["valid_pattern"],
                evaluate=not options["no_evaluate"],
                report=not options["no_report"],
                callbacks=[bar],
                on_epoch=say_epoch,
                tensorboard_dir=options["tensorboard"],
                command=command_line(),
            )
    finally:
        bar.stop()
    say_run(result)


def say_run(run: Any) -> None:
    """Prints a run's numbers and where its files are."""
    facts = run.facts
    shown = [
        ("method", run.name),
        (
            "trained parameters",
            f"{count(facts.trained_parameters)} of {count(facts.total_parameters)}",
        ),
    ]
    if run.training is not None:
        training = run.training
        epochs = f"{len(training.history)} epochs, the best {training.best_epoch}"
        if run.head_first is not None:
            epochs = f"{len(run.head_first.history)} epochs of the head alone, then {epochs}"
        shown += [
            ("training", f"{run.seconds:.1f} s, {epochs}"),
            ("peak memory", amount(run.peak_memory)),
            ("valid Pearson r", score(run.valid_pearsonr)),
        ]
    for head, table in run.accuracy.items():
        label = "test" if len(run.accuracy) == 1 else f"test {head}"
        names = {"pearsonr": "Pearson r", "r2": "R2", "auroc": "AUROC", "auprc": "AUPRC"}
        shown += [(f"{label} {names[n]}", score(table[n].mean())) for n in names if n in table]
        seen = table.attrs.get("training_windows", {})
        shown += [(f"{label} windows", sentence) for sentence in seen.get("sentences", ())]
    shown.append(("written to", str(run.out_dir)))
    say()
    show_facts(shown)
