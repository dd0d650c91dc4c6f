"""The targets table: one row a track, in the order of a model's output channels."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from whelp.data.errors import DataError


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
        DataError: If a partner is not a whole number, is not in the table, or does not name the
            track in return.
    """
    if "strand_pair" not in targets.columns:
        return None
    numbers = pd.to_numeric(targets["strand_pair"], errors="coerce")
    whole = numbers.notna() & (numbers % 1 == 0)
    if not whole.all():
        track = whole.index[~whole][0]
        raise DataError(
            f"targets table: strand_pair of track {track} is {targets['strand_pair'][track]!r}, "
            "expected the number of the track of the other strand, or the track's own number "
            "if it has no strands"
        )
    pairs = targets.index.get_indexer(pd.Index(numbers.astype(np.int64)))
    if (pairs < 0).any():
        row = int(np.flatnonzero(pairs < 0)[0])
        raise DataError(
            f"targets table: the strand_pair of track {targets.index[row]} is track "
            f"{int(numbers.iloc[row])}, which is not among the {len(targets)} tracks here. Take "
            "both strands of a track or neither"
        )
    one_sided = np.flatnonzero(pairs[pairs] != np.arange(len(pairs)))
    if one_sided.size:
        row = int(one_sided[0])
        partner = int(pairs[row])
        raise DataError(
            f"targets table: track {targets.index[row]} names track {targets.index[partner]} as "
            f"its strand_pair, but that one names track {targets.index[pairs[partner]]}. Strand "
            "pairs name each other"
        )
    return pairs.astype(np.int64)
