"""Options of commands whose work can be divided: among workers, or among jobs of a batch system."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from whelp.cli.console import say

if TYPE_CHECKING:
    from whelp.workers import Runner


class Part(click.ParamType):
    """Which of how many jobs this is, such as 3/16; a pair, the jobs numbered from 1."""

    name = "I/N"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, int]:
        """Parses it."""
        if not isinstance(value, str):
            return (value[0], value[1])
        number, _, parts = value.partition("/")
        if not (number.isdecimal() and parts.isdecimal() and 1 <= int(number) <= int(parts)):
            self.fail(f"{value!r} is no job of several, such as 1/16 or 16/16", param, ctx)
        return int(number), int(parts)


_RUNNER = (
    click.option(
        "--cluster",
        metavar="SPEC",
        help="Divide the work among Dask's workers: 'local' for some on this machine, the address "
        "of a scheduler (tcp://...), or a YAML file of dask-jobqueue for a batch system.",
    ),
    click.option(
        "--workers",
        type=click.IntRange(min=1),
        help="Workers of --cluster.  [default: one a GPU or core; what the file says]",
    ),
)
_PART = click.option(
    "--part",
    type=Part(),
    help="Do the I-th of N parts, with no scheduler; `whelp gather` ends the work.",
)


def cluster_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options."""
    return runner_options(_PART(function))


def runner_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds those of the options that a command has which cannot be done in parts."""
    for option in reversed(_RUNNER):
        function = option(function)
    return function


def check_cluster(options: Mapping[str, Any]) -> None:
    """Refuses options that contradict one another.

    Raises:
        click.UsageError: They do.
    """
    part = options.get("part")
    if options["cluster"] is not None and part is not None:
        raise click.UsageError("--cluster and --part exclude each other")
    if options["workers"] is not None and options["cluster"] is None:
        raise click.UsageError(
            f"--workers {options['workers']} is for --cluster: add --cluster local for workers on "
            "this machine"
        )
    if part is not None and options.get("overwrite"):
        raise click.UsageError(
            "--part and --overwrite exclude each other: a part would delete what others have done. "
            "Delete the results first, or choose another folder"
        )


@contextmanager
def chosen_runner(options: Mapping[str, Any], **how: Any) -> Iterator[Runner | None]:
    """Opens the cluster that was asked for; None where there was none.

    Args:
        options: Of the command.
        **how: What `whelp.cluster.open_runner` takes besides.
    """
    if options["cluster"] is None:
        yield None
        return
    from whelp.cluster import open_runner

    with open_runner(options["cluster"], workers=options["workers"], tell=say, **how) as runner:
        yield runner
