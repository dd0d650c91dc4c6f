"""Tracks by name, pattern or index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

import numpy as np
import numpy.typing as npt

from whelp.scoring.strands import Strands
from whelp.specs import TargetsTable
from whelp.specs.errors import nearest
from whelp.specs.targets import Target
from whelp.wording import listed


class TrackError(ValueError):
    """A name that no track has."""


def named_rows(targets: TargetsTable, words: Sequence[str | int] = ()) -> list[int]:
    """Find rows of a targets table.

    Args:
        targets: The table.
        words: Each is a track's index in the table, or its identifier or description, in which *
            and ? stand for any letters and for any one. The identifier of a pair without + and -
            means both strands. None for all rows.

    Returns:
        Places in the table, sorted, each once.

    Raises:
        TrackError: A word fits no row; near names are told.
    """
    if not words:
        return list(range(len(targets)))
    names = [set(_names(row)) for row in targets.rows]
    found: set[int] = set()
    for word in words:
        fitting = {at for at, known in enumerate(names) if _fits(str(word), known)}
        if not fitting:
            raise TrackError(_unknown(str(word), targets))
        found |= fitting
    return sorted(found)


def named_tracks(
    targets: TargetsTable, strands: Strands, words: Sequence[str | int] = ()
) -> npt.NDArray[np.int64]:
    """Find merged tracks, of which at least one strand is named.

    Args:
        targets: The tracks.
        strands: Their strands.
        words: As in `named_rows`.

    Returns:
        Places among the merged tracks, sorted, each once.

    Raises:
        TrackError: As in `named_rows`.
    """
    rows = set(named_rows(targets, words))
    pairs = zip(strands.plus, strands.minus, strict=True)
    return np.array([at for at, pair in enumerate(pairs) if rows & {*pair}], np.int64)


def _names(row: Target) -> Iterator[str]:
    yield str(row.index)
    yield row.identifier
    if row.identifier[-1:] in ("+", "-") and row.strand_pair != row.index:
        yield row.identifier[:-1]
    if row.description:
        yield row.description


def _fits(word: str, names: set[str]) -> bool:
    # A name may hold the letters of patterns itself.
    if word in names:
        return True
    # An index is no text that patterns fit: * means names.
    return any(fnmatchcase(name, word) for name in names if not name.isdecimal())


def _unknown(word: str, targets: TargetsTable) -> str:
    identifiers = [row.identifier for row in targets.rows]
    descriptions = [row.description for row in targets.rows if row.description]
    near = nearest(word, [*identifiers, *descriptions])
    hint = f"; did you mean {near!r}?" if near else "."
    return (
        f"no track of {targets.path or 'the targets table'} has the index, identifier or "
        f"description {word!r}{hint} It has {listed(identifiers, most=6)}"
    )
