"""The records of a file of variants with more in their INFO column, as bgzip VCF."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pysam

from whelp.files import atomic_path
from whelp.genome.alleles import genome_name
from whelp.genome.bgzip import BgzipWriter
from whelp.genome.variant_columns import split_columns
from whelp.genome.variants import Line, read_lines

_COLUMNS = ("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO")
_CONTIG = re.compile(r"##contig=<ID=([^,>]+)")
_QUALITY = re.compile(r"\.|[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
# BCF and the tools for VCF count positions in 32 bits, indexes of tabix in 29.
_MOST = (1 << 31) - 2
_MOST_INDEXED = 1 << 29
# What an INFO value must not have, and what stands for it.
_CODED = {ord(sign): f"%{ord(sign):02X}" for sign in "%;=,"} | {ord(sign): "_" for sign in " \t"}

Values = Mapping[str, Sequence[str]]


class InfoField(NamedTuple):
    """A field of the INFO column.

    Attributes:
        key: Its name.
        kind: Float or String; a value for each alternate.
        description: What it is.
    """

    key: str
    kind: str
    description: str

    def header(self) -> str:
        """Give the line that declares it."""
        text = self.description.replace('"', "'")
        return f'##INFO=<ID={self.key},Number=A,Type={self.kind},Description="{text}">'


class _Survey(NamedTuple):
    """What is known of a file before its records are written.

    Attributes:
        header: Its lines that begin with ##.
        names: Names of its columns, if it is VCF with a header.
        chroms: Chromosomes of its records, in their order.
        last: The largest position, bp from 1; 0 if records are not sorted.
    """

    header: list[str]
    names: list[str]
    chroms: list[str]
    last: int


def info_key(text: str) -> str:
    """Make a name that INFO fields may have: letters, digits, dots and underscores."""
    return re.sub(r"[^0-9A-Za-z_.]", "_", text)


def info_value(text: str) -> str:
    """Make a text that INFO fields may hold: spaces become underscores, some signs are coded."""
    return text.translate(_CODED) or "."


def write_annotated_vcf(
    source: Path,
    path: Path,
    fields: Sequence[InfoField],
    annotate: Callable[[Line], Values],
    *,
    lengths: Mapping[str, int],
) -> None:
    """Write the records of a file of variants with more in their INFO column.

    Order, header, genotypes and other fields stay. A table, or VCF without header, gets a header.
    Lines that VCF cannot hold are left out: those with too few columns or without a position. An
    index is written if the records are sorted.

    Args:
        source: VCF or table, see `read_lines`; it is read twice, and nothing of it is kept.
        path: The file, packed with bgzip; it appears whole or not at all.
        fields: The fields.
        annotate: Called with each line that has variants, in the order of the file: by key a value
            for each alternate. Keys may be left out.
        lengths: Lengths of the genome's chromosomes, bp.

    Raises:
        VariantError: The source cannot be read.
        OSError: The file cannot be written.
    """
    survey = _survey(source)
    keys = {field.key for field in fields}
    for old in _indexes(path):
        old.unlink(missing_ok=True)
    with atomic_path(path) as new, new.open("wb") as raw, BgzipWriter(raw) as file:
        for text in _header(survey, fields, lengths):
            file.write(f"{text}\n".encode())
        for line in read_lines(source):
            if line.items:
                # Also of lines that are left out, so that what is annotated stays in step.
                values = annotate(line)
                record = _record(line, survey.names, values, keys)
                if record is not None:
                    file.write(f"{record}\n".encode())
    if survey.last:
        _index(path, survey.last)


def _survey(source: Path) -> _Survey:
    header: list[str] = []
    names: list[str] = []
    ends: dict[str, int] = {}
    is_sorted, chrom = True, ""
    for line in read_lines(source):
        if not line.items and not ends:
            if line.text.startswith("##"):
                header.append(line.text)
            elif [name.upper() for name in split_columns(line.text)[:5]] == list(_COLUMNS[:5]):
                names = split_columns(line.text)
        five = _five(line)
        if five is not None:
            position = int(five[1])
            began = five[0] in ends
            is_sorted &= not began or (five[0] == chrom and position >= ends[five[0]])
            chrom, ends[five[0]] = five[0], max(position, ends.get(five[0], 0))
    return _Survey(header, names, list(ends), max(ends.values(), default=0) if is_sorted else 0)


def _header(
    survey: _Survey, fields: Sequence[InfoField], lengths: Mapping[str, int]
) -> Iterator[str]:
    ours = tuple(f"##INFO=<ID={field.key}," for field in fields)
    kept = [text for text in survey.header if not text.startswith(ours)]
    if not kept or not kept[0].startswith("##fileformat="):
        yield "##fileformat=VCFv4.3"
    yield from kept
    known = {found[1] for text in kept if (found := _CONTIG.match(text))}
    for chrom in survey.chroms:
        if chrom not in known:
            length = lengths.get(genome_name(chrom, lengths))
            yield f"##contig=<ID={chrom}{'' if length is None else f',length={length}'}>"
    for field in fields:
        yield field.header()
    yield "\t".join([*_COLUMNS, *survey.names[len(_COLUMNS) :]])


def _five(line: Line) -> list[str] | None:
    """Give the first five columns of a line that VCF can hold."""
    if line.columns is None:
        return None
    five = [text.strip() or "." for text in line.columns]
    position = five[1]
    if not position.isdecimal() or len(position) > 10 or not 1 <= int(position) <= _MOST:
        return None
    return five


def _record(line: Line, names: Sequence[str], values: Values, keys: set[str]) -> str | None:
    five = _five(line)
    if five is None:
        return None
    rest = split_columns(line.text)[5:] if len(line.columns or ()) == 5 else []
    if names:
        rest += ["."] * (max(len(names), len(_COLUMNS)) - 5 - len(rest))
    elif len(rest) < 3 or not _QUALITY.fullmatch(rest[0]):
        # Of files without names of columns the others are known by what they look like only.
        rest = [".", ".", "."]
    kept = [part for part in rest[2].split(";") if part.split("=")[0] not in {*keys, "", "."}]
    kept += [f"{key}={','.join(texts)}" for key, texts in values.items()]
    rest[2] = ";".join(kept) or "."
    return "\t".join([*five, *(rest if names else rest[:3])])


def _indexes(path: Path) -> list[Path]:
    return [path.with_name(path.name + ending) for ending in (".tbi", ".csi")]


def _index(path: Path, last: int) -> None:
    wide = last > _MOST_INDEXED
    with atomic_path(_indexes(path)[wide]) as new:
        pysam.tabix_index(str(path), preset="vcf", index=str(new), csi=wide, force=True)
