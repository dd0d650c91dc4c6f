"""`whelp targets`."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from whelp.cli.common import EXISTING_FILE, NEW_FILE, guarded
from whelp.cli.console import say, show_table

if TYPE_CHECKING:
    from whelp.making.sense import PairShare
    from whelp.making.targets_table import TargetsDraft

_HELP = """\
Write the targets table of coverage FILES: BigWig, w5 or BED.

Strand pairs are found by names that differ in +/-, plus/minus, fwd/rev, forward/reverse, pos/neg
or STAR's str2/str1 alone, and assays by words such as RNA, CAGE, DNase, ATAC, ChIP or H3K27ac; sums
and clips of an assay are those of the released Borzoi. The scale of a track is its depth over its
summed coverage (that of both strands), so that one fragment counts one however the file was
normalised; 30 million fragments are assumed where the depth is not known. What was assumed is said.

The table of --samples has the column sample (a track's name, or a file's) and any of assay, depth,
scale, group and description.

\b
Example:
  whelp targets bigwig/*.bw -o targets.txt
  whelp targets bigwig/*.bw --assay RNA --depth 25e6 --genes genes.gtf -o targets.txt
  whelp targets bigwig/*.bw --samples samples.tsv --group 'young*=young' -o targets.txt
"""


class Group(click.ParamType):
    """A pattern of track names and the group of those that match."""

    name = "PATTERN=GROUP"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, str]:
        """Parses them."""
        pattern, equals, group = str(value).rpartition("=")
        if not equals or not pattern or not group:
            self.fail(f"{value!r} is no pattern and group such as 'PDL20*=young'", param, ctx)
        return pattern, group


@click.command("targets", help=_HELP)
@click.argument("files", nargs=-1, required=True)
@click.option(
    "-o", "--out", type=NEW_FILE, default="targets.txt", show_default=True, help="File to write."
)
@click.option("--assay", help="RNA, CAGE, DNase, ATAC or ChIP, in place of what names tell.")
@click.option("--depth", type=float, help="Fragments sequenced and mapped, of every track.")
@click.option("--samples", type=EXISTING_FILE, help="Table of samples, separated by tabs.")
@click.option(
    "--group",
    "groups",
    type=Group(),
    multiple=True,
    help="Group (condition, cell type) of the tracks whose names match a pattern; repeatable.",
)
@click.option("--unstranded", is_flag=True, help="Take each file by itself, whatever its name.")
@click.option(
    "--signal", is_flag=True, help="The files are fold changes or p-values: means, scale 2."
)
@click.option("--genes", type=EXISTING_FILE, help="GTF or GFF3, by which strand pairs are checked.")
@click.option(
    "--flip-strands",
    is_flag=True,
    help="Exchange the files of pairs (10x data); with --genes, of those that it shows flipped.",
)
@click.option("--force", is_flag=True, help="Replace a table that is there.")
@partial(guarded, backend=False)
def command(files: Sequence[str], out: Path, force: bool, **options: Any) -> None:
    """Write the targets table of coverage FILES: BigWig, w5 or BED."""
    from whelp.making.targets_table import TargetsSettings, write_targets

    draft = write_targets(expand(files), out, TargetsSettings(**options), force=force)
    say_targets(draft)
    say(f"{len(draft.table)} tracks written to {out}")


def expand(names: Iterable[str]) -> list[str]:
    """Files of names and patterns; a pattern that nothing matches is left as it is."""
    files: list[str] = []
    for name in names:
        found = [] if Path(name).exists() else sorted(glob.glob(name, recursive=True))
        files += found or [name]
    return files


def say_targets(draft: TargetsDraft) -> None:
    """Prints a table of targets, and what was assumed for it."""
    grouped = any(row.group for row in draft.table.rows)
    headings = ["track", "description", "sum_stat", "clip_soft", "clip", "coverage", "scale"]
    rows = [
        [
            row.identifier,
            row.description,
            row.sum_stat,
            f"{row.clip_soft:g}",
            f"{row.clip:g}",
            f"{total.total:,.0f}",
            f"{row.scale:.4g}",
            *([row.group or ""] if grouped else []),
        ]
        for row, total in zip(draft.table.rows, draft.totals, strict=True)
    ]
    show_table("Tracks", headings + ["group"] * grouped, rows, numbers=headings[3:7])
    say_shares(draft.shares)
    for note in draft.notes:
        say(f"- {note}")


def say_shares(shares: Sequence[PairShare]) -> None:
    """Prints how much of each pair is on the sense strand of exons."""
    if not shares:
        return
    rows = [
        [
            share.name,
            "-" if share.share != share.share else f"{share.share:.1%}",
            f"{share.exons:,}",
            share.verdict + (", exchanged" if share.swapped else ""),
        ]
        for share in shares
    ]
    say()
    show_table(
        "Coverage of exons on the sense strand",
        ["pair", "share", "exons", "strands"],
        rows,
        numbers=["share", "exons"],
    )
    say()
