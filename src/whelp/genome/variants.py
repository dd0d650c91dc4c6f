"""Variants from VCF files and tables, one at a time, however many there are."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import IO, NamedTuple

from whelp.genome import dna
from whelp.genome.bgzip import LAST_BLOCK, MARK
from whelp.genome.variant_columns import Five, Layout, named_layout, split_columns, unnamed_layout

_GZIP = b"\x1f\x8b"
_BCF = b"BCF"
_BASES = frozenset(dna.BASES)
_LETTERS = frozenset(dna.BASES + "N")
_MISSING = frozenset({"", "."})
# Longer numbers are no positions, and may be too long for int().
_MOST_DIGITS = 12


class VariantError(ValueError):
    """A file of variants that cannot be read; the file and, where there is one, the line."""


class Variant(NamedTuple):
    """One alternate allele of a record.

    Attributes:
        chrom: Name of the chromosome.
        start: First base of `ref`, bp from 0.
        ref: Reference allele of the file, upper case.
        alt: Alternate allele, upper case; may be the same as `ref`.
        id: The file's ID, "." where it has none. Not unique: `row` is.
        row: Place among all alternates of the file, from 0; those that are rejected count too.
        alternate: Place among the alternates of its record, from 0.
        flipped: The genome has `alt` at this place, and not `ref`.
    """

    chrom: str
    start: int
    ref: str
    alt: str
    id: str
    row: int
    alternate: int = 0
    flipped: bool = False

    @property
    def name(self) -> str:
        """The ID, or chromosome and position (bp from 1) where there is none."""
        return f"{self.chrom}:{self.start + 1}" if self.id in _MISSING else self.id

    @property
    def genome_allele(self) -> str:
        """The allele that the genome has."""
        return self.alt if self.flipped else self.ref

    @property
    def other_allele(self) -> str:
        """The allele that takes its place."""
        return self.ref if self.flipped else self.alt

    @property
    def size(self) -> int:
        """By how many bp the other allele is longer than the genome's; negative if shorter."""
        return len(self.other_allele) - len(self.genome_allele)

    def rejected(self, reason: str) -> Rejected:
        """Give the variant as one that cannot be scored."""
        position = str(self.start + 1)
        return Rejected(self.row, self.chrom, position, self.id, self.ref, self.alt, reason)


class Rejected(NamedTuple):
    """An alternate allele that cannot be scored.

    Attributes:
        row: As in `Variant`.
        chrom: As in the file.
        position: As in the file, where bases count from 1.
        id: As in the file.
        ref: As in the file.
        alt: As in the file.
        reason: What is wrong with it.
    """

    row: int
    chrom: str
    position: str
    id: str
    ref: str
    alt: str
    reason: str


class Line(NamedTuple):
    """A line of a file of variants.

    Attributes:
        text: The line, without its end.
        columns: Chromosome, position, ID, reference and alternates as they stand in it; None of
            comments, headers, and lines that are too short.
        items: Its variants, one for each alternate.
    """

    text: str
    columns: Five | None = None
    items: tuple[Variant | Rejected, ...] = ()


def read_variants(path: str | Path) -> Iterator[Variant | Rejected]:
    """Read the variants of a VCF file or of a table, in the order of the file.

    Plain, gzip and bgzip files are read. A VCF may lack its header. A table has columns separated
    by tabs or spaces under a line of names (chrom, pos, ref, alt and perhaps id, or the like), or
    without names these four: chromosome, position, reference, alternate. Positions count from 1.
    Nothing is kept, so that memory does not grow with the file.

    Returns:
        An iterator with one item for each alternate of each record: what can stand for DNA is a
        `Variant`, not yet compared with a genome; the rest is `Rejected`, such as symbolic alleles,
        `*`, missing alternates, and lines that are too short.

    Raises:
        VariantError: The file is neither, at once or while it is read: it is damaged or cut short.
        OSError: The file cannot be read.
    """
    return chain.from_iterable(line.items for line in read_lines(path))


def read_lines(path: str | Path) -> Iterator[Line]:
    """Read a file of variants as `read_variants` does, line by line, headers included.

    Returns:
        An iterator with one `Line` for each line that is not empty.

    Raises:
        VariantError: As of `read_variants`.
        OSError: The file cannot be read.
    """
    path = Path(path)
    with path.open("rb") as file:
        head = file.read(16)
        packed = head[:2] == _GZIP
        if packed and head[12:16] == MARK:
            file.seek(-min(len(LAST_BLOCK), file.seek(0, 2)), 2)
            if file.read() != LAST_BLOCK:
                raise VariantError(
                    f"{path}: the file is cut short: it is packed with bgzip and lacks the end "
                    f"that bgzip writes; copy it again, or pack it again with bgzip"
                )
    return _parsed(path, _lines(path, packed=packed))


