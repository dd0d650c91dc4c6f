"""`whelp gather`."""

from __future__ import annotations

import functools
from pathlib import Path

import click

from whelp.cli.common import EXISTING_FOLDER, guarded
from whelp.cli.recorded import recorded_options

_HELP = """\
Put together what jobs with --part have made in the folder OUT: scores, a data set, replicates.

Each of N jobs, on any machines that share the folder, calls `whelp score`, `whelp data` or `whelp
folds` with the same options and --part 1/N to --part N/N. The options are those of the jobs; where
parts are missing, it says which. What comes out is what the command would have made without --part.

\b
Example:
  whelp gather scores
"""


@click.command("gather", help=_HELP)
@click.argument("out", type=EXISTING_FOLDER)
@functools.partial(guarded, backend=False)
def command(out: Path) -> None:
    """Put together what jobs with --part have made."""
    from whelp.folds.record import RECORD
    from whelp.making.folder import ORDER

    if (out / RECORD).is_file():
        from whelp.cli.fold_display import gather as gather_folds

        gather_folds(out)
        return
    if (out / ORDER).is_file():
        from whelp.cli.making_data import gather

        gather(out)
        return
    options = recorded_options(out)
    if options is None:
        raise click.UsageError(
            f"{out}: no jobs with --part have begun anything there, or all is put together already"
        )
    from whelp.cli.score_running import gather_scores

    gather_scores(options)
