"""The stretches of a file, BED or variants, and those of its rows that cannot be explained."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from whelp.files import open_text
from whelp.genome.alleles import checked_variants, genome_name
from whelp.genome.fasta import Fasta
from whelp.genome.intervals import BedRow, bed_rows
from whelp.genome.variants import Rejected, Variant, read_variants
from whelp.interpreting.gene_regions import GenesAround
from whelp.interpreting.regions import (
    Flanks,
    Region,
    RegionError,
    bed_regions,
    check_region,
    variant_regions,
)

Kind = Literal["bed", "variants"]

_ENDINGS: dict[str, Kind] = {
    ".bed": "bed",
    ".narrowpeak": "bed",
    ".broadpeak": "bed",
    ".vcf": "variants",
    ".tsv": "variants",
}
_PACKED = (".gz", ".bgz")
_HEADERS = ("#", "track", "browser")
_ENOUGH = 3


class Unfit(NamedTuple):
    """A row that cannot be explained.

    Attributes:
        name: What it is called.
        place: Where it is: chromosome and bp as in the file.
        reason: What is wrong with it.
    """

    name: str
    place: str
    reason: str


class Stretches(Protocol):
    """Stretches of DNA that come from a file."""

    @property
    def path(self) -> Path:
        """The file."""

    def items(self) -> Iterator[Region | Unfit]:
        """Read the rows of the file, each compared with the genome."""

    def regions(self) -> Iterator[Region]:
        """Read those that can be explained."""


@dataclass(frozen=True)
class RegionFile:
    """The stretches of a file.

    Attributes:
        path: BED, or VCF or a table of variants.
        fasta: The genome.
        length: Length of the model's window, bp.
        flanks: What is explained around the middle of a row, or a variant; None for the whole row.
        kind: What the file holds; None to tell by its name, or else by its first lines.
        genes: Show each stretch in the windows of the genes near it; None for its own window.
    """

    path: Path
    fasta: Fasta
    length: int
    flanks: Flanks | None = None
    kind: Kind | None = None
    genes: GenesAround | None = None

    def items(self) -> Iterator[Region | Unfit]:
        """Read the rows, each compared with the genome.

        Raises:
            BedError: The file is BED and cannot be read.
            VariantError: The file is of variants and cannot be read.
            RegionError: It is of variants, and `flanks` does not say what is explained.
            FastaError: The genome cannot be read.
        """
        kind = self.kind or kind_of(self.path)
        found = self._rows() if kind == "bed" else self._variants()
        for item in found:
            if isinstance(item, Unfit):
                yield item
                continue
            reason = check_region(item, self.fasta)
            shown = [item] if self.genes is None or reason else self.genes.regions(item)
            if not shown:
                reason = "no gene whose window holds it has an exon that the model shows"
            if reason:
                place = f"{item.window.chrom}:{item.start}-{item.end}"
                yield Unfit(item.name, place, reason)
            else:
                yield from shown

    def regions(self) -> Iterator[Region]:
        """Read the rows that can be explained."""
        return (item for item in self.items() if isinstance(item, Region))

    def _rows(self) -> Iterator[Region]:
        return bed_regions(self._named(), length=self.length, flanks=self.flanks)

    def _named(self) -> Iterator[BedRow]:
        """Rows whose chromosomes are called as in the genome."""
        names: dict[str, str] = {}
        for row in bed_rows(self.path):
            chrom = row.interval.chrom
            if chrom not in names:
                names[chrom] = genome_name(chrom, self.fasta.lengths)
            yield row._replace(interval=row.interval._replace(chrom=names[chrom]))

    def _variants(self) -> Iterator[Region | Unfit]:
        if self.flanks is None:
            raise RegionError(
                f"{self.path}: around variants some length is explained, such as 200 bp; none was "
                f"given"
            )
        unfit: list[Unfit] = []
        checked = checked_variants(read_variants(self.path), self.fasta, longest=self.length // 2)
        good = _without_rejected(checked, unfit)
        for region in variant_regions(good, length=self.length, flanks=self.flanks):
            yield from unfit
            unfit.clear()
            yield region
        yield from unfit


def _without_rejected(items: Iterator[Variant | Rejected], unfit: list[Unfit]) -> Iterator[Variant]:
    for item in items:
        if isinstance(item, Variant):
            yield item
        else:
            place = f"{item.chrom}:{item.position} {item.ref}>{item.alt}"
            unfit.append(Unfit(item.id, place, item.reason))


def kind_of(path: Path) -> Kind:
    """Tell BED from variants, by the ending of a file's name or else by its first lines.

    Raises:
        OSError: The file cannot be read.
    """
    endings = [ending.lower() for ending in path.suffixes]
    if endings and endings[-1] in _PACKED:
        endings.pop()
    if endings and endings[-1] in _ENDINGS:
        return _ENDINGS[endings[-1]]
    try:
        with open_text(path) as lines:
            for line in lines:
                if line.startswith(("##fileformat=VCF", "#CHROM")):
                    return "variants"
                columns = line.split()
                if len(columns) >= _ENOUGH and not line.startswith(_HEADERS):
                    is_bed = columns[1].isdecimal() and columns[2].isdecimal()
                    return "bed" if is_bed else "variants"
    except (UnicodeDecodeError, EOFError):
        pass
    return "bed"