def _lines(path: Path, *, packed: bool) -> Iterator[tuple[int, str]]:
    """Yield number and text of the lines that are not empty.

    Raises:
        VariantError: The file is damaged or no text; the line is the one after the last good one.
    """
    number = 0
    try:
        with _open(path, packed=packed) as lines:
            for number, line in enumerate(lines, start=1):
                text = line.rstrip("\n")
                if text:
                    yield number, text
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise VariantError(
            f"{path}, line {number + 1}: the gzip file is damaged or cut short ({error}); "
            f"what comes before this line can be read"
        ) from None
    except UnicodeDecodeError:
        raise VariantError(
            f"{path}, after line {number}: this is no text; expected VCF or a table of variants, "
            f"plain, gzip or bgzip"
        ) from None


def _open(path: Path, *, packed: bool) -> IO[str]:
    raw = io.BufferedReader(gzip.GzipFile(path)) if packed else path.open("rb")
    if raw.peek(len(_BCF)).startswith(_BCF):
        raw.close()
        raise VariantError(f"{path}: this is BCF; turn it into VCF (bcftools view)")
    return io.TextIOWrapper(raw, encoding="utf-8")


def _parsed(path: Path, lines: Iterable[tuple[int, str]]) -> Iterator[Line]:
    layout: Layout | None = None
    row = 0
    for number, line in lines:
        if line[0] == "#":
            layout = layout or named_layout(line[1:])
            yield Line(line)
            continue
        if layout is None:
            layout = named_layout(line)
            if layout is not None:
                yield Line(line)
                continue
            layout = _unnamed(path, number, line)
        try:
            columns = layout.columns(line)
        except IndexError:
            yield Line(line, None, (_too_short(row, number, line),))
            row += 1
            continue
        chrom, position, name, ref, alt = columns
        # Most records are this plain, and a file may have millions.
        if ref in _BASES and alt in _BASES and _is_position(position):
            plain = Variant(chrom, int(position) - 1, ref, alt, name or ".", row)
            yield Line(line, columns, (plain,))
            row += 1
        else:
            items = tuple(_alternates(columns, row))
            yield Line(line, columns, items)
            row += len(items)


def _unnamed(path: Path, number: int, line: str) -> Layout:
    layout = unnamed_layout(split_columns(line))
    if layout is None:
        raise VariantError(
            f"{path}, line {number}: expected VCF (chromosome, position, ID, reference, "
            f"alternate), or a table with columns chrom, pos, ref and alt, separated by tabs; got "
            f"{line[:80]!r}"
        )
    return layout


def _too_short(row: int, number: int, line: str) -> Rejected:
    columns = [*split_columns(line), "", "", "", "", ""]
    chrom, position, name, ref, alt = columns[:5]
    reason = f"line {number} has too few columns"
    return Rejected(row, chrom, position, name, ref, alt, reason)


def _alternates(texts: tuple[str, ...], row: int) -> Iterator[Variant | Rejected]:
    """Yield the alternates of a record that is not plainly one base for another."""
    chrom, position, name, ref, alts = (text.strip() for text in texts)
    name = name or "."
    fault = _place_fault(position) or _allele_fault(ref, "reference allele")
    for number, alt in enumerate(alts.split(",")):
        reason = fault or _allele_fault(alt, "alternate allele")
        if reason:
            yield Rejected(row + number, chrom, position, name, ref, alt, reason)
        else:
            place, upper = int(position) - 1, alt.upper()
            yield Variant(chrom, place, ref.upper(), upper, name, row + number, number)


def _place_fault(position: str) -> str:
    if not _is_position(position):
        return "the position is not a number from 1 up"
    return ""


def _is_position(text: str) -> bool:
    return text.isdecimal() and text[0] != "0" and len(text) <= _MOST_DIGITS


def _allele_fault(allele: str, what: str) -> str:
    if allele in _MISSING:
        return f"no {what} is given"
    if allele == "*":
        return f"the {what} is *: an overlapping deletion, of another record"
    if allele.startswith("<"):
        return f"the {what} is symbolic"
    if "[" in allele or "]" in allele or allele[0] == "." or allele[-1] == ".":
        return f"the {what} is a breakend"
    if not _LETTERS.issuperset(allele.upper()):
        return f"the {what} has letters other than A, C, G, T and N"
    return ""
