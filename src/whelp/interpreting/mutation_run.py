"""From a file of stretches to a file of the scores of their mutations, in resumable steps."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import h5py

from whelp.files import atomic_path
from whelp.interpreting.mutagenesis import Mutagenesis
from whelp.interpreting.mutation_table import Extent, write_mutations
from whelp.interpreting.region_file import RegionFile, Stretches, Unfit
from whelp.interpreting.regions import Region, RegionError
from whelp.scoring.errors import ScoreError
from whelp.scoring.existing import (
    REJECTED,
    SCORES,
    UNFINISHED,
    Existing,
    is_finished,
    rejected_lines,
    unfinished_rows,
)
from whelp.scoring.rows import RowFolder

Progress = Callable[[int, int], None]


class MutationSummary(NamedTuple):
    """What a run did.

    Attributes:
        path: The file of scores.
        regions: Stretches in it.
        positions: Their bases.
        rejected: Rows that could not be explained; `rejected.tsv` beside it says why.
        resumed: Of the bases, those that an earlier run had replaced.
    """

    path: Path
    regions: int
    positions: int
    rejected: int
    resumed: int


def mutate_to_file(
    mutagenesis: Mutagenesis,
    regions: RegionFile,
    out_dir: Path,
    *,
    run: Mapping[str, Any],
    existing: Existing = "continue",
    strict: bool = False,
    progress: Progress | None = None,
) -> MutationSummary:
    """Replace every base of some stretches, and write `scores.h5` (see `write_mutations`).

    A run that was stopped, however it was, goes on when it is called again with the same `run`, and
    ends with the same scores; the file appears when it is whole. Memory does not grow with the
    number of stretches.

    Args:
        mutagenesis: Scores.
        regions: The stretches.
        out_dir: Folder of the results. Rows that cannot be explained are listed in `rejected.tsv`.
        run: What the scores depend on, from `whelp.scoring.run.describe_run`.
        existing: What to do with scores that are in the folder, see `is_finished`.
        strict: Stop at a row that cannot be explained, before any work is done.
        progress: Called with the number of bases that are done, and of all.

    Returns:
        What was done.

    Raises:
        RegionError: There is nothing that can be explained, or with `strict` a row cannot be.
        ValueError: The file cannot be read (BedError, VariantError).
        ScoreError: The folder holds scores that are not to be replaced, or another process writes
            into it.
        OSError: Something cannot be read or written.
    """
    note = json.dumps(dict(run), sort_keys=True)
    if is_finished(out_dir, existing, note):
        return _summary(out_dir)
    extent, rejected = census(regions, out_dir, strict=strict)
    with unfinished_rows(out_dir / UNFINISHED, mutagenesis.layout(), run, existing) as rows:
        before = _mutate_rest(
            mutagenesis,
            regions,
            rows,
            lambda done: progress(done, extent.positions) if progress is not None else None,
        )
        if rows.finished != extent.positions:
            raise ScoreError(f"{regions.path}: the file has changed while it was read; run again")
        write_mutations(
            out_dir / SCORES,
            regions.regions(),
            rows.read(),
            extent=extent,
            tracks=mutagenesis.measure.tracks,
            note=note,
        )
        rows.remove()
    return MutationSummary(out_dir / SCORES, extent.regions, extent.positions, rejected, before)


def census(regions: Stretches, out_dir: Path, *, strict: bool) -> tuple[Extent, int]:
    """Count the stretches, and write down what cannot be explained.

    Args:
        regions: The stretches.
        out_dir: Where `rejected.tsv` goes, if there is anything to be written into it.
        strict: Stop at a row that cannot be explained.

    Returns:
        How many there are and the room that they take, and how many rows cannot be explained.

    Raises:
        RegionError: There is nothing that can be explained, or with `strict` a row cannot be.
        ValueError: The file cannot be read (BedError, VariantError).
        OSError: Something cannot be read or written.
    """
    extent = Extent()
    unfit: Unfit | None = None
    rejected = 0
    path = out_dir / REJECTED
    with atomic_path(path) as new, new.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerow(Unfit._fields)
        for item in regions.items():
            if isinstance(item, Region):
                extent = extent.with_(item)
                continue
            unfit = unfit or item
            if strict:
                break
            rejected += 1
            table.writerow(item)
        if unfit is not None and (strict or not extent.regions):
            all_of = (
                "" if strict else f"none of its {rejected:,} rows can be explained; the first, "
            )
            raise RegionError(
                f"{regions.path}: {all_of}{unfit.name} ({unfit.place}): {unfit.reason}"
            )
        if not extent.regions:
            raise RegionError(
                f"{regions.path}: there are no rows in it; expected a BED file of stretches, or a "
                f"VCF or table of variants"
            )
    if not rejected:
        path.unlink()
    return extent, rejected


def _mutate_rest(
    mutagenesis: Mutagenesis,
    regions: RegionFile,
    rows: RowFolder,
    progress: Callable[[int], object],
) -> int:
    """Score the pieces that are not finished; give how many bases were."""
    done, before, begun = 0, rows.finished, False
    for region in regions.regions():
        skip = 0
        if not begun and done + region.length <= before:
            done += region.length
            continue
        if not begun:
            # A piece is predicted together: of one that was begun nothing is taken over.
            skip = sum(done + last <= before for _, last in mutagenesis.chunks(region))
            done += mutagenesis.chunks(region)[skip][0]
            begun, before = True, done
            rows.keep(done)
        for made in mutagenesis.scores(region, skip=skip):
            rows.append(made)
            done += len(made)
            progress(done)
    return min(before, done)


def _summary(out_dir: Path) -> MutationSummary:
    """What was done in a folder whose scores are finished."""
    with h5py.File(out_dir / SCORES) as file:
        lengths = file["length"][:]
    positions, path = int(lengths.sum()), out_dir / SCORES
    return MutationSummary(path, len(lengths), positions, rejected_lines(path), positions)
