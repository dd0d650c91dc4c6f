"""Which cell belongs to which group: a table of barcodes."""

from __future__ import annotations

import csv
import gzip
import re
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from whelp.files import open_text

_GZIP = b"\x1f\x8b"
_HEADINGS = {
    *("barcode", "barcodes", "cb", "cell", "cells", "cell_barcode", "cell_id", "cellid", "index"),
    *("group", "cluster", "clusters", "celltype", "cell_type", "annotation", "label", "seurat"),
}
_UNSAFE = re.compile(r"[^A-Za-z0-9._+-]+")


class BarcodeError(ValueError):
    """A table of barcodes that cannot be used; file and line are named."""


@dataclass(frozen=True)
class Barcodes:
    """A table of barcodes.

    Attributes:
        groups: Names of the groups, in the order of the table.
        cells: Barcode -> place of its group in `groups`.
    """

    groups: tuple[str, ...]
    cells: Mapping[str, int]

    @property
    def sizes(self) -> list[int]:
        """Cells of each group."""
        counts = Counter(self.cells.values())
        return [counts[at] for at in range(len(self.groups))]

    @property
    def file_names(self) -> list[str]:
        """Names of the groups as files can have them; see `read_barcodes`."""
        return [_file_name(group) for group in self.groups]


def read_barcodes(path: str | Path) -> Barcodes:
    """Read a table whose first column is a cell's barcode and whose second is its group.

    Columns are separated by tabs, or else by commas; the file may be gzipped. A header is left out
    if one of its two words is a usual heading, such as `barcode` or `cluster`.

    Raises:
        BarcodeError: A line has no second column, a barcode has two groups, there are no lines, or
            the names of two groups would be the same file.
        OSError: The file cannot be read.
    """
    path = Path(path)
    groups: dict[str, int] = {}
    cells: dict[str, int] = {}
    for number, row in _rows(path):
        barcode, group = (cell.strip() for cell in row[:2]) if len(row) > 1 else ("", "")
        if not barcode or not group:
            raise BarcodeError(
                f"{path}, line {number}: expected a barcode and its group, separated by a tab or a "
                f"comma; got {' '.join(row)!r}"
            )
        place = groups.setdefault(group, len(groups))
        if cells.setdefault(barcode, place) != place:
            raise BarcodeError(
                f"{path}, line {number}: the barcode {barcode} stands in the groups "
                f"{list(groups)[cells[barcode]]!r} and {group!r}; expected one"
            )
    if not cells:
        raise BarcodeError(f"{path}: there are no barcodes in it")
    barcodes = Barcodes(tuple(groups), cells)
    _check_names(path, barcodes)
    return barcodes


def _check_names(path: Path, barcodes: Barcodes) -> None:
    # Some file systems do not tell upper from lower case.
    names = [name.lower() for name in barcodes.file_names]
    for name, number in Counter(names).items():
        if number > 1 or not name.strip("._"):
            same = [g for g, own in zip(barcodes.groups, names, strict=True) if own == name]
            raise BarcodeError(
                f"{path}: the files of the groups {', '.join(map(repr, same))} would have the same "
                "name, or none; expected names that differ in letters, digits, '.', '_', '+' or '-'"
            )


def _file_name(group: str) -> str:
    return _UNSAFE.sub("_", group).strip("_")


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """Numbers and cells of the lines, without empty ones and the header."""
    try:
        with open_text(path, encoding="utf-8-sig") as lines:
            text = lines.read().splitlines()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise BarcodeError(f"{path}: the gzip file is damaged or cut short ({error})") from None
    except UnicodeDecodeError:
        raise BarcodeError(f"{path}: this is no text; expected a table of barcodes") from None
    separator = "\t" if any("\t" in line for line in text[:2]) else ","
    parsed = csv.reader(text, delimiter=separator)
    rows = [(number, row) for number, row in enumerate(parsed, start=1) if any(row)]
    if rows and {cell.strip().lower() for cell in rows[0][1][:2]} & _HEADINGS:
        del rows[0]
    return rows
