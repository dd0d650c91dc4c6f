"""`whelp train`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from whelp.cli.common import guarded
from whelp.cli.running import run_command, run_options

_HELP = """\
Train the whole model of PARAMS on DATA_DIRS, from random weights or from --weights.

PARAMS is a Baskerville params.json with the sections model and train; DATA_DIRS are directories
of TFRecords, one for each head. The section transfer is not read.

\b
Example:
  whelp train params.json data/hg38 -o out/hg38
  whelp train params.json data/hg38 data/mm10 -o out/both --set train.learning_rate=1e-4
"""


@click.command("train", help=_HELP)
@run_options
@guarded
def command(params: Path, data_dirs: tuple[Path, ...], **options: Any) -> None:
    """Train the whole model of PARAMS on DATA_DIRS, from random weights or from --weights."""
    run_command(params, data_dirs, transferring=False, **options)
