"""`whelp inspect`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from whelp.cli.common import EXISTING_FILE, METHODS, guarded, method_section, precision_option
from whelp.cli.console import amount, count, say, show_facts, show_table
from whelp.cli.errors import import_backend
from whelp.cli.inspecting_targets import inspect_targets, is_targets_table

_ROWS = 12
_OF_TARGETS = ("genome", "sequences", "pretrained", "held_out", "genes")

_HELP = """\
Show what the model of PARAMS is made of and what adapting it would take; or check a targets table.

PARAMS is a params.json, or a model saved as .keras, of which only the description is read.
Of a model it lists layers with their roles (by which adapters find them), lengths and parameters;
what the transfer method trains; and an estimate of the memory of a training step and of a
prediction; and where the weights come from, where that is known. Nothing is loaded or trained: a
full Borzoi takes seconds.

Of a targets table it checks files, strand pairs, values and scales; chromosomes against --genome;
strands against --genes; and whether test windows (--sequences, of the data set) overlap with those
that the pretrained model was trained on (--pretrained).

\b
Example:
  whelp inspect params.json
  whelp inspect tuned.keras --no-layers
  whelp inspect params.json --transfer lora --batch-size 1 --precision mixed_bfloat16
  whelp inspect targets.txt --genome hg38.fa --genes genes.gtf
  whelp inspect targets.txt --sequences data/sequences.bed --pretrained sequences_human.bed
