"""The targets table: one row a track, in the order of a model's output channels."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from whelp.data.errors import DataError
from whelp.specs.errors import SpecError
from whelp.specs.targets import check_strand_pairs


def read_targets(path: str | Path) -> pd.DataFrame:
    """Read a targets table.

    Args:
        path: Tab-separated file whose first column is the number of the track; further columns by
            custom identifier, file, clip, clip_soft, scale, sum_stat, strand_pair, description.

    Returns:
        The table, indexed by track number.

    Raises:
        DataError: If the file is missing or empty, or the first column does not hold different
            whole numbers.
    """
    path = Path(path)
    try:
        table = pd.read_csv(path, sep="\t", index_col=0)
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such targets table") from error
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: this is not a tab-separated targets table: {error}") from error
    if not pd.api.types.is_integer_dtype(table.index) or table.empty:
        raise DataError(
            f"{path}: the first column of a targets table numbers the tracks 0, 1, 2 ...; received "
            f"{list(table.index[:3]) or 'no rows'}"
        )
    if table.index.has_duplicates:
        twice = table.index[table.index.duplicated()][0]
        raise DataError(f"{path}: track number {twice} stands in the table more than once")
    return table


def strand_pairs(targets: pd.DataFrame) -> npt.NDArray[np.int64] | None:
    """Find the row of the opposite strand of every track.

    Args:
        targets: Targets table. Its column `strand_pair` holds track numbers (index values); a
            track without strands names itself. The table may be a slice of a larger one that
            keeps the numbers.

    Returns:
        Row positions of shape `(num_targets,)`, or None if the table has no such column.

    Raises:
        DataError: If a partner is not a whole number, is not in the table, does not name the track
            in return, or by its identifier is another track.
    """
    if "strand_pair" not in targets.columns:
        return None
    numbers = _whole_numbers(targets["strand_pair"])
    names = list(targets["identifier"].astype(str)) if "identifier" in targets.columns else None
    try:
        check_strand_pairs(targets.index.tolist(), numbers.tolist(), identifiers=names)
    except SpecError as error:
        advice = "Take both strands of a track or neither, each naming the other"
        raise DataError(f"targets table: {error}. {advice}") from error
    return targets.index.get_indexer(pd.Index(numbers)).astype(np.int64)


def _whole_numbers(column: pd.Series) -> npt.NDArray[np.int64]:
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(np.float64)
    wrong = np.flatnonzero(~(numbers % 1 == 0))
    if wrong.size:
        row = int(wrong[0])
        raise DataError(
            f"targets table: strand_pair of track {column.index[row]} is {column.tolist()[row]!r}, "
            "expected the number of the track of the other strand, or the track's own number if it "
            "has no strands"
        )
    return numbers.astype(np.int64)
