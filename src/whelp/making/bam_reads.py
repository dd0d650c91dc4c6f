"""Reads of a BAM file that count, each with its cell, strand and place."""

from __future__ import annotations

import gzip
import os
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pysam

_UNPLACED, _SECONDARY, _FAILED, _DUPLICATE, _SUPPLEMENTARY = 0x4, 0x100, 0x200, 0x400, 0x800
_BLOCK = 1 << 16
_MAGIC = b"BAM\x01"
_EOF = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
"""The empty block that ends every whole BAM file."""

_TRIED = 200_000
"""Reads without a barcode after which the tag is taken to be wrong."""

_REPORT_EVERY = 50_000
_FORGET_EVERY = 10_000

SKIPPED = {
    "unplaced": "unmapped",
    "secondary": "secondary or supplementary",
    "failed": "failed quality checks",
    "duplicate": "marked as duplicates",
    "quality": "low mapping quality",
    "mate": "second reads of pairs",
    "untagged": "no barcode",
    "stranger": "barcodes that the table does not have",
    "no_umi": "no UMI",
    "same_umi": "same cell, UMI and place",
}
"""Why a read does not count, in the order in which it is asked."""


class BamError(ValueError):
    """A BAM file that cannot be used: no BAM, cut short, not sorted, or without the tag."""


@dataclass(frozen=True)
class ReadFilter:
    """Which reads count.

    Attributes:
        barcode_tag: Tag of the cell's barcode.
        umi_tag: Tag of the molecule; reads of one cell with the same UMI, strand and 5' end count
            once. None to count them all.
        min_mapq: Least mapping quality.
        keep_duplicates: Whether reads that are marked as duplicates count.
        first_only: Whether of a pair only the first read counts.
    """

    barcode_tag: str = "CB"
    umi_tag: str | None = None
    min_mapq: int = 10
    keep_duplicates: bool = False
    first_only: bool = False


@dataclass
class ReadCounts:
    """What became of the reads.

    Attributes:
        total: Reads in the file.
        counted: Reads that count.
        skipped: Reason of `SKIPPED` -> reads.
        cells: Barcodes of the table that were met.
        strangers: Some barcodes that are not in the table.
    """

    total: int = 0
    counted: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    cells: set[str] = field(default_factory=set)
    strangers: list[str] = field(default_factory=list)


class CellRead(NamedTuple):
    """A read that counts.

    Attributes:
        group: Place of its cell's group.
        contig: Number of its contig.
        start: First aligned base, bp from 0.
        reverse: Whether the first read of its fragment is on the - strand.
        read: The read.
    """

    group: int
    contig: int
    start: int
    reverse: bool
    read: Any


@contextmanager
def open_bam(path: Path) -> Iterator[Any]:
    """Open a BAM file for reading from its beginning to its end; it needs no index.

    Raises:
        BamError: It is no BAM file, has no contigs, or is cut short.
        OSError: It cannot be read.
    """
    _check_file(path)
    # The library would complain of a missing index itself.
    loud = pysam.set_verbosity(0)
    try:
        try:
            file = pysam.AlignmentFile(str(path), "rb")
        except (ValueError, OSError) as error:
            raise BamError(
                f"{path}: the BAM file has no header, or a damaged one ({error})"
            ) from None
        with file:
            yield file
    finally:
        pysam.set_verbosity(loud)


def _check_file(path: Path) -> None:
    """Look at beginning and end: the library says little about files that are no BAM."""
    size = path.stat().st_size
    with path.open("rb") as raw:
        raw.seek(max(0, size - len(_EOF)))
        ended = raw.read() == _EOF
    try:
        with gzip.open(path) as unpacked:
            magic = unpacked.read(_BLOCK)[: len(_MAGIC)]
    except (gzip.BadGzipFile, EOFError, zlib.error):
        magic = b""
    if magic != _MAGIC:
        raise BamError(
            f"{path}: this is no BAM file, or it is damaged; convert SAM and CRAM by "
            "`samtools view -b`"
        )
    if not ended:
        raise BamError(
            f"{path}: the BAM file is cut short: its last block is missing. Copy or make it again"
        )


