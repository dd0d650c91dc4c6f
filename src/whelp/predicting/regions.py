"""What is to be predicted: rows of BED files, sequences of FASTA files, or intervals."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from whelp.files import atomic_path, open_text
from whelp.genome.alleles import genome_name
from whelp.genome.intervals import BedRow, bed_rows, check_chromosomes
from whelp.predicting.errors import PredictError
from whelp.predicting.tiles import Extent, Tiling, Windows

Kind = Literal["bed", "fasta", "vcf"]

_LETTERS = frozenset("ACGTRYSWKMBDHVN")
_ENDINGS: dict[Kind, tuple[str, ...]] = {
    "fasta": (".fa", ".fasta", ".fna", ".ffn", ".fas"),
    "vcf": (".vcf",),
    "bed": (".bed", ".narrowpeak", ".broadpeak"),
}
_PACKED = (".gz", ".bgz")


class Unplaced(NamedTuple):
    """A region that cannot be predicted.

    Attributes:
        chrom: As in the file.
        start: First base, bp from 0.
        end: The base after the last one.
        line: Number of its line, from 1.
        reason: What is wrong with it.
    """

    chrom: str
    start: int
    end: int
    line: int
    reason: str


def kind_of(path: Path) -> Kind:
    """Say whether a file holds regions, sequences or variants: by its first line, else its name.

    Raises:
        PredictError: It is empty, or it is none of them.
        OSError: It cannot be read.
    """
    try:
        with open_text(path) as lines:
            first = next((line for line in lines if line.strip()), "")
    except (UnicodeDecodeError, EOFError):
        raise PredictError(
            f"{path}: this is no text, plain or gzipped; expected a BED, FASTA or VCF file"
        ) from None
    if not first:
        raise PredictError(f"{path}: the file is empty; expected a BED, FASTA or VCF file")
    if first.startswith(">"):
        return "fasta"
    if first.startswith(("##fileformat=VCF", "#CHROM")):
        return "vcf"
    name = path.name.lower()
    for ending in _PACKED:
        name = name.removesuffix(ending)
    for kind, endings in _ENDINGS.items():
        if name.endswith(endings):
            return kind
    columns = first.split()
    if {"ref", "alt"} <= {column.lower() for column in columns}:
        return "vcf"
    if len(columns) >= 3 and columns[1].isdecimal() and columns[2].isdecimal():
        return "bed"
    raise PredictError(
        f"{path}: expected a BED, FASTA or VCF file (.bed, .fa, .vcf, perhaps with .gz); got a "
        f"file that begins with {first[:60]!r}. Give its kind with --input-type"
    )


def bed_windows(
    path: Path,
    lengths: Mapping[str, int],
    extent: Extent,
    *,
    overlap: int | None = None,
    strict: bool = False,
) -> tuple[Windows, list[Unplaced]]:
    """Lay windows over the rows of a BED file.

    Args:
        path: The file; rows may be in any order and overlap.
        lengths: The genome: chromosome -> length, bp.
        extent: What the model sees and predicts.
        overlap: As in `Tiling.of`.
        strict: Stop at a row that cannot be predicted.

    Returns:
        The windows, of which the number of a region is that of its row, from 0; and the rows that
        cannot be predicted.

    Raises:
        BedError: The file cannot be read, or none of its chromosomes is in the genome.
        PredictError: It has no rows, none lies in the genome, or with `strict` one does not.
    """
    windows = Windows(lengths, extent)
    unplaced = []
    for row in place_rows(bed_rows(path), windows, Tiling.of(extent, overlap)):
        if strict:
            raise PredictError(f"{path}, line {row.line}: {_called(row)}")
        unplaced.append(row)
    if len(windows):
        return windows, unplaced
    if not unplaced:
        raise PredictError(f"{path}: there are no regions in it; expected at least one row")
    check_chromosomes((row.chrom for row in unplaced), windows.names, what=str(path))
    raise PredictError(
        f"{path}: none of its {len(unplaced)} regions lies in the genome; line {unplaced[0].line}: "
        f"{_called(unplaced[0])}"
    )


def _called(row: Unplaced) -> str:
    return f"{row.chrom}:{row.start}-{row.end} cannot be predicted: {row.reason}"


def place_rows(rows: Iterable[BedRow], windows: Windows, tiling: Tiling) -> Iterator[Unplaced]:
    """Lay windows over intervals.

    A chromosome may be called 1 or chr1, whatever the genome calls it. What reaches beyond the end
    of a chromosome is left out.

    Args:
        rows: The intervals.
        windows: What is added to; the number of a region is that of its row, from 0.
        tiling: How long rows are covered.

    Yields:
        Rows that cannot be predicted.
    """
    lengths = dict(zip(windows.names, windows.lengths, strict=True))
    for number, row in enumerate(rows):
        chrom = genome_name(row.interval.chrom, lengths)
        length = lengths.get(chrom)
        if length is None:
            yield Unplaced(*row.interval, row.line, "the genome has no such chromosome")
        elif row.interval.start >= length:
            reason = f"it begins beyond the end of the chromosome ({length} bp)"
            yield Unplaced(*row.interval, row.line, reason)
        else:
            end = min(row.interval.end, length)
            windows.add(chrom, tiling.starts(row.interval.start, end), number)


def fasta_windows(
    lengths: Mapping[str, int], extent: Extent, *, overlap: int | None = None
) -> tuple[Windows, list[str]]:
    """Lay windows over whole sequences, around which nothing is known.

    Args:
        lengths: Sequence -> its length, bp.
        extent: What the model sees and predicts.
        overlap: As in `Tiling.of`.

    Returns:
        The windows, of which the number of a region is that of its sequence, from 0; and sequences
        that are shorter than the model's, in whose windows N stands around them.
    """
    windows = Windows(lengths, extent)
    tiling = Tiling.of(extent, overlap, inside=True)
    for number, (name, length) in enumerate(lengths.items()):
        windows.add(name, tiling.starts(0, length), number)
    return windows, [name for name, length in lengths.items() if length < extent.length]


def check_letters(path: Path) -> None:
    """Check that the sequences of a FASTA file are DNA.

    Raises:
        PredictError: A letter is none of A, C, G, T and the letters for several bases; the line is
            named.
        OSError: The file cannot be read.
    """
    with open_text(path) as lines:
        for number, line in enumerate(lines, start=1):
            if line.startswith(">"):
                continue
            strange = sorted(set(line.strip().upper()) - _LETTERS)
            if strange:
                hint = "write T for it" if strange == ["U"] else "is it DNA?"
                raise PredictError(
                    f"{path}, line {number}: expected the letters of DNA (A, C, G, T, N and those "
                    f"for several bases), got {', '.join(map(repr, strange[:5]))}; {hint}"
                )


def write_unplaced(path: Path, rows: Sequence[Unplaced]) -> None:
    """Write the regions that cannot be predicted as a table, with the reasons; no table of none.

    Raises:
        OSError: The file cannot be written.
    """
    if not rows:
        path.unlink(missing_ok=True)
        return
    with atomic_path(path) as new, new.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerow(Unplaced._fields)
        table.writerows(rows)
