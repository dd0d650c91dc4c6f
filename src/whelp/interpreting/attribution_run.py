"""From stretches of DNA to a file of attributions, in steps that can be taken up again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np

from whelp.interpreting.attribution_table import write_attributions
from whelp.interpreting.attributor import Attributor
from whelp.interpreting.mutation_run import census
from whelp.interpreting.region_file import Stretches
from whelp.scoring.errors import ScoreError
from whelp.scoring.existing import (
    UNFINISHED,
    Existing,
    is_finished,
    rejected_lines,
    unfinished_rows,
)

ATTRIBUTIONS = "attributions.h5"

Progress = Callable[[int, int], None]


class AttributionSummary(NamedTuple):
    """What a run did.

    Attributes:
        path: The file of attributions.
        regions: Stretches in it.
        partly: Of those with genes, how many windows show only a part of the gene's exons.
        rejected: Rows that could not be explained; `rejected.tsv` beside it says why.
        resumed: Of the stretches, those that an earlier run had explained.
    """

    path: Path
    regions: int
    partly: int
    rejected: int
    resumed: int


def attribute_to_file(
    attributor: Attributor,
    stretches: Stretches,
    out_dir: Path,
    *,
    run: Mapping[str, Any],
    existing: Existing = "continue",
    strict: bool = False,
    progress: Progress | None = None,
) -> AttributionSummary:
    """Explain stretches, and write `attributions.h5` (see `write_attributions`).

    A run that was stopped, however it was, goes on when it is called again with the same `run`, and
    ends with the same numbers; the file appears when it is whole. Memory does not grow with the
    number of stretches.

    Args:
        attributor: Explains.
        stretches: The stretches, all of one length.
        out_dir: Folder of the results. Rows that cannot be explained are listed in `rejected.tsv`.
        run: What the numbers depend on, from `whelp.scoring.run.describe_run`.
        existing: What to do with results that are in the folder, see `is_finished`.
        strict: Stop at a row that cannot be explained, before any work is done.
        progress: Called with the number of stretches that are done, and of all.

    Returns:
        What was done.

    Raises:
        RegionError: There is nothing that can be explained, or with `strict` a row cannot be.
        ValueError: The file cannot be read (BedError, VariantError).
        ScoreError: The folder holds results that are not to be replaced, or another process writes
            into it.
        OSError: Something cannot be read or written.
    """
    note = json.dumps(dict(run), sort_keys=True)
    path = out_dir / ATTRIBUTIONS
    if is_finished(out_dir, existing, note, name=ATTRIBUTIONS):
        return _summary(path, resumed=None)
    extent, _ = census(stretches, out_dir, strict=strict)
    layout = attributor.layout(extent.longest)
    with unfinished_rows(out_dir / UNFINISHED, layout, run, existing) as rows:
        before = rows.finished
        for number, region in enumerate(stretches.regions()):
            if number >= before:
                rows.append(np.array([tuple(attributor.explain(region, number=number))], layout))
            if progress is not None:
                progress(number + 1, extent.regions)
        if rows.finished != extent.regions:
            raise ScoreError(f"{stretches.path}: the file has changed while it was read; run again")
        write_attributions(path, stretches.regions(), rows.read, extent=extent, note=note)
        rows.remove()
    return _summary(path, resumed=before)


def _summary(path: Path, *, resumed: int | None) -> AttributionSummary:
    """What the files say; without a number, all stretches had been explained before."""
    with h5py.File(path) as file:
        shares = file["share"][:]
    number = len(shares)
    partly = int((shares < 1).sum())
    return AttributionSummary(
        path, number, partly, rejected_lines(path), number if resumed is None else resumed
    )
