"""Stretches of DNA that are explained, each within the window that the model sees.

They come from the rows of a BED file, lie around variants, or belong to genes. All are made one
after the other, so that memory does not grow with their number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from whelp.genome import dna
from whelp.genome.alternates import alternate_sequence
from whelp.genome.fasta import Fasta
from whelp.genome.intervals import BedRow
from whelp.genome.variant_windows import Window
from whelp.genome.variants import Variant

_LONGEST_ALLELE = 5
_STRAND_FIELD, _NAME_FIELD = 2, 0

Bases = npt.NDArray[np.uint8]


class RegionError(ValueError):
    """A stretch that cannot be explained, or a file without any."""


class Flanks(NamedTuple):
    """What is explained around a centre.

    Attributes:
        up: bp before the centre.
        down: bp from the centre on.
    """

    up: int
    down: int

    @classmethod
    def of(cls, length: int) -> Flanks:
        """Put a centre into the middle of so many bp; the odd one comes behind it."""
        return cls(length // 2, length - length // 2)


class Region(NamedTuple):
    """A stretch of DNA, and the window in which the model sees it.

    Attributes:
        window: The window, with the genes that the explained number belongs to, if there are any.
        start: First base of the stretch, bp from 0 on the + strand. Where the sequence carries an
            inserted or deleted allele, positions behind it count as if the sequence were the
            genome's.
        end: The base after the last one.
        strand: "-" where the model is shown the reverse complement of the window; else "+".
        name: What the stretch is called; not unique.
        variant: The variant whose other allele (the one that the genome does not have) stands in
            the sequence; None where the sequence is the genome's.
    """

    window: Window
    start: int
    end: int
    strand: str = "+"
    name: str = ""
    variant: Variant | None = None

    @property
    def length(self) -> int:
        """Length of the stretch, bp."""
        return self.end - self.start

    @property
    def first(self) -> int:
        """Place of the stretch's first base in the sequence that the model is shown."""
        if self.strand == "-":
            return self.window.end - self.end
        return self.start - self.window.start

    def sequence(self, fasta: Fasta) -> Bases:
        """Read the sequence that the model is shown, N beyond the ends of the chromosome.

        Args:
            fasta: The genome.

        Returns:
            Base indexes of shape `(length of the window,)`; the stretch is
            `[first : first + length]` of it.

        Raises:
            FastaError: There is no such chromosome, or the genome cannot be read.
        """
        chrom, start, end = self.window[:3]
        bases = fasta.fetch(chrom, start, end)
        if self.variant is not None:
            lost = max(0, -self.variant.size)
            following = fasta.fetch(chrom, end, end + lost)
            bases = alternate_sequence(bases, self.variant, start, following=following)
        return dna.reverse_complement(bases) if self.strand == "-" else bases


def bed_regions(
    rows: Iterable[BedRow], *, length: int, flanks: Flanks | None = None
) -> Iterator[Region]:
    """Take the rows of a BED file, each in the middle of its window.

    A row of the - strand (sixth column) is shown as its reverse complement, and `flanks` are along
    it, as in Baskerville's `hound_ism_bed.py`.

    Args:
        rows: Rows of the file.
        length: Length of a window, bp.
        flanks: What is explained around the middle of each row; None for the row itself.

    Yields:
        A region for each row, in their order.
    """
    for (chrom, start, end), fields, _ in rows:
        strand = "-" if fields[_STRAND_FIELD : _STRAND_FIELD + 1] == ("-",) else "+"
        name = (*fields[_NAME_FIELD : _NAME_FIELD + 1], "")[0]
        middle = (start + end) // 2
        first = middle - length // 2
        window = Window(chrom, first, first + length)
        if flanks is not None:
            start, end = _around(window, flanks, strand)
        called = name if name not in ("", ".") else f"{chrom}:{start}-{end}"
        yield Region(window, start, end, strand, called)


def variant_regions(
    variants: Iterable[Variant], *, length: int, flanks: Flanks
) -> Iterator[Region]:
    """Take the surroundings of variants: the reference's, and then those of each alternate.

    The windows are those of Baskerville's `hound_ism_snp.py`: the variant's first base is the last
    of their first half (and of the bases upstream, `flanks.up`). A sequence that an allele, or the
    bases that the reference has more, make longer than the window is cut at both ends.

    Args:
        variants: Variants that were checked against the genome; those of a record follow one
            another.
        length: Length of a window, bp.
        flanks: What is explained.

    Yields:
        Regions named by the variant's ID and the allele.
    """
    for _, record in groupby(variants, key=lambda variant: variant.row - variant.alternate):
        alternates = list(record)
        first = alternates[0]
        lost = max(0, len(first.ref) - max(len(variant.alt) for variant in alternates))
        # Where the genome has the alternate, the reference allele takes its place.
        lost += first.size if first.flipped else 0
        yield _with_allele(first, first.ref, lost, length, flanks)
        for variant in alternates:
            more = lost + len(variant.alt) - len(variant.ref)
            yield _with_allele(variant, variant.alt, more, length, flanks)


def _with_allele(variant: Variant, allele: str, more: int, length: int, flanks: Flanks) -> Region:
    """The window of an allele whose sequence would be so many bp longer than the window."""
    start = variant.start + 1 - length // 2 + more // 2
    window = Window(variant.chrom, start, start + length)
    altered = variant if allele == variant.other_allele else None
    short = allele[:_LONGEST_ALLELE] + ("*" if len(allele) > _LONGEST_ALLELE else "")
    return Region(window, *_around(window, flanks), "+", f"{variant.name}_{short}", altered)


def _around(window: Window, flanks: Flanks, strand: str = "+") -> tuple[int, int]:
    """The stretch around the middle of a sequence that shows a window."""
    first = (window.end - window.start) // 2 - flanks.up
    size = flanks.up + flanks.down
    if strand == "-":
        return window.end - first - size, window.end - first
    return window.start + first, window.start + first + size


def check_region(region: Region, fasta: Fasta) -> str:
    """Say why a stretch cannot be explained.

    Args:
        region: The stretch.
        fasta: The genome.

    Returns:
        The reason; "" where there is none.
    """
    chrom, size = region.window.chrom, region.window.end - region.window.start
    if chrom not in fasta.lengths:
        return "the genome has no such chromosome"
    if region.end <= region.start:
        return "it is empty"
    if region.length > size:
        return f"it is {region.length:,} bp long; the model's window is {size:,} bp"
    if region.start < region.window.start or region.end > region.window.end:
        return f"it reaches beyond the {size:,} bp window around it"
    if region.end <= 0 or region.start >= fasta.lengths[chrom]:
        return f"it lies outside the chromosome ({fasta.lengths[chrom]:,} bp)"
    return ""
