"""Genes of an annotation, GTF or GFF3: their exons and strand.

Positions are in bp, 0-based and half-open, as everywhere in the code; those of the files are
1-based and closed.
"""

from __future__ import annotations

import gzip
import re
import zlib
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import numpy as np
import numpy.typing as npt

from whelp.genome.gene_attributes import Attributes, GffExons, GtfExons
from whelp.genome.intervals import Spans

_GZIP = b"\x1f\x8b"
_FASTA = b"##FASTA"
_EXON = b"\texon\t"
_COLUMNS = 9
_GFF_ATTRIBUTE = re.compile(rb"^\s*\w+=")

IntArray = npt.NDArray[np.int64]


class GenesError(ValueError):
    """An annotation that cannot be read, or holds no genes; the file and line are named."""


@dataclass(frozen=True, eq=False)
class Gene:
    """A gene at one place of the genome.

    Attributes:
        identifier: The annotation's `gene_id`. An annotation may use one for several places.
        name: The gene's name, or its identifier where it has none.
        chrom: Name of the chromosome, as the annotation writes it.
        strand: "+" or "-"; "." where it is not known.
        exons: Starts and ends, bp, int64 of shape `(exons, 2)`: those of all transcripts, united
            where they overlap or touch, sorted.
        kind: Biotype, such as "protein_coding"; "" where the annotation gives none.
    """

    identifier: str
    name: str
    chrom: str
    strand: str
    exons: IntArray
    kind: str = ""

    @property
    def start(self) -> int:
        """First base of the first exon, bp from 0."""
        return int(self.exons[0, 0])

    @property
    def end(self) -> int:
        """The base after the last exon, bp."""
        return int(self.exons[-1, 1])

    @property
    def length(self) -> int:
        """Bases in exons."""
        return int((self.exons[:, 1] - self.exons[:, 0]).sum())


def read_genes(path: str | Path) -> list[Gene]:
    """Read the genes of an annotation, plain or gzipped.

    Only lines of the type `exon` count. In a GTF they name their gene (`gene_id`); in a GFF3 they
    do that too or lead to it over their parents.

    Returns:
        Genes in the order of their first exons in the file. A `gene_id` that stands on several
        chromosomes or strands is a gene at each.

    Raises:
        GenesError: A line is no line of an annotation, an exon belongs to no gene, or there are no
            exons.
        OSError: The file cannot be read.
    """
    path = Path(path)
    rows = _Rows()
    try:
        with _open(path) as lines:
            _read_lines(lines, rows)
    except _LineError as error:
        raise GenesError(f"{path}, line {rows.line}: {error}") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise GenesError(f"{path}: the gzip file is damaged or cut short ({error})") from None
    if not rows.keys:
        raise GenesError(
            f"{path}: there are no lines of the type 'exon' in it; expected a gene annotation, GTF "
            "or GFF3, plain or gzipped"
        )
    try:
        return _assemble(rows)
    except UnicodeDecodeError:
        raise GenesError(f"{path}: this is no text; expected a GTF or GFF3 file") from None


def strand_exons(genes: Iterable[Gene]) -> dict[str, dict[str, Spans]]:
    """Find the stretches that are exons on one strand and nothing on the other.

    Whatever lies between the first and last exon of a gene of the other strand, introns as well, is
    left out: coverage there cannot be told apart by position.

    Args:
        genes: Genes; those without a strand are left out.

    Returns:
        Chromosome -> "+" and "-" -> disjoint stretches.
    """
    sides: dict[str, dict[str, list[Gene]]] = {}
    for gene in genes:
        if gene.strand in ("+", "-"):
            sides.setdefault(gene.chrom, {"+": [], "-": []})[gene.strand].append(gene)
    found: dict[str, dict[str, Spans]] = {}
    for chrom, by_strand in sides.items():
        found[chrom] = {}
        for strand, other in (("+", "-"), ("-", "+")):
            exons = [gene.exons for gene in by_strand[strand]]
            bodies = [np.array([[gene.start, gene.end]]) for gene in by_strand[other]]
            found[chrom][strand] = _without(_stacked(exons), _stacked(bodies))
    return found


def _stacked(pairs: list[IntArray]) -> IntArray:
    return np.concatenate(pairs) if pairs else np.zeros((0, 2), dtype=np.int64)


def _without(kept: IntArray, holes: IntArray) -> Spans:
    """The union of some stretches less that of others."""
    positions = np.concatenate([kept.ravel(), holes.ravel()])
    changes = np.concatenate(
        [np.tile([1, -1], len(kept)), np.tile([-(1 << 32), 1 << 32], len(holes))]
    )
    order = np.argsort(positions, kind="stable")
    positions = positions[order]
    depth = np.cumsum(changes[order])
    # One value per position: the depth after all changes at it.
    last = np.append(positions[1:] != positions[:-1], True)[: len(positions)]
    positions, inside = positions[last], depth[last] > 0
    before = np.concatenate([[False], inside[:-1]])[: len(inside)]
    return Spans(positions[inside & ~before], positions[~inside & before])


