"""Whether the strands of a pair are the right way round: the share on the sense strand of exons."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from whelp.genome.intervals import Spans
from whelp.making.coverage import Coverage, open_coverage
from whelp.making.strands import StrandError

StrandExons = Mapping[str, Mapping[str, Spans]]
"""Chromosome -> "+" and "-" -> exons; see `whelp.genome.genes.strand_exons`."""

_MOST = 20_000
"""Exons that are read of a pair; of more, every so-manieth."""

_FLIPPED, _SENSE = 0.35, 0.65
"""A stranded library has 0.9 and more of its coverage on one strand, an unstranded one a half."""


@dataclass(frozen=True)
class PairShare:
    """How much of a pair's coverage of exons is on the strand of their genes.

    Attributes:
        name: The pair.
        sense: Sum of the coverage on the genes' strand.
        antisense: Sum of the coverage on the other strand.
        exons: Spans that were read.
        swapped: Whether the files were exchanged, so that the numbers are those after it.
        renamed: How chromosomes of the annotation were matched with others of the files, in words;
            empty where names are the same.
    """

    name: str
    sense: float
    antisense: float
    exons: int
    swapped: bool = False
    renamed: str = ""

    @property
    def share(self) -> float:
        """Sense over both; NaN where there is no coverage."""
        both = self.sense + self.antisense
        return self.sense / both if both > 0 else math.nan

    @property
    def verdict(self) -> str:
        """`sense`, `flipped`, `unclear` (as without strands), or `no coverage`."""
        if math.isnan(self.share):
            return "no coverage"
        if self.share < _FLIPPED:
            return "flipped"
        return "sense" if self.share > _SENSE else "unclear"

    def flipped(self) -> PairShare:
        """The same with the files exchanged."""
        return replace(self, sense=self.antisense, antisense=self.sense, swapped=not self.swapped)


def sense_share(name: str, plus: str | Path, minus: str | Path, *, exons: StrandExons) -> PairShare:
    """Sum up the coverage of a strand pair over exons.

    Args:
        name: The pair.
        plus: Coverage of the + strand.
        minus: Coverage of the - strand. Signs of values do not count.
        exons: Where genes of one strand alone have exons. Their chromosomes may lack the `chr` of
            the files', or have it.

    Raises:
        ValueError: A file cannot be read, or has no chromosome of the annotation.
        OSError: A file cannot be read.
    """
    sums = {"+": 0.0, "-": 0.0}
    count = 0
    with ExitStack() as stack:
        tracks = {
            "+": stack.enter_context(open_coverage(plus)),
            "-": stack.enter_context(open_coverage(minus)),
        }
        named, renamed = _as_named(exons, tracks["+"])
        total = sum(len(spans.starts) for sides in named.values() for spans in sides.values())
        for chrom, strand, start, end in _some(named, max(1, math.ceil(total / _MOST))):
            other = "-" if strand == "+" else "+"
            sums["+"] += _sum(tracks[strand], chrom, start, end)
            sums["-"] += _sum(tracks[other], chrom, start, end)
            count += 1
    return PairShare(name, sums["+"], sums["-"], count, renamed=renamed)


def _as_named(exons: StrandExons, track: Coverage) -> tuple[StrandExons, str]:
    """The exons on chromosomes of the track, by its names; and in words where those differ."""
    plain = {chrom: exons[chrom] for chrom in exons if chrom in track.lengths}
    if plain:
        return plain, ""
    others = {(chrom[3:] if chrom.startswith("chr") else f"chr{chrom}"): chrom for chrom in exons}
    found = {name: exons[chrom] for name, chrom in others.items() if name in track.lengths}
    if not found:
        raise StrandError(
            f"{track.path}: none of its chromosomes ({_few(track.lengths)}) is in the gene "
            f"annotation, which has {_few(exons)}; expected the annotation of the same assembly"
        )
    name = next(iter(found))
    return found, (
        f"its chromosomes are not called as those of the gene annotation: {name} was taken for "
        f"{others[name]}"
    )


def _few(names: Iterable[str], most: int = 4) -> str:
    known = list(names)
    return ", ".join(known[:most]) + (", ..." if len(known) > most else "")


def _some(exons: StrandExons, step: int) -> Iterator[tuple[str, str, int, int]]:
    at = 0
    for chrom, sides in exons.items():
        for strand, spans in sides.items():
            for start, end in zip(spans.starts.tolist(), spans.ends.tolist(), strict=True):
                if at % step == 0:
                    yield chrom, strand, start, end
                at += 1


def _sum(track: Coverage, chrom: str, start: int, end: int) -> float:
    end = min(end, track.lengths.get(chrom, 0))
    if start >= end:
        return 0.0
    values = track.read(chrom, start, end)
    return float(np.nansum(np.abs(values), dtype=np.float64))
