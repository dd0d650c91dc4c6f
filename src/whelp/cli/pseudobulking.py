"""`whelp pseudobulk`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from whelp.cli.common import EXISTING_FILE, NEW_FOLDER, guarded
from whelp.cli.console import console, count, say, show_table, warn

if TYPE_CHECKING:
    from whelp.making.pseudobulk import PseudobulkResult

_HELP = """\
Make BigWigs of groups of single cells: of the reads in BAM whose cells are in a group of BARCODES.

BAM has the barcode of a read's cell in a tag (CB, as of Cell Ranger and STARsolo) and is sorted by
position; it needs no index. BARCODES has a barcode and a group a line. Reads that are secondary,
failed, marked as duplicates or badly placed do not count.

By the assay, reads of RNA count at each base that they cover, on the strand of their transcript;
those of CAGE at their 5' end; those of ATAC at both ends of fragments, without strands. --library
says what a read's strand means: forward for 10x 3', reverse for 10x 5' and dUTP.

Coverage is in reads. samples.tsv holds the depth of each group:
`whelp targets groups/*.bw --samples groups/samples.tsv` goes on from here.

\b
Example:
  whelp pseudobulk cells.bam barcodes.tsv --out-dir groups
  whelp pseudobulk cells.bam barcodes.tsv --out-dir ends --assay ATAC --min-mapq 30
"""


@click.command("pseudobulk", help=_HELP)
@click.argument("bam", type=EXISTING_FILE)
@click.argument("barcodes", type=EXISTING_FILE)
@click.option("-o", "--out-dir", type=NEW_FOLDER, required=True, help="Folder of the BigWigs.")
@click.option(
    "--assay",
    type=click.Choice(("RNA", "CAGE", "ATAC", "DNASE", "CHIP"), case_sensitive=False),
    default="RNA",
    show_default=True,
    help="Decides how reads count.",
)
@click.option(
    "--count",
    type=click.Choice(("cover", "ends")),
    help="Each base that a read covers, or its 5' end.  [default: by the assay]",
)
@click.option(
    "--library",
    type=click.Choice(("forward", "reverse", "unstranded")),
    help="Strand of first reads against their transcripts.  [default: by the assay]",
)
@click.option("--barcode-tag", default="CB", show_default=True, help="Tag of the cell's barcode.")
@click.option("--umi-tag", help="Tag of the UMI (UB): count a molecule once at a place.")
@click.option("--min-mapq", default=10, show_default=True, help="Least mapping quality.")
@click.option("--keep-duplicates", is_flag=True, help="Count reads marked as duplicates.")
@click.option("--skip-empty", is_flag=True, help="Leave out groups without reads.")
@click.option("--force", is_flag=True, help="Replace BigWigs that are there.")
@partial(guarded, backend=False)
def command(bam: Path, barcodes: Path, out_dir: Path, **options: Any) -> None:
    """Make BigWigs of groups of single cells."""
    from whelp.making.bam_reads import ReadFilter
    from whelp.making.pseudobulk import PseudobulkSettings, make_pseudobulk

    names = ("barcode_tag", "umi_tag", "min_mapq", "keep_duplicates")
    reads = ReadFilter(**{name: options.pop(name) for name in names})
    settings = PseudobulkSettings(reads=reads, **options)
    with _Bar() as bar:
        result = make_pseudobulk(bam, barcodes, out_dir, settings, progress=bar)
    _say_result(result)
    say(f"written to {out_dir}")


class _Bar:
    """A bar on terminals; nothing elsewhere."""

    def __init__(self) -> None:
        there = console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
        self._progress = Progress(
            *columns,
            TimeRemainingColumn(),
            console=there,
            transient=True,
            disable=not there.is_terminal,
        )
        self._task = self._progress.add_task("", total=1.0)

    def __enter__(self) -> _Bar:
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def __call__(self, words: str, share: float) -> None:
        self._progress.update(self._task, description=words, completed=share)


def _say_result(result: PseudobulkResult) -> None:
    from whelp.making.bam_reads import SKIPPED

    rows = [
        [
            group.group,
            count(group.cells),
            count(group.found),
            count(group.reads),
            count(group.fragments),
            ", ".join(file.name for file in group.files) or "left out",
        ]
        for group in result.groups
    ]
    headings = ["group", "cells", "with reads", "reads", "fragments", "files"]
    show_table("Groups", headings, rows, numbers=headings[1:5])
    reads = result.reads
    left = [[SKIPPED[why], count(number)] for why, number in reads.skipped.items()]
    title = f"Reads: {count(reads.counted)} of {count(reads.total)} counted"
    say()
    if left:
        show_table(title, ["left out", "reads"], left, numbers=["reads"])
    else:
        say(title)
    lost = sum(group.cells - group.found for group in result.groups)
    if lost:
        warn(f"{count(lost)} barcodes of the table have no reads")
