"""Sequences of a genome from a FASTA file, as base indexes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pysam

from whelp.files import Closing, atomic_path
from whelp.genome import dna

_GZIP = b"\x1f\x8b"
# The extra field that marks a gzip file as blocks, which can be read from anywhere.
_BLOCKS = b"BC\x02\x00"
_MOST_HEADER = 1 << 16


class FastaError(ValueError):
    """A FASTA file, its index, or a table of chromosomes cannot be used."""


class Fasta(Closing):
    """A genome in a FASTA file, plain or packed with bgzip.

    An index (`.fai`, and `.gzi` for a packed file) is made beside the file where there is none.
    Objects are not to be shared between processes: open one in each.

    Example:
        >>> with Fasta("hg38.fa") as genome:
        ...     genome.fetch("chr1", 999_900, 1_000_100)

    Attributes:
        path: The file.
        lengths: Chromosome -> length in bp, in the order of the file.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        packed = _check(self.path)
        index = _index(self.path, packed=packed)
        try:
            self._file = pysam.FastaFile(str(self.path), filepath_index=str(index))
        except (OSError, ValueError) as error:
            raise FastaError(f"{self.path}: cannot be opened with {index} ({error})") from None
        self.lengths: dict[str, int] = dict(
            zip(self._file.references, self._file.lengths, strict=True)
        )
        if not packed:
            _check_index(self.path, index)

    def fetch(self, chrom: str, start: int, end: int) -> npt.NDArray[np.uint8]:
        """Read a stretch of a chromosome; it may reach beyond both ends.

        Args:
            chrom: Name of the chromosome.
            start: First base, bp from 0; may be negative.
            end: The base after the last one, bp; may be beyond the chromosome.

        Returns:
            Base indexes (A, C, G, T are 0 to 3; anything else, and what is beyond the ends, is 4),
            uint8 of shape `(end - start,)`.

        Raises:
            FastaError: There is no such chromosome, or the file is damaged.
            ValueError: `end` is before `start`.
        """
        if chrom not in self.lengths:
            raise FastaError(
                f"{self.path}: there is no chromosome {chrom!r}; it has {_few(self.lengths)}"
            )
        if end < start:
            raise ValueError(f"a stretch ends after it starts; got {chrom}:{start}-{end}")
        first, last = max(0, start), min(end, self.lengths[chrom])
        bases = np.full(end - start, dna.UNKNOWN, dtype=np.uint8)
        if last > first:
            read = dna.encode(self._letters(chrom, first, last))
            bases[first - start : last - start] = read
        return bases

    def _letters(self, chrom: str, start: int, end: int) -> str:
        try:
            letters: str = self._file.fetch(chrom, start, end)
        except (OSError, ValueError) as error:
            raise FastaError(
                f"{self.path}: {chrom}:{start}-{end} cannot be read ({error})"
            ) from None
        if len(letters) != end - start:
            raise FastaError(
                f"{self.path}: {chrom}:{start}-{end} has {len(letters)} bases; the file is cut "
                f"short, or its index is of another file (delete {self.path}.fai)"
            )
        return letters

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def chromosome_lengths(path: str | Path) -> dict[str, int]:
    """Read the chromosomes of a genome from a FASTA file or from a table of lengths.

    Args:
        path: A FASTA file (see `Fasta`), or a table whose first two columns are name and length,
            such as a `.fai` or a `chrom.sizes`.

    Returns:
        Chromosome -> length in bp, in the order of the file.

    Raises:
        FastaError: The file is neither; the line is named.
        OSError: The file cannot be read.
    """
    path = Path(path)
    with path.open("rb") as file:
        start = file.read(2)
    if start[:1] == b">" or start == _GZIP:
        with Fasta(path) as genome:
            return dict(genome.lengths)
    return _read_table(path)


