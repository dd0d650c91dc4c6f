"""The targets table of a data set: what each track is, and which is its other strand."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from pydantic import ValidationError

from whelp.specs.base import Number, Spec, Whole
from whelp.specs.errors import SpecError

_NUMBERS = ("clip", "clip_soft", "scale")
_EMPTY = ("", "NA", "NaN", "nan")


class Target(Spec):
    """One track: a row of the table."""

    index: Whole
    identifier: str
    file: str | None = None
    clip: Number | None = None
    clip_soft: Number | None = None
    scale: Number | None = None
    sum_stat: str | None = None
    strand_pair: Whole | None = None
    description: str | None = None
    group: str | None = None


class TargetsTable(Spec):
    """A table of tracks, tab-separated, with a header and the track's index in front.

    Attributes:
        rows: The tracks in the order of the model's outputs.
        path: The file that was read.
    """

    rows: tuple[Target, ...]
    path: str = ""

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a table and check its strand pairs.

        A table without the column `strand_pair` is usable; its `strand_pair` is None, and reverse
        complements then cannot swap strands.

        Raises:
            SpecError: The table is empty, a column or a value is missing, a value is no number, an
                index stands twice, or the strand pairs are broken; it names the row.
            OSError: The file cannot be read.
        """
        with Path(path).open(newline="", encoding="utf-8") as lines:
            table = [line for line in csv.reader(lines, delimiter="\t") if line]
        try:
            rows = _parse(table)
            if rows[0].strand_pair is not None:
                check_strand_pairs(
                    [row.index for row in rows],
                    [_paired(row) for row in rows],
                    identifiers=[row.identifier for row in rows],
                )
        except SpecError as error:
            raise error.below("", file=str(path)) from None
        return cls.model_construct(rows=tuple(rows), path=str(path))

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def strand_pair(self) -> list[int] | None:
        """Position in the table of each row's other strand, or its own; None without the column."""
        if any(row.strand_pair is None for row in self.rows):
            return None
        position = {row.index: at for at, row in enumerate(self.rows)}
        return [position[_paired(row)] for row in self.rows]


def check_strand_pairs(
    indexes: Sequence[int],
    pairs: Sequence[int],
    *,
    identifiers: Sequence[str] | None = None,
    file: str = "",
) -> None:
    """Check that strand pairs are pairs.

    Args:
        indexes: Index of each track. A slice of a table keeps the indexes of the whole.
        pairs: Index of each track's other strand, or its own where it has none.
        identifiers: Names of the tracks. Those of a pair that end in + or - must be the two strands
            of one name.
        file: Named in errors.

    Raises:
        SpecError: An index is not in the table, a pair does not lead back, or its names are of
            different tracks.
    """
    position = {index: at for at, index in enumerate(indexes)}
    for index, pair in zip(indexes, pairs, strict=True):
        if pair not in position:
            wanted = "the index of a track in the table"
            raise SpecError(wanted, file=file, path=f"row {index}.strand_pair", value=pair)
    for at, (index, pair) in enumerate(zip(indexes, pairs, strict=True)):
        place = f"row {index}.strand_pair"
        other = position[pair]
        if pairs[other] != index:
            wanted = (
                f"a track whose own strand_pair is {index} (that of track {pair} is {pairs[other]})"
            )
            raise SpecError(wanted, file=file, path=place, value=pair)
        if identifiers is not None and not _look_paired(identifiers[at], identifiers[other]):
            raise SpecError(
                "the two strands of one track",
                file=file,
                path=place,
                value=pair,
                problem=f"{identifiers[at]!r} is paired with {identifiers[other]!r}",
            )


def _look_paired(one: str, other: str) -> bool:
    if one == other:
        return True
    signs = {one[-1:], other[-1:]}
    if not signs & {"+", "-"}:
        return True
    return signs == {"+", "-"} and one[:-1] == other[:-1]


def _paired(row: Target) -> int:
    if row.strand_pair is None:
        raise SpecError("the index of a track", path=f"row {row.index}.strand_pair")
    return row.strand_pair


def _parse(table: Sequence[Sequence[str]]) -> list[Target]:
    if len(table) < 2:
        raise SpecError("a header and a row for each track", problem="the table has no rows")
    header = _header(table[0], len(table[1]))
    rows = [_row(header, values, number) for number, values in enumerate(table[1:], start=2)]
    seen: set[int] = set()
    for row in rows:
        if row.index in seen:
            wanted = "each index once"
            raise SpecError(wanted, path=f"row {row.index}", problem="the index stands twice")
        seen.add(row.index)
    return rows


def _header(names: Sequence[str], width: int) -> list[str]:
    # pandas writes the index under an empty name; others leave the name out.
    header = ["", *names] if len(names) == width - 1 else list(names)
    header[0] = "index"
    if "identifier" not in header:
        raise SpecError(
            "a tab-separated table with the columns identifier, file, clip, ... after the index",
            path="line 1",
            value="\t".join(names),
        )
    return header


def _row(header: Sequence[str], values: Sequence[str], line: int) -> Target:
    if len(values) != len(header):
        wanted = f"{len(header)} values, as the header has"
        raise SpecError(wanted, path=f"line {line}", problem=f"the row has {len(values)} values")
    raw: dict[str, object] = {}
    for name, text in zip(header, values, strict=True):
        if name in Target.model_fields and text not in _EMPTY:
            raw[name] = _number(name, text, line)
    for name in ("index", "identifier", "strand_pair"):
        if name in header and name not in raw:
            raise SpecError("a value", path=f"line {line}.{name}", problem="the value is missing")
    try:
        return Target.model_validate(raw)
    except ValidationError as error:
        name = str(error.errors()[0]["loc"][0])
        raise SpecError("a finite number", path=f"line {line}.{name}", value=raw[name]) from None


def _number(name: str, text: str, line: int) -> object:
    is_whole = name in ("index", "strand_pair")
    if not is_whole and name not in _NUMBERS:
        return text
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if number != number or (is_whole and not number.is_integer()):
        wanted = "a whole number" if is_whole else "a number"
        raise SpecError(wanted, path=f"line {line}.{name}", value=text)
    return int(number) if is_whole else number
