"""Stretches in windows: strands, variants' alleles, genes, ends of chromosomes."""

from pathlib import Path

import numpy as np
import pytest

from whelp.genome import dna
from whelp.genome.fasta import Fasta
from whelp.genome.genes import Gene
from whelp.genome.intervals import BedRow, Interval, read_bed
from whelp.genome.variants import Variant
from whelp.interpreting.gene_regions import GenesAround, whole_genes
from whelp.interpreting.regions import (
    Flanks,
    Region,
    bed_regions,
    check_region,
    variant_regions,
)
from whelp.scoring.grid import Grid

LETTERS = dna.decode(np.random.default_rng(1).integers(0, 4, 400).astype("uint8"))


@pytest.fixture
def fasta(tmp_path: Path) -> Fasta:
    (tmp_path / "genome.fa").write_text(f">chr1\n{LETTERS}\n>chr2\n{LETTERS[:50]}\n")
    return Fasta(tmp_path / "genome.fa")


def shown(region: Region, fasta: Fasta) -> str:
    return dna.decode(region.sequence(fasta))


def stretch(region: Region, fasta: Fasta) -> str:
    return shown(region, fasta)[region.first : region.first + region.length]


def reverse(letters: str) -> str:
    return dna.decode(dna.reverse_complement(dna.encode(letters)))


def test_rows_of_a_bed_file(fasta: Fasta, tmp_path: Path) -> None:
    bed = tmp_path / "rows.bed"
    bed.write_text("chr1\t100\t111\tx\t0\t+\nchr1\t100\t111\ty\t0\t-\nchr1\t100\t111\n")
    plus, minus, plain = bed_regions(read_bed(bed), length=40)
    assert [region.name for region in (plus, minus, plain)] == ["x", "y", "chr1:100-111"]
    assert plus.window[:3] == ("chr1", 85, 125)
    assert stretch(plus, fasta) == stretch(plain, fasta) == LETTERS[100:111]
    assert shown(minus, fasta) == reverse(shown(plus, fasta))
    assert stretch(minus, fasta) == reverse(LETTERS[100:111])


def test_flanks_lie_along_the_strand(fasta: Fasta) -> None:
    rows = [BedRow(Interval("chr1", 100, 101), ("", "", strand), 1) for strand in ("+", "-", ".")]
    plus, minus, neither = bed_regions(rows, length=40, flanks=Flanks(2, 5))
    assert (plus.start, plus.end) == (98, 105)
    assert (minus.start, minus.end) == (95, 102)
    assert stretch(minus, fasta) == reverse(LETTERS[95:102])
    assert neither[:4] == plus[:4]
    assert Flanks.of(7) == (3, 4)


def test_beyond_the_ends_of_a_chromosome_is_n(fasta: Fasta) -> None:
    (region,) = bed_regions([BedRow(Interval("chr2", 0, 4), (), 1)], length=100)
    assert shown(region, fasta) == "N" * 48 + LETTERS[:50] + "NN"
    assert stretch(region, fasta) == LETTERS[:4]


def test_around_a_substitution(fasta: Fasta) -> None:
    base = LETTERS[200]
    other = "ACGT"["CATG".index(base)]
    ref, alt = variant_regions(
        [Variant("chr1", 200, base, other, "v", 0)], length=60, flanks=Flanks(2, 3)
    )
    assert (ref.name, alt.name) == (f"v_{base}", f"v_{other}")
    assert ref.window[:3] == ("chr1", 171, 231)
    assert stretch(ref, fasta) == LETTERS[199:204]
    assert stretch(alt, fasta) == LETTERS[199] + other + LETTERS[201:204]
    # Of a genome that has the alternate, the reference is the one that is put in.
    flipped = [Variant("chr1", 200, other, base, "v", 0, flipped=True)]
    ref, alt = variant_regions(flipped, length=60, flanks=Flanks(2, 3))
    assert (ref.name, alt.name) == (f"v_{other}", f"v_{base}")
    assert stretch(ref, fasta)[1] == other and stretch(alt, fasta)[1] == base


def test_around_lost_and_gained_bases(fasta: Fasta) -> None:
    """Every sequence is full, and its middle is explained: Baskerville cuts both ends alike."""
    ref = LETTERS[200:207]
    short, long = ref[0], ref + "ACGTAC"
    variants = [
        Variant("chr1", 200, ref, alt, ".", 5 + at, at) for at, alt in enumerate((short, long))
    ]
    regions = list(variant_regions(variants, length=60, flanks=Flanks.of(6)))
    assert [region.name for region in regions] == [
        f"chr1:201_{ref[:5]}*",
        f"chr1:201_{short}",
        f"chr1:201_{long[:5]}*",
    ]
    wanted = [
        LETTERS[171:231],
        (LETTERS[100:200] + short + LETTERS[207:])[68:128],
        (LETTERS[100:200] + long + LETTERS[207:])[74:134],
    ]
    assert [shown(region, fasta) for region in regions] == wanted
    for region, whole in zip(regions, wanted, strict=True):
        assert stretch(region, fasta) == whole[27:33]
    # One alternate that is shorter: the reference's sequence is longer by what is lost.
    ref_region, alt_region = variant_regions(variants[:1], length=60, flanks=Flanks.of(6))
    assert shown(ref_region, fasta) == LETTERS[174:234]
    assert shown(alt_region, fasta) == (LETTERS[171:200] + short + LETTERS[207:])[:60]


def gene(name: str, start: int, end: int, chrom: str = "chr1") -> Gene:
    return Gene(name, name, chrom, "-", np.array([[start, end]]))


def test_windows_of_genes() -> None:
    genes = [gene("left", 80, 120), gene("right", 140, 160), gene("far", 300, 310)]
    genes.append(gene("other", 95, 105, "chr2"))
    left, right, *_ = whole_genes(genes, length=60)
    assert left.window[:3] == ("chr1", 69, 129) and (left.start, left.end) == (69, 129)
    assert [found.name for found in left.window.genes] == ["left"]
    around = GenesAround(genes, grid=Grid(60, 4, 4, 13))
    (region,) = bed_regions([BedRow(Interval("chr1", 121, 126), ("x", "", "-"), 1)], length=60)
    both = around.regions(region)
    assert [(found.name, found.strand) for found in both] == [("x left", "+"), ("x right", "+")]
    assert [found.window.start for found in both] == [69, 119]
    assert all((found.start, found.end) == (121, 126) for found in both)
    assert both[1].first == 2
    assert right.window.start == 119
    wide = region._replace(start=118)
    assert [found.name for found in around.regions(wide)] == ["x left"]
    assert not around.regions(region._replace(window=region.window._replace(chrom="chr3")))


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        (("chr3", 1, 5), "no such chromosome"),
        (("chr1", 5, 5), "it is empty"),
        (("chr1", 5, 90), "85 bp long; the model's window is 60 bp"),
        (("chr2", 50, 60), "outside the chromosome (50 bp)"),
        (("chr2", 40, 60), ""),
    ],
)
def test_what_cannot_be_explained(fasta: Fasta, place: tuple[str, int, int], reason: str) -> None:
    (region,) = bed_regions([BedRow(Interval(*place), (), 1)], length=60)
    found = check_region(region, fasta)
    assert reason in found and bool(found) == bool(reason)


def test_flanks_beyond_the_window(fasta: Fasta) -> None:
    row = [BedRow(Interval("chr1", 100, 101), (), 1)]
    (region,) = bed_regions(row, length=60, flanks=Flanks(31, 2))
    assert "beyond the 60 bp window" in check_region(region, fasta)