"""


@click.command("inspect", help=_HELP)
@click.argument("params", type=EXISTING_FILE, metavar="PARAMS|TARGETS")
@click.option(
    "--transfer",
    "method",
    type=click.Choice(METHODS),
    help="What this method would touch, in place of the one in PARAMS.",
)
@click.option(
    "--head", help="Head, by index or name, or 'all'.  [default: the first, or the saved model's]"
)
@click.option("--layers/--no-layers", default=True, help="Whether to list the layers.")
@click.option("--all-touched", is_flag=True, help="List every layer that the method touches.")
@click.option("--batch-size", type=int, help="For the estimate of memory.  [default: from PARAMS]")
@precision_option
@click.option("--genome", type=EXISTING_FILE, help="TARGETS: FASTA file, or table of lengths.")
@click.option("--sequences", type=EXISTING_FILE, help="TARGETS: sequences.bed of the data set.")
@click.option("--pretrained", type=EXISTING_FILE, help="TARGETS: sequences.bed of pretraining.")
@click.option(
    "--held-out",
    multiple=True,
    help="Label of --pretrained that was not trained on; repeatable.  [default: test and valid]",
)
@click.option("--genes", type=EXISTING_FILE, help="TARGETS: GTF or GFF3, to check strands by.")
@partial(guarded, backend=False)
def command(params: Path, **options: Any) -> None:
    """Show what the model of PARAMS is made of; or check a targets table."""
    checks = {name: options.pop(name) for name in _OF_TARGETS}
    if is_targets_table(params):
        inspect_targets(params, **checks)
        return
    if given := [name for name, value in checks.items() if value]:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise click.UsageError(f"{names} is for targets tables; {params} is none")
    import_backend()
    _inspect_model(params, **options)


def _inspect_model(
    params: Path, *, head: str | None, batch_size: int | None, **options: Any
) -> None:
    from whelp.inspection import layer_table, model_facts, read_saved, skeleton
    from whelp.specs import TransferSpec, load_params, placed

    saved, own_head = read_saved(params) if params.suffix == ".keras" else (params, "0")
    head = head or own_head
    loaded = load_params(saved)
    section = loaded.transfer.given() if loaded.transfer is not None else None
    if options["method"] is not None:
        section = method_section(options["method"], section)
    transfer = None if section is None else TransferSpec.parse(section, path=["transfer"])
    wanted: int | str = int(head) if head.isdigit() else head
    precision = options["precision"]
    with placed(file=params):
        model = skeleton(loaded.model, head=wanted, transfer=transfer, dtype=precision)
    if options["layers"]:
        _say_layers(layer_table(model))
    _say_facts(model_facts(model), loaded.model.target_transform)
    if loaded.model.provenance is not None:
        say()
        show_facts(_origin(loaded.model.provenance.unlocated(params.parent).given()))
    if transfer is not None:
        _say_touched(model, section or {}, whole=options["all_touched"])
    _say_memory(model, loaded, batch_size, precision)


def _origin(provenance: dict[str, Any]) -> list[tuple[str, str]]:
    """Words a provenance, key by key; windows of several trainings each have a line."""
    shown = []
    for key, value in provenance.items():
        if isinstance(value, dict):
            shown += [(f"weights' {key}, {name}", one) for name, one in value.items()]
        else:
            text = ", ".join(value) if isinstance(value, list) else str(value)
            shown.append((f"weights' {key}", text))
    return shown


def _say_layers(table: Any) -> None:
    rows = [
        [
            row["layer"],
            row["role"],
            row["class"],
            "" if row["output"] is None else " x ".join(str(side) for side in row["output"]),
            count(row["parameters"]),
            row["adapter"],
        ]
        for row in table.to_dict("records")
    ]
    headings = ["layer", "role", "class", "output", "parameters", "adapter"]
    show_table("Layers", headings, rows, numbers=["output", "parameters"])


def _say_facts(facts: Any, transform: str | None) -> None:
    say()
    heads = ", ".join(f"{name} ({tracks} tracks)" for name, tracks in facts.heads.items())
    covered = facts.target_length * facts.stride
    show_facts(
        [
            ("input", f"{count(facts.seq_length)} bp"),
            (
                "output",
                f"{count(facts.target_length)} bins of {facts.stride} bp = {count(covered)} bp",
            ),
            ("crop", f"{count(facts.crop)} bins, {count(facts.crop * facts.stride)} bp a side"),
            ("heads", heads or "none (trunk)"),
            ("targets", f"{transform} transform" if transform else "not said which transform"),
            ("parameters", count(facts.total_parameters)),
            ("  trunk", count(facts.trunk_parameters)),
            ("  head", count(facts.head_parameters)),
            ("  adapters", count(facts.adapter_parameters)),
        ]
    )


def _say_touched(model: Any, section: dict[str, Any], *, whole: bool) -> None:
    from whelp.inspection import model_facts, touched_table

    facts, table = model_facts(model), touched_table(model)
    title = ", ".join(f"{key} {value}" for key, value in section.items())
    rows = [
        [row["layer"], row["role"], row["change"], count(row["added"]), count(row["trained"])]
        for row in table.to_dict("records")
    ]
    left_out = 0 if whole else max(0, len(rows) - _ROWS)
    say()
    headings = ["layer", "role", "change", "added", "unfrozen"]
    shown = rows if not left_out else [*rows[: _ROWS - 2], ["..."] + [""] * 4, rows[-1]]
    show_table(f"Touched by: {title}", headings, shown, numbers=["added", "unfrozen"])
    if left_out:
        say(f"{len(rows)} places in all; --all-touched lists them.")
    share = facts.trained_parameters / facts.total_parameters
    trained, total = count(facts.trained_parameters), count(facts.total_parameters)
    say(f"trains {trained} of {total} parameters ({share:.3%})")


def _say_memory(model: Any, params: Any, batch_size: int | None, precision: str) -> None:
    from whelp.inspection import estimate_memory

    train = params.train
    batch = batch_size or (train.batch_size if train is not None else 1)
    optimizer = "adam" if train is None else train.optimizer
    averages = train is not None and train.average_weights is not None
    estimate = estimate_memory(model, batch_size=batch, optimizer=optimizer, averages=averages)
    say()
    parts = [
        ("weights", estimate.weights),
        ("gradients", estimate.gradients),
        (f"{optimizer}'s moments", estimate.optimizer),
        ("kept activations", estimate.activations),
        ("workspace", estimate.workspace),
        ("training step", estimate.training),
        ("prediction", estimate.predicting),
    ]
    title = f"Memory, estimated: batch {batch}, {precision}"
    show_table(
        title, ["part", "size"], [[name, amount(size)] for name, size in parts], numbers=["size"]
    )
    say("Beside it the framework takes 0.3 to 1 GB on a CPU, about 0.5 GB on a GPU.")
