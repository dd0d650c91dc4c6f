"""BigWigs of groups of single cells, from a BAM file with barcodes and a table of cells."""

from __future__ import annotations

import csv
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from whelp.files import atomic_path
from whelp.genome.bigwig import write_bigwig_runs
from whelp.making.bam_reads import (
    SKIPPED,
    CellRead,
    ReadCounts,
    ReadFilter,
    cell_reads,
    five_prime,
    open_bam,
)
from whelp.making.barcodes import Barcodes, read_barcodes
from whelp.making.pileup import Pileups

SAMPLES = "samples.tsv"
"""Table of the groups, as `whelp targets --samples` takes it."""

Library = Literal["forward", "reverse", "unstranded"]
Count = Literal["cover", "ends"]

DEFAULTS: dict[str, tuple[Count, Library]] = {
    "RNA": ("cover", "forward"),
    "CAGE": ("ends", "forward"),
    "ATAC": ("ends", "unstranded"),
    "DNASE": ("ends", "unstranded"),
    "CHIP": ("cover", "unstranded"),
}
"""Assay -> how reads count, and what their strand means."""


class PseudobulkError(ValueError):
    """Reads and cells of which no BigWigs can be made; the message says what to do."""


@dataclass(frozen=True)
class PseudobulkSettings:
    """How reads become coverage.

    Attributes:
        assay: A name of `DEFAULTS`, which decides what is not given.
        count: `cover`: each aligned base of a read counts one; `ends`: the base at its 5' end does.
        library: `forward`: the first read of a fragment has the strand of its transcript (10x 3');
            `reverse`: it has the other strand (10x 5', dUTP); `unstranded`: one file a group.
        reads: Which reads count. For stranded ends only the first of a pair does.
        skip_empty: Whether groups without reads are left out, and are not an error.
        force: Whether to replace files that are there.
    """

    assay: str = "RNA"
    count: Count | None = None
    library: Library | None = None
    reads: ReadFilter = field(default_factory=ReadFilter)
    skip_empty: bool = False
    force: bool = False

    @property
    def counting(self) -> Count:
        """How reads count."""
        return self.count or DEFAULTS[self.assay][0]

    @property
    def stranding(self) -> Library:
        """What the strand of a read means."""
        return self.library or DEFAULTS[self.assay][1]


@dataclass(frozen=True)
class GroupResult:
    """What became of a group.

    Attributes:
        group: Its name.
        cells: Cells of it in the table.
        found: Cells of it with reads.
        fragments: First reads of pairs and single reads that were counted: its depth.
        reads: Reads that were counted.
        files: BigWigs: of the + and the - strand, or one; none for a group that was left out.
    """

    group: str
    cells: int
    found: int
    fragments: int
    reads: int
    files: tuple[Path, ...]


@dataclass(frozen=True)
class PseudobulkResult:
    """What was made.

    Attributes:
        groups: The groups, in the order of the table.
        reads: What became of the reads.
        samples: Table of the groups for `whelp targets --samples`.
    """

    groups: tuple[GroupResult, ...]
    reads: ReadCounts
    samples: Path


def make_pseudobulk(
    bam: str | Path,
    barcodes: str | Path,
    out_dir: str | Path,
    settings: PseudobulkSettings | None = None,
    *,
    progress: Callable[[str, float], None] | None = None,
) -> PseudobulkResult:
    """Make BigWigs of groups of cells.

    The BAM file is read once, from beginning to end; it must be sorted by position and needs no
    index. What is kept in memory does not grow with the file or the number of groups. Coverage is
    in reads, not normalised; bases without reads are 0 on contigs on which there are reads.

    Args:
        bam: Reads with the barcodes of cells in a tag.
        barcodes: Table of barcodes and groups; see `read_barcodes`.
        out_dir: Folder of the BigWigs and of `samples.tsv`.
        settings: How.
        progress: Called with what is done, and the share of it that is done.

    Raises:
        PseudobulkError: Files are there already, no cell of the table has reads, or a group has
            none. Nothing is written then.
        whelp.making.bam_reads.BamError: The BAM file is damaged, not sorted, or without the tag.
        whelp.making.barcodes.BarcodeError: The table is wrong.
        OSError: A file cannot be read or written.
    """
    settings = settings or PseudobulkSettings()
    table, folder = read_barcodes(barcodes), Path(out_dir)
    files = _files(table, folder, settings)
    _check_new([*(file for group in files for file in group), folder / SAMPLES], settings)
    tell = progress or (lambda words, share: None)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".pseudobulk-", dir=folder.parent) as temporary:
        scan = _Scan(Path(temporary), table, settings)
        scan.run(Path(bam), lambda share: tell("reading", share))
        _check_found(table, scan, Path(bam), Path(barcodes), settings)
        for at, names in enumerate(files):
            tell("writing", at / len(files))
            for strand, file in enumerate(names if scan.reads[at] else ()):
                runs = scan.pileups.runs(at * len(names) + strand)
                write_bigwig_runs(file, scan.lengths, runs)
    results = tuple(_result(at, table, scan, files[at]) for at in range(len(files)))
    _write_samples(folder / SAMPLES, results, settings)
    return PseudobulkResult(results, scan.counts, folder / SAMPLES)


