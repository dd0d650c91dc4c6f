"""Which windows of sequences.bed a set of record files holds."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from whelp.data.directory import find_files, read_bed, split_of
from whelp.data.errors import DataError
from whelp.data.stores import count_files


def locate_windows(data_dir: Path, files: Sequence[Path], counts: Sequence[int]) -> pd.DataFrame:
    """Give the coordinates of the windows in record files.

    The records of a split's files, in natural order, are its lines in sequences.bed.

    Args:
        data_dir: Data directory.
        files: Record files in it, of any splits.
        counts: Number of windows of every file.

    Returns:
        Columns chrom, start, end, split; one row a window, in the order of the files.

    Raises:
        DataError: If there is no sequences.bed, or it does not fit the files.
    """
    bed = read_bed(data_dir)
    if bed is None:
        raise DataError(
            f"{data_dir}: there is no sequences.bed, so the windows' coordinates are unknown"
        )
    places: dict[Path, pd.DataFrame] = {}
    for split in {split_of(file): None for file in files}:
        places |= _places_of_split(data_dir, split, bed, dict(zip(files, counts, strict=True)))
    return pd.concat([places[file] for file in files], ignore_index=True)


def _places_of_split(
    data_dir: Path, split: str, bed: pd.DataFrame, known: dict[Path, int]
) -> dict[Path, pd.DataFrame]:
    siblings = find_files(data_dir, split)
    last = max(place for place, file in enumerate(siblings) if file in known)
    siblings = siblings[: last + 1]
    unknown = [file for file in siblings if file not in known]
    sizes = known | dict(zip(unknown, count_files(unknown, None), strict=True))
    rows = bed[bed["split"] == split]
    needed = sum(sizes[file] for file in siblings)
    complete = not unknown and last + 1 == len(find_files(data_dir, split))
    if needed > len(rows) or (complete and needed != len(rows)):
        raise DataError(
            f"{data_dir}: sequences.bed has {len(rows)} windows of split {split!r}, the record "
            f"files hold {needed}"
        )
    places, start = {}, 0
    for file in siblings:
        places[file] = rows.iloc[start : start + sizes[file]]
        start += sizes[file]
    return places
