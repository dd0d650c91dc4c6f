"""Where the files of a targets table are."""

from __future__ import annotations

from pathlib import Path

from whelp.specs import Target, TargetsTable


def locate_track(row: Target, table: TargetsTable) -> Path | None:
    """Find a track's file: its path is meant from the working directory, else from the table's.

    Args:
        row: The track.
        table: Its table.

    Returns:
        The file; None where none is named, or there is none.
    """
    if row.file is None:
        return None
    given = Path(row.file).expanduser()
    places = (given, Path(table.path).parent / given)
    return next((path for path in places if path.is_file()), None)
