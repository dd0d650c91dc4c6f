"""A data set from a genome and tracks: records that whelp and Baskerville train on."""

from __future__ import annotations

from pathlib import Path

from whelp.making.options import (
    DataSettings,
    DataSummary,
    MakingError,
    Progress,
    ProgressHook,
    TrackSummary,
)
from whelp.specs import TargetsTable

__all__ = [
    "DataSettings",
    "DataSummary",
    "MakingError",
    "Progress",
    "ProgressHook",
    "TrackSummary",
    "make_data",
]


def make_data(
    genome: Path,
    targets: Path | TargetsTable,
    out_dir: Path,
    settings: DataSettings | None = None,
    *,
    resume: bool = False,
    progress: ProgressHook | None = None,
) -> DataSummary:
    """Make a data set."""
    raise NotImplementedError
