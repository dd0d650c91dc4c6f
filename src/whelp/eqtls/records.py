"""Variants of the benchmark: VCF files whose INFO column names tissue, gene, effect and allele."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from whelp.eqtls.errors import EqtlError
from whelp.genome.variant_columns import split_columns
from whelp.genome.variants import Line, Rejected, Variant, read_lines

_INFO = 7
_MISSING = ("", ".")
_VERSION = re.compile(r"\.\d+$")


@dataclass(frozen=True)
class InfoTags:
    """Names of the fields of the INFO column.

    Attributes:
        gene: The gene, as scores by gene call it, with or without version.
        effect: Change of expression by the effect allele against the other.
        allele: The effect allele; the alternate where the field is missing.
        tissue: The tissue, or several with commas.
        distance: Distance to the gene's transcription start site, bp; its sign does not count.
    """

    gene: str = "GENE"
    effect: str = "AFC"
    allele: str = "EA"
    tissue: str = "TISSUE"
    distance: str = "TSSD"


class Eqtl(NamedTuple):
    """A variant of the benchmark.

    Attributes:
        tissue: The tissue; "" of a negative that serves for all.
        chrom: Name of the chromosome.
        position: First base of `ref`, bp from 1.
        id: The file's ID, or chromosome and position.
        ref: Reference allele of the file.
        alt: Alternate allele.
        gene: Its gene without version; "" where none is named.
        effect: Of the alternate against the reference allele; NaN where it is not known.
        distance: To the transcription start site, bp; NaN where it is not known.
        allele: The effect allele that INFO names; "" where it names none.
    """

    tissue: str
    chrom: str
    position: int
    id: str
    ref: str
    alt: str
    gene: str
    effect: float
    distance: float
    allele: str = ""


class Unused(NamedTuple):
    """A record that cannot be used.

    Attributes:
        file: The file.
        chrom: As in the file.
        position: As in the file.
        id: As in the file.
        reason: What is wrong with it.
    """

    file: str
    chrom: str
    position: str
    id: str
    reason: str


def read_eqtls(
    path: str | Path, tags: InfoTags, *, tissue: str | None = None, causal: bool = True
) -> Iterator[Eqtl | Unused]:
    """Read the variants of a file.

    Args:
        path: VCF, plain, gzip or bgzip.
        tags: Names of the fields of its INFO column.
        tissue: The tissue of all; None to read it from INFO.
        causal: Whether effects are expected; negatives have none.

    Yields:
        An item for each tissue of each record, in the order of the file.

    Raises:
        whelp.genome.variants.VariantError: The file cannot be read.
        EqtlError: No record has an INFO column.
    """
    with_info = False
    number = 0
    for line in read_lines(path):
        if not line.items:
            continue
        number += 1
        columns = split_columns(line.text)
        with_info |= len(columns) > _INFO
        info = _fields(columns[_INFO]) if len(columns) > _INFO else {}
        yield from _read(line, info, tags, file=str(path), tissue=tissue, causal=causal)
    if number and not with_info:
        raise EqtlError(
            f"{path}: its {number:,} records have no INFO column; expected VCF with {tags.gene}, "
            f"{tags.effect} and {tags.allele} in it"
        )


def without_version(gene: str) -> str:
    """Give a gene's identifier without the version behind its last dot."""
    return _VERSION.sub("", gene)


def _fields(text: str) -> dict[str, str]:
    pairs = (field.split("=", 1) for field in text.split(";") if "=" in field)
    return {key: value for key, value in pairs if value not in _MISSING}


def _read(
    line: Line,
    info: dict[str, str],
    tags: InfoTags,
    *,
    file: str,
    tissue: str | None,
    causal: bool,
) -> Iterator[Eqtl | Unused]:
    try:
        variant = _variant(line, info.get(tags.allele, ""))
        effect = _number(info, tags.effect) if causal else np.nan
        if info.get(tags.allele, "").upper() == variant.ref:
            effect = -effect
        distance = abs(_number(info, tags.distance))
        names = [tissue] if tissue is not None else info.get(tags.tissue, "").split(",")
        if causal and names == [""]:
            raise _RecordError(f"INFO has no {tags.tissue}")
    except _RecordError as error:
        first = line.items[0]
        position = first.position if isinstance(first, Rejected) else str(first.start + 1)
        yield Unused(file, first.chrom, position, first.id, str(error))
        return
    gene = without_version(info.get(tags.gene, ""))
    place = variant.chrom, variant.start + 1, variant.name, variant.ref, variant.alt
    for name in names:
        yield Eqtl(name, *place, gene, effect, distance, info.get(tags.allele, ""))


class _RecordError(Exception):
    """What is wrong with a record."""


def _variant(line: Line, allele: str) -> Variant:
    """Give the record's variant: of several alternates the one that is the effect allele."""
    rejected = [item.reason for item in line.items if isinstance(item, Rejected)]
    known = [item for item in line.items if isinstance(item, Variant)]
    if rejected or not known:
        raise _RecordError(rejected[0])
    wanted = allele.upper()
    if wanted and wanted not in {known[0].ref, *(item.alt for item in known)}:
        raise _RecordError(f"the effect allele {allele} is none of its alleles")
    named = [item for item in known if item.alt == wanted]
    if len(known) > 1 and not named:
        raise _RecordError("it has several alternates, none of them the effect allele")
    return (named or known)[0]


def _number(info: dict[str, str], tag: str) -> float:
    if tag not in info:
        return float("nan")
    try:
        value = float(info[tag])
    except ValueError:
        raise _RecordError(f"{tag}={info[tag]} is no number") from None
    if not np.isfinite(value):
        raise _RecordError(f"{tag}={info[tag]} is not finite")
    return value
