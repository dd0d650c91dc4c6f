"""Options of commands that run a model on a genome, and the model that they describe."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from whelp.cli.common import EXISTING_FILE, NEW_FOLDER, precision_option, tf32_option
from whelp.cli.evaluating import Numbers

if TYPE_CHECKING:
    from whelp.models import SequenceModel
    from whelp.scoring.existing import Existing

_OPTIONS: dict[str, Callable[[Callable[..., Any]], Callable[..., Any]]] = {
    "genome": click.option(
        "-g", "--genome", type=EXISTING_FILE, required=True, help="FASTA, plain or bgzip."
    ),
    "targets": click.option(
        "-t", "--targets", type=EXISTING_FILE, required=True, help="Targets table: what tracks are."
    ),
    "out_dir": click.option(
        "-o", "--out-dir", type=NEW_FOLDER, required=True, help="Folder of the results."
    ),
    "adapter": click.option(
        "-a", "--adapter", type=EXISTING_FILE, help="Adapter file; WEIGHTS are then of its base."
    ),
    "head": click.option(
        "--head", default="0", help="Head to predict by, by index or name.  [default: 0]"
    ),
    "rc": click.option("--rc", is_flag=True, help="Average predictions over both strands."),
    "shifts": click.option(
        "--shifts",
        type=Numbers(),
        default="0",
        show_default=True,
        help="Shifts to average over, bp.",
    ),
    "transform_old": click.option(
        "--transform-old/--transform-new",
        default=None,
        help="How the targets were squashed; old for released Borzoi models.  [default: what "
        "PARAMS say, else new]",
    ),
    "tf32": tf32_option,
    "resume": click.option(
        "--resume", is_flag=True, help="Go on with the results that are in the folder."
    ),
    "overwrite": click.option(
        "--overwrite", is_flag=True, help="Replace the results that are in the folder."
    ),
    "precision": precision_option,
}


def model_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options."""
    return model_options_without()(function)


def model_options_without(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Adds the options but some, of which the command has its own."""

    def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
        for name, option in reversed(_OPTIONS.items()):
            function = function if name in names else option(function)
        return function

    return decorated


def load_model(params: Path, weights: Path, options: dict[str, Any]) -> SequenceModel:
    """Loads the model: whole weights, or an adapter on its base."""
    from whelp.loading import load, load_adapter
    from whelp.training.devices import set_tf32

    set_tf32(options["tf32"])
    head = int(options["head"]) if options["head"].isdigit() else options["head"]
    if options["adapter"] is None:
        # A trunk would get a head of random weights.
        return load(params, weights, head=head, trunk=False, dtype=options["precision"])
    # The adapter file brings its own head.
    base = load(params, weights, head=head, trunk=True, dtype=options["precision"])
    return load_adapter(base, options["adapter"])


def existing(options: dict[str, Any]) -> Existing:
    """Says what becomes of results that are in the folder.

    Raises:
        click.UsageError: --resume and --overwrite are both given.
    """
    if options["resume"] and options["overwrite"]:
        raise click.UsageError("--resume and --overwrite exclude each other")
    if options["resume"]:
        return "resume"
    return "replace" if options["overwrite"] else "refuse"