class _Scan:
    """One pass over the BAM file.

    Attributes:
        counts: What became of the reads.
        reads: Counted reads of each group.
        fragments: Those of them that are no second reads.
        pileups: Coverage of each group and strand.
        lengths: Contig -> its length in bp.
    """

    def __init__(self, folder: Path, table: Barcodes, settings: PseudobulkSettings) -> None:
        self._folder = folder
        self._table = table
        self._settings = settings
        self.counts = ReadCounts()
        self.reads: Counter[int] = Counter()
        self.fragments: Counter[int] = Counter()
        self.lengths: dict[str, int] = {}
        self.pileups = Pileups(folder, {}, count=0)

    def run(self, bam: Path, progress: Callable[[float], None]) -> None:
        """Read the file."""
        stranded = self._settings.stranding != "unstranded"
        with open_bam(bam) as file:
            self.lengths = dict(zip(file.references, file.lengths, strict=True))
            count = len(self._table.groups) * (2 if stranded else 1)
            self.pileups = Pileups(self._folder, self.lengths, count=count)
            chosen = _filter(self._settings)
            for found in cell_reads(file, self._table.cells, chosen, self.counts, progress):
                self.reads[found.group] += 1
                self.fragments[found.group] += not found.read.is_read2
                self._add(found, stranded)
            self.pileups.finish()

    def _add(self, found: CellRead, stranded: bool) -> None:
        track = found.group
        if stranded:
            minus = found.reverse != (self._settings.stranding == "reverse")
            track = 2 * found.group + minus
        self.pileups.move(found.contig, found.start)
        if self._settings.counting == "ends":
            place = five_prime(found.read)
            self.pileups.add(track, place, place + 1)
            return
        for start, end in _blocks(found.read):
            self.pileups.add(track, start, end)


def _blocks(read: Any) -> Sequence[tuple[int, int]]:
    if len(read.cigartuples) == 1:
        return ((read.reference_start, read.reference_end),)
    blocks: Sequence[tuple[int, int]] = read.get_blocks()
    return blocks


def _filter(settings: PseudobulkSettings) -> ReadFilter:
    first = settings.counting == "ends" and settings.stranding != "unstranded"
    reads = settings.reads
    return ReadFilter(**{**vars(reads), "first_only": first or reads.first_only})


def _files(table: Barcodes, folder: Path, settings: PseudobulkSettings) -> list[tuple[Path, ...]]:
    stranded = settings.stranding != "unstranded"
    marks = ("plus", "minus") if stranded else ("unstranded",)
    return [tuple(folder / f"{name}.{mark}.bw" for mark in marks) for name in table.file_names]


def _check_new(files: Sequence[Path], settings: PseudobulkSettings) -> None:
    there = [str(file) for file in files if file.exists()]
    if there and not settings.force:
        raise PseudobulkError(
            f"{', '.join(there[:4])}{', ...' if len(there) > 4 else ''}: there already; expected "
            "new files. Use another folder, or --force to replace them"
        )


def _check_found(
    table: Barcodes, scan: _Scan, bam: Path, barcodes: Path, settings: PseudobulkSettings
) -> None:
    if not scan.counts.cells:
        own = ", ".join(list(table.cells)[:3])
        met = ", ".join(scan.counts.strangers) or "none"
        hint = ""
        if any("-" in name for name in scan.counts.strangers) and "-" not in own:
            hint = " The ending of the file's barcodes, as -1, is missing in the table."
        raise PseudobulkError(
            f"no cell of {barcodes} ({own}, ...) has reads in {bam}, whose barcodes are {met}, ..."
            f"{hint} Expected the same barcodes in both (reads left out: {_left_out(scan.counts)})"
        )
    empty = [group for at, group in enumerate(table.groups) if not scan.reads[at]]
    if empty and not settings.skip_empty:
        raise PseudobulkError(
            f"no reads for {', '.join(empty)}; expected some for each group (reads left out: "
            f"{_left_out(scan.counts)}). Take them out of {barcodes}, or use --skip-empty"
        )


def _left_out(counts: ReadCounts) -> str:
    left = [f"{SKIPPED[why]}: {number:,}" for why, number in counts.skipped.items()]
    return ", ".join(left) or "none"


def _result(at: int, table: Barcodes, scan: _Scan, files: tuple[Path, ...]) -> GroupResult:
    found = sum(table.cells[barcode] == at for barcode in scan.counts.cells)
    reads = scan.reads[at]
    return GroupResult(
        group=table.groups[at],
        cells=table.sizes[at],
        found=found,
        fragments=scan.fragments[at],
        reads=reads,
        files=files if reads else (),
    )


def _write_samples(
    path: Path, results: Sequence[GroupResult], settings: PseudobulkSettings
) -> None:
    with atomic_path(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(("sample", "assay", "depth", "group", "description"))
        for result in results:
            if result.files:
                name, depth = result.files[0].name, result.fragments or result.reads
                writer.writerow((name, settings.assay, depth, result.group, result.group))