def _read_table(path: Path) -> dict[str, int]:
    lengths: dict[str, int] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        lines = ["no text"]
    for number, line in enumerate(lines, start=1):
        columns = line.split()
        if not columns:
            continue
        if len(columns) < 2 or not columns[1].isdecimal() or columns[0] in lengths:
            raise FastaError(
                f"{path}, line {number}: expected a FASTA file, or a table with the name of a "
                f"chromosome and its length, each name once; got {line[:80]!r}"
            )
        lengths[columns[0]] = int(columns[1])
    if not lengths:
        raise FastaError(f"{path}: the file is empty; expected a FASTA file or a table of lengths")
    return lengths


def _check(path: Path) -> bool:
    """Return whether a FASTA file is packed in blocks.

    Raises:
        FastaError: It is no FASTA file, or packed otherwise.
    """
    with path.open("rb") as file:
        head = file.read(16)
    if head[:2] == _GZIP:
        if head[12:16] == _BLOCKS:
            return True
        raise FastaError(
            f"{path}: packed with gzip, in which no position can be looked up; unpack it "
            f"(gunzip {path}) or pack it in blocks (gunzip, then bgzip)"
        )
    if not head.startswith(b">"):
        raise FastaError(
            f"{path}: this is no FASTA file; expected a line that starts with '>', "
            f"got {head.decode(errors='replace')!r}"
        )
    return False


def _index(path: Path, *, packed: bool) -> Path:
    """Return the index of a FASTA file, which is made if it is missing."""
    index = Path(f"{path}.fai")
    blocks = Path(f"{path}.gzi")
    if index.exists() and (blocks.exists() or not packed):
        return index
    verbosity = pysam.set_verbosity(0)
    try:
        with atomic_path(index) as new, atomic_path(blocks) as new_blocks:
            pysam.faidx(str(path), "--fai-idx", str(new), "--gzi-idx", str(new_blocks))
    except pysam.SamtoolsError:
        fault = "it is damaged" if packed else _line_fault(path)
        raise FastaError(f"{path}: cannot be indexed: {fault}") from None
    except OSError as error:
        raise FastaError(
            f"{path}: there is no index beside it, and none can be written ({error.strerror}); "
            f"run `samtools faidx` where one can write, or give a copy of the file"
        ) from None
    finally:
        pysam.set_verbosity(verbosity)
    if not packed:
        blocks.unlink(missing_ok=True)
    return index


def _line_fault(path: Path) -> str:
    """Say which line keeps a FASTA file from being indexed."""
    width, ended = 0, False
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if line.startswith(b">"):
                width, ended = 0, False
            elif ended and line.strip():
                return (
                    f"line {number - 1} is shorter or longer than those before it; all lines of a "
                    f"sequence but the last must be of one length"
                )
            else:
                width = width or len(line)
                ended = len(line) != width
    return "its last sequence is empty, or the last line of one is longer than those before it"


def _check_index(path: Path, index: Path) -> None:
    """Check that an index is that of a plain FASTA file: one line of header before each sequence.

    Raises:
        FastaError: It is not, or two sequences have one name, of which the index leaves one out.
    """
    end = 0
    with path.open("rb") as file:
        for line in index.read_text(encoding="utf-8").splitlines():
            name, *numbers = line.split("\t")
            length, offset, bases, width = (int(number) for number in numbers[:4])
            file.seek(end)
            header = file.read(max(0, min(offset - end, _MOST_HEADER))).strip(b"\r\n")
            if b"\n>" in header:
                empty = all(row[:1] in (b"", b">") for row in header.splitlines())
                fault = "a sequence is empty" if empty else "two sequences have one name"
                raise FastaError(f"{path}: {fault}, before {name!r}")
            if offset - end > _MOST_HEADER or not header.startswith(b">") or b"\n" in header:
                raise _foreign(path, index, name)
            lines, rest = divmod(length, max(bases, 1))
            end = offset + lines * width + (rest or bases - width)
        if end > os.path.getsize(path):
            raise _foreign(path, index, name)


def _foreign(path: Path, index: Path, name: str) -> FastaError:
    return FastaError(
        f"{index}: is not the index of {path} ({name} is elsewhere in it); delete the index, and a "
        f"new one is made"
    )


def _few(names: Mapping[str, int], most: int = 4) -> str:
    return ", ".join(list(names)[:most]) + (", ..." if len(names) > most else "")
