"""Which tracks stand for which tissue."""

from __future__ import annotations

import csv
from collections.abc import Collection
from pathlib import Path

from whelp.eqtls.errors import EqtlError
from whelp.files import open_text
from whelp.scoring.track_names import TrackError, named_rows
from whelp.specs import TargetsTable
from whelp.wording import listed

_COLUMNS = ("tissue", "tracks")


def read_tissues(path: str | Path) -> dict[str, list[str]]:
    """Read a table of tissues.

    Args:
        path: Columns separated by tabs under the names `tissue` and `tracks`: the tissue as INFO
            calls it, and its tracks' identifiers or descriptions, in which * and ? stand for any
            letters and for any one; several with commas, or in several rows. Other columns do not
            count.

    Returns:
        Tissue -> names and patterns of its tracks, in the order of the table.

    Raises:
        EqtlError: A column is missing, a row is incomplete, or there are no rows.
        OSError: The file cannot be read.
    """
    path = Path(path)
    tissues: dict[str, list[str]] = {}
    with open_text(path) as lines:
        table = csv.DictReader(lines, delimiter="\t")
        missing = [name for name in _COLUMNS if name not in (table.fieldnames or ())]
        if missing:
            raise EqtlError(
                f"{path}: expected columns separated by tabs, {' and '.join(_COLUMNS)} among them; "
                f"received {listed(table.fieldnames or ['nothing'])}"
            )
        for number, row in enumerate(table, start=2):
            tissue, text = ((row[name] or "").strip() for name in _COLUMNS)
            words = [word.strip() for word in text.split(",") if word.strip()]
            if not tissue or not words:
                raise EqtlError(f"{path}, line {number}: expected a tissue and its tracks")
            tissues.setdefault(tissue, []).extend(words)
    if not tissues:
        raise EqtlError(f"{path}: there are no tissues in it; expected a row for each")
    return tissues


def tissue_tracks(
    tissues: dict[str, list[str]], tracks: TargetsTable, path: str | Path
) -> dict[str, list[int]]:
    """Find the tracks of each tissue.

    Args:
        tissues: From `read_tissues`.
        tracks: The scored tracks.
        path: The table, for errors.

    Returns:
        Tissue -> places among the scored tracks, sorted. The two strands of a track are scored as
        one, under the name of its + strand: that of the - strand means the same.

    Raises:
        EqtlError: A name or pattern fits no track.
    """
    known = {row.identifier for row in tracks.rows}
    found = {}
    for tissue, words in tissues.items():
        try:
            found[tissue] = named_rows(tracks, [_scored(word, known) for word in words])
        except TrackError as error:
            raise EqtlError(f"{path}: {tissue}: {error}") from None
    return found


def _scored(word: str, known: Collection[str]) -> str:
    """The name under which a track was scored."""
    plus = f"{word.removesuffix('-')}+"
    return plus if word.endswith("-") and word not in known and plus in known else word
