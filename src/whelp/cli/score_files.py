"""What `whelp score` writes of its scores besides `scores.h5`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whelp.cli.console import say
from whelp.files import remove_beside, remove_partial

if TYPE_CHECKING:
    from whelp.scoring.census import VariantFile


_BESIDE = (
    *("scores.tsv.gz", "groups.tsv.gz", "scores.parquet", "groups.parquet", "report.html"),
    *("scores.vcf.gz", "scores.vcf.gz.tbi", "scores.vcf.gz.csi"),
)


def check_formats(options: Mapping[str, Any]) -> None:
    """Refuses formats that cannot be written, before hours of work are done."""
    from whelp.scoring.frames import check_parquet

    if options["parquet"]:
        check_parquet()


def write_score_files(scores: Path, variants: VariantFile, options: Mapping[str, Any]) -> None:
    """Writes the tables and the VCF that were asked for; by gene there is always a table.

    What an earlier run wrote goes with the scores that were replaced.
    """
    from whelp.scoring.annotation import write_score_vcf
    from whelp.scoring.frames import PARQUET, write_frames
    from whelp.scoring.score_table import group_frames, has_groups, score_frames

    if options["overwrite"]:
        remove_beside(scores, _BESIDE)
    tables = {"scores": score_frames}
    if has_groups(scores):
        tables["groups"] = group_frames
    endings = [".tsv.gz"] if options["table"] or options["genes"] is not None else []
    endings += [PARQUET] if options["parquet"] else []
    for ending in endings:
        for name, frames in tables.items():
            path = scores.with_name(name + ending)
            remove_partial(path)
            write_frames(frames(scores), path)
            say(f"table written to {path}")
    if options["vcf"]:
        path = scores.with_name("scores.vcf.gz")
        remove_partial(path)
        write_score_vcf(scores, variants, path)
        say(f"annotated variants written to {path}")
