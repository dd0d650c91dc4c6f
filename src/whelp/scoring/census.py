"""The variants of a file: read, counted, and those that cannot be scored written down."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TextIO

import numpy as np

from whelp.files import atomic_path
from whelp.genome.alleles import checked_variants
from whelp.genome.fasta import Fasta
from whelp.genome.variant_windows import Window
from whelp.genome.variants import Rejected, Variant, VariantError, read_variants
from whelp.scoring.existing import REJECTED
from whelp.scoring.table import Sizes

_COLUMNS = ("chrom", "pos", "id", "ref", "alt", "reason")


@dataclass(frozen=True)
class VariantFile:
    """The variants of a file, or one job's part of them.

    Attributes:
        path: VCF or table.
        fasta: The genome.
        longest: The most bp of an allele.
        part: Number of this part, from 0, and how many there are.
    """

    path: Path
    fasta: Fasta
    longest: int
    part: tuple[int, int] = (0, 1)

    def items(self) -> Iterator[Variant | Rejected]:
        """Read the variants, each compared with the genome."""
        items: Iterator[Variant | Rejected] = read_variants(self.path)
        number, parts = self.part
        if parts > 1:
            total = sum(1 for _ in read_variants(self.path))
            bounds = np.linspace(0, total, parts + 1, dtype=int)
            items = islice(items, int(bounds[number]), int(bounds[number + 1]))
        return checked_variants(items, self.fasta, longest=self.longest)

    def variants(self) -> Iterator[Variant]:
        """Read those that match the genome."""
        return (item for item in self.items() if isinstance(item, Variant))

    def __iter__(self) -> Iterator[Variant]:
        """Read those that can be scored, each time anew."""
        return self.variants()


class Census(NamedTuple):
    """What there is to do.

    Attributes:
        scored: Variants that are in a window.
        rejected: Variants that cannot be scored.
        rows: Rows of scores.
        sizes: How many variants match the genome, and how long they are.
    """

    scored: int
    rejected: int
    rows: int
    sizes: Sizes


class _Book:
    """Counts variants as they are read, and writes down those that cannot be scored."""

    def __init__(self, variants: VariantFile, file: TextIO, *, strict: bool) -> None:
        self.rejected = 0
        self.sizes = Sizes()
        self._variants = variants
        self._strict = strict
        self._table = csv.writer(file, delimiter="\t", lineterminator="\n")
        self._table.writerow(_COLUMNS)

    def accepted(self) -> Iterator[Variant]:
        for item in self._variants.items():
            if isinstance(item, Rejected):
                self.reject(item)
                continue
            self.sizes = self.sizes.with_(item)
            yield item

    def reject(self, item: Rejected) -> None:
        if self._strict:
            raise VariantError(
                f"{self._variants.path}: {item.id} ({item.chrom}:{item.position} {item.ref}>"
                f"{item.alt}) cannot be scored: {item.reason}"
            )
        self.rejected += 1
        self._table.writerow(item[1:])


def take_census(
    variants: VariantFile,
    out_dir: Path,
    *,
    windows: Callable[[Iterable[Variant]], Iterator[Window | Rejected]],
    count: Callable[[Sequence[Window]], int],
    strict: bool = False,
) -> Census:
    """Count the variants and their scores, and write down the variants that cannot be scored.

    Args:
        variants: The variants.
        out_dir: Folder for `rejected.tsv`, which is there only if there are such variants.
        windows: Puts variants into windows, or rejects them.
        count: Counts the rows of scores of some windows.
        strict: Stop at a variant that cannot be scored.

    Raises:
        VariantError: The variants cannot be read, or with `strict` one cannot be scored.
        OSError: The folder cannot be written.
    """
    path = out_dir / REJECTED
    with atomic_path(path) as new, new.open("w", newline="", encoding="utf-8") as file:
        census = _count(_Book(variants, file, strict=strict), windows, count)
    if not census.rejected:
        path.unlink()
    return census


def count_rows(
    variants: VariantFile,
    *,
    windows: Callable[[Iterable[Variant]], Iterator[Window | Rejected]],
    count: Callable[[Sequence[Window]], int],
    strict: bool = False,
) -> int:
    """Count the rows of scores as `take_census` does, and write nothing down."""
    with open(os.devnull, "w", encoding="utf-8") as file:
        return _count(_Book(variants, file, strict=strict), windows, count).rows


def _count(
    book: _Book,
    windows: Callable[[Iterable[Variant]], Iterator[Window | Rejected]],
    count: Callable[[Sequence[Window]], int],
) -> Census:
    rows = without = 0
    for item in windows(book.accepted()):
        if isinstance(item, Rejected):
            without += 1
            book.reject(item)
        else:
            rows += count([item])
    return Census(book.sizes.variants - without, book.rejected, rows, book.sizes)