class _LineError(Exception):
    """What is wrong with a line; the reader adds the file and the number."""


class _Rows:
    """Exons as columns, and what is known about their genes.

    Attributes:
        keys: (gene, chromosome, strand) -> number of the gene, in the order of the file.
        attributes: Of each gene, from its first exon.
        line: Number of the line that is being read, for errors.
    """

    def __init__(self) -> None:
        self.line = 0
        self.keys: dict[tuple[bytes, bytes, bytes], int] = {}
        self.attributes: list[Attributes] = []
        self.gene = array("q")
        self.start = array("q")
        self.end = array("q")

    def add(self, columns: list[bytes], read: GtfExons | GffExons) -> None:
        """Add an exon."""
        gene = read.gene(columns[8])
        if not gene:
            wanted = 'gene_id "..."' if isinstance(read, GtfExons) else "gene_id= or Parent="
            raise _LineError(f"the exon names no gene; expected {wanted} in column 9")
        key = (gene, columns[0], columns[6])
        number = self.keys.setdefault(key, len(self.keys))
        if number == len(self.attributes):
            self.attributes.append(read.attributes(columns[8]))
        start, end = _positions(columns)
        self.gene.append(number)
        self.start.append(start)
        self.end.append(end)


def _open(path: Path) -> IO[bytes]:
    with path.open("rb") as raw:
        packed = raw.read(2) == _GZIP
    return cast("IO[bytes]", gzip.open(path, "rb")) if packed else path.open("rb")


def _read_lines(lines: Iterable[bytes], rows: _Rows) -> None:
    """Read the exons; those of a GFF3 that come before their parents wait for them."""
    gtf, gff = GtfExons(), GffExons()
    read: GtfExons | GffExons | None = None
    waiting: list[tuple[int, list[bytes]]] = []
    for rows.line, line in enumerate(lines, start=1):
        if (read is gtf and _EXON not in line) or line[:1] == b"#" or not line.strip():
            if line.startswith(_FASTA):
                break
            continue
        columns = _columns(line)
        if read is None:
            read = gff if _GFF_ATTRIBUTE.match(columns[8]) else gtf
        if columns[2] != b"exon":
            gff.feature(columns[8])
        elif read is gtf or gff.knows(columns[8]):
            rows.add(columns, read)
        else:
            waiting.append((rows.line, columns))
    for rows.line, columns in waiting:
        rows.add(columns, gff)


def _columns(line: bytes) -> list[bytes]:
    columns = line.rstrip(b"\r\n").split(b"\t")
    if len(columns) != _COLUMNS:
        shown = line[:60].decode("utf-8", errors="replace").strip()
        raise _LineError(
            f"expected the {_COLUMNS} columns of GTF or GFF3, separated by tabs; got "
            f"{len(columns)}: {shown!r}"
        )
    return columns


def _positions(columns: list[bytes]) -> tuple[int, int]:
    try:
        start, end = int(columns[3]) - 1, int(columns[4])
    except ValueError:
        start, end = -1, -1
    if not 0 <= start < end:
        got = b" to ".join(columns[3:5]).decode("utf-8", errors="replace")
        raise _LineError(
            f"expected start and end, 1 <= start <= end, in columns 4 and 5; got {got}"
        )
    return start, end


def _assemble(rows: _Rows) -> list[Gene]:
    gene, start, end = (np.array(column) for column in (rows.gene, rows.start, rows.end))
    order = np.lexsort((start, gene))
    exons, of_gene = _united(gene[order], start[order], end[order])
    bounds = np.searchsorted(of_gene, np.arange(len(rows.keys) + 1))
    return list(_genes(rows, exons, bounds))


def _genes(rows: _Rows, exons: IntArray, bounds: IntArray) -> Iterator[Gene]:
    for number, (identifier, chrom, strand) in enumerate(rows.keys):
        known = rows.attributes[number]
        yield Gene(
            identifier=identifier.decode(),
            name=(known.name or identifier).decode(),
            chrom=chrom.decode(),
            strand=strand.decode() if strand in (b"+", b"-") else ".",
            exons=exons[bounds[number] : bounds[number + 1]],
            kind=known.kind.decode(),
        )


def _united(gene: IntArray, start: IntArray, end: IntArray) -> tuple[IntArray, IntArray]:
    """Unite stretches that overlap or touch, gene by gene.

    Args:
        gene: Number of each stretch's gene, sorted.
        start: Starts, sorted within a gene.
        end: Ends.
    """
    # Shifting each gene beyond the one before makes the running maximum start anew with it.
    reach = int(end.max()) + 1
    furthest = np.maximum.accumulate(end + gene * reach) - gene * reach
    first = np.ones(len(gene), dtype=bool)
    first[1:] = (gene[1:] != gene[:-1]) | (start[1:] > furthest[:-1])
    last = np.append(first[1:], True)
    return np.stack([start[first], furthest[last]], axis=1), gene[first]