def cell_reads(
    bam: Any,
    cells: Mapping[str, int],
    chosen: ReadFilter,
    counts: ReadCounts,
    progress: Callable[[float], None] | None = None,
) -> Iterator[CellRead]:
    """Read a sorted BAM file, and give the reads that count.

    Args:
        bam: The open file.
        cells: Barcode -> place of its group.
        chosen: Which reads count.
        counts: Takes the numbers.
        progress: Called now and then with the share of the file that is read.

    Raises:
        BamError: Reads are not sorted, the file is damaged, or reads have no such tag.
    """
    path = Path(os.fsdecode(bam.filename))
    size = path.stat().st_size
    molecules = _Molecules()
    last = (-1, -1)
    for read in _all_reads(bam, path):
        counts.total += 1
        if progress is not None and counts.total % _REPORT_EVERY == 0:
            progress(min(1.0, (bam.tell() >> 16) / size))
        reason = _flagged(read, chosen)
        if reason is None:
            place = (read.reference_id, read.reference_start)
            if place < last:
                raise BamError(_unsorted(path, bam, read))
            last = place
            reason = _unknown_cell(read, cells, chosen, counts)
        if reason is None and chosen.umi_tag is not None:
            reason = molecules.reason(read, chosen)
        if reason is not None:
            counts.skipped[reason] += 1
            if reason == "untagged" and counts.skipped[reason] == _TRIED and not _tagged(counts):
                raise BamError(_without_tag(path, read, chosen.barcode_tag))
            continue
        counts.counted += 1
        group = cells[read.get_tag(chosen.barcode_tag)]
        yield CellRead(group, *last, read.is_reverse != read.is_read2, read)
    if counts.skipped["untagged"] and not _tagged(counts):
        raise BamError(_without_tag(path, None, chosen.barcode_tag))


def five_prime(read: Any) -> int:
    """Position of the base at a read's 5' end, bp from 0."""
    return int(read.reference_end - 1 if read.is_reverse else read.reference_start)


def _all_reads(bam: Any, path: Path) -> Iterator[Any]:
    try:
        yield from bam.fetch(until_eof=True)
    except (OSError, ValueError) as error:
        raise BamError(f"{path}: the BAM file is damaged or cut short ({error})") from None


def _flagged(read: Any, chosen: ReadFilter) -> str | None:
    flag = read.flag
    if flag & _UNPLACED or read.reference_end is None:
        return "unplaced"
    if flag & (_SECONDARY | _SUPPLEMENTARY):
        return "secondary"
    if flag & _FAILED:
        return "failed"
    if flag & _DUPLICATE and not chosen.keep_duplicates:
        return "duplicate"
    if read.mapping_quality < chosen.min_mapq:
        return "quality"
    return "mate" if chosen.first_only and read.is_read2 else None


def _unknown_cell(
    read: Any, cells: Mapping[str, int], chosen: ReadFilter, counts: ReadCounts
) -> str | None:
    try:
        barcode = read.get_tag(chosen.barcode_tag)
    except KeyError:
        return "untagged"
    if barcode in cells:
        counts.cells.add(barcode)
        return None
    if len(counts.strangers) < 3 and barcode not in counts.strangers:
        counts.strangers.append(str(barcode))
    return "stranger"


class _Molecules:
    """Molecules that were met around the current place.

    Reads come sorted by their first base, so that one whose 5' end lies before the current read's
    first base cannot come again.
    """

    def __init__(self) -> None:
        self._contig = -1
        self._met: dict[int, set[tuple[Any, ...]]] = {}
        self._asked = 0

    def reason(self, read: Any, chosen: ReadFilter) -> str | None:
        """Why a read does not count: it has no UMI, or its molecule was met already."""
        try:
            umi = read.get_tag(chosen.umi_tag)
        except KeyError:
            return "no_umi"
        self._forget(read)
        met = self._met.setdefault(five_prime(read), set())
        molecule = (read.get_tag(chosen.barcode_tag), umi, read.is_reverse, read.is_read2)
        if molecule in met:
            return "same_umi"
        met.add(molecule)
        return None

    def _forget(self, read: Any) -> None:
        self._asked += 1
        if read.reference_id != self._contig:
            self._contig = read.reference_id
            self._met.clear()
        elif self._asked % _FORGET_EVERY == 0:
            start = read.reference_start
            self._met = {place: met for place, met in self._met.items() if place >= start}


def _tagged(counts: ReadCounts) -> bool:
    return bool(counts.cells or counts.strangers)


def _unsorted(path: Path, bam: Any, read: Any) -> str:
    place = f"{bam.get_reference_name(read.reference_id)}:{read.reference_start + 1:,}"
    return (
        f"{path}: reads are not sorted by position: {read.query_name} at {place} comes after one "
        "further on. Sort the file by `samtools sort`"
    )


def _without_tag(path: Path, read: Any, tag: str) -> str:
    shown = "" if read is None else ", ".join(name for name, _ in read.get_tags())
    has = f"; the last one has {shown or 'no tags'}" if read is not None else ""
    return (
        f"{path}: no read has the tag {tag}{has}. Name the tag of the cells' barcodes "
        "(--barcode-tag)"
    )
