"""Which columns of a file of variants are chromosome, position, ID, reference and alternate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import NamedTuple

VCF_COLUMNS = ("chrom", "pos", "id", "ref", "alt")
_NAMES = {
    "chrom": ("chrom", "chr", "chromosome"),
    "pos": ("pos", "position"),
    "id": ("id", "rsid", "variant_id", "variant", "snp"),
    "ref": ("ref", "ref_allele", "reference", "reference_allele"),
    "alt": ("alt", "alt_allele", "alternate", "alternate_allele"),
}

Five = tuple[str, str, str, str, str]


class Layout(NamedTuple):
    """Which columns are chromosome, position, ID, reference and alternate.

    Attributes:
        pick: Takes them from a list of columns that begins with "." for what has no column.
        last: Number of the last of them, from 1; what is behind it is not split.
    """

    pick: Callable[[list[str]], Five]
    last: int

    def columns(self, line: str) -> Five:
        """Take the five from a line, or raise IndexError."""
        most = self.last
        return self.pick([".", *(line.split("\t", most) if "\t" in line else line.split())])


def split_columns(line: str) -> list[str]:
    """Split a line at tabs, or at spaces where it has no tabs."""
    return line.split("\t") if "\t" in line else line.split()


def named_layout(line: str) -> Layout | None:
    """Read a line as names of columns; None if it is none."""
    names = [name.strip().lower() for name in split_columns(line)]
    places = [
        next((names.index(name) + 1 for name in known if name in names), 0)
        for known in _NAMES.values()
    ]
    if all(place or meaning == "id" for meaning, place in zip(_NAMES, places, strict=True)):
        return Layout(itemgetter(*places), max(places))
    return None


def unnamed_layout(columns: Sequence[str]) -> Layout | None:
    """Say what the columns of a file without names are, by its first line of data."""
    if len(columns) < 4 or not columns[1].strip().isdecimal():
        return None
    if len(columns) >= len(VCF_COLUMNS):
        return Layout(itemgetter(1, 2, 3, 4, 5), len(VCF_COLUMNS))
    return Layout(itemgetter(1, 2, 0, 3, 4), 4)
