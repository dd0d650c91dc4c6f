"""`whelp transfer`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from whelp.cli.common import METHODS, guarded
from whelp.cli.running import run_command, run_options

_HELP = """\
Adapt a pretrained model to the tracks of DATA_DIRS, as PARAMS says.

PARAMS is a Baskerville params.json with the sections model, train and transfer; DATA_DIRS are
directories of TFRecords, one for each head. Everything is checked before anything is written.

\b
The folder then holds
  model_best.h5           weights of the best epoch, adapters folded in; Baskerville loads them
  model_best.mergeW.h5    the same, under the name that hound_transfer.py gives merged weights
  adapter.safetensors     the adapter and the head alone
  params.json, log.csv    parameters; loss and accuracy of every epoch
  test/acc.txt            accuracy of every track on the test windows
  report.html             all of it, with plots

\b
Example:
  whelp transfer params.json data/mm10 --weights trunk.h5 -o out/lora
  whelp transfer params.json data/mm10 --weights trunk.h5 -o out/lora --resume
  whelp transfer params.json data/mm10 --weights model.h5 --method linear -o out/linear
"""


@click.command("transfer", help=_HELP)
@run_options
@click.option(
    "--method",
    type=click.Choice(METHODS),
    help="Transfer method, in place of the one in PARAMS; its other settings are the defaults.",
)
@guarded
def command(params: Path, data_dirs: tuple[Path, ...], **options: Any) -> None:
    """Adapt a pretrained model to the tracks of DATA_DIRS, as PARAMS says."""
    run_command(params, data_dirs, transferring=True, **options)
