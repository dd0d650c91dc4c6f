"""The report of a data set that was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from whelp.making.options import DataSummary
from whelp.making.windows import read_windows_bed
from whelp.report import DatasetTables, dataset_report
from whelp.specs import TargetsTable

REPORT = "report.html"
"""Name of the report in the folder of a data set."""


def write_page(
    summary: DataSummary,
    *,
    lengths: Mapping[str, int] | None = None,
    facts: Mapping[str, str] | None = None,
) -> Path:
    """Write `report.html` into the folder of a data set: its windows and tracks.

    Args:
        summary: What `make_data` gave.
        lengths: Chromosome -> length, bp, up to which chromosomes are drawn.
        facts: How the data set was made, with the command as `command`.

    Returns:
        The path of the report.

    Raises:
        OSError: A file of the data set is missing, or the report cannot be written.
    """
    windows = read_windows_bed(summary.path / "sequences.bed")
    rows = TargetsTable.read(summary.path / "targets.txt").rows
    grouped = any(row.group for row in rows)
    tracks = pd.DataFrame(
        [
            asdict(track)
            | {"description": row.description or ""}
            | ({"group": row.group or ""} if grouped else {})
            for track, row in zip(summary.tracks, rows, strict=True)
        ]
    )
    tables = DatasetTables(
        windows=pd.DataFrame(windows),
        tracks=tracks,
        seq_length=summary.seq_length,
        target_length=summary.target_length,
        lengths=lengths or {},
        notes=summary.notes,
        facts=facts or {},
    )
    return dataset_report(tables, summary.path / REPORT, title=f"Data set of {len(rows)} tracks")
