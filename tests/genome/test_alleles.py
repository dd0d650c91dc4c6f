"""Variants against the genome: flips, names of chromosomes, and what does not fit."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from whelp.genome.alleles import check_alleles, checked_variants
from whelp.genome.fasta import Fasta
from whelp.genome.variants import Rejected, Variant, read_variants


@pytest.fixture
def genome(tmp_path: Path) -> Iterator[Fasta]:
    path = tmp_path / "genome.fa"
    path.write_text(">chr1\nACGTacgtNN\nCCCTTT\n>2\nGATTACA\n>chrM\nACGT\n")
    with Fasta(path) as fasta:
        yield fasta


@pytest.fixture(scope="module")
def human(golden: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fasta]:
    folder = tmp_path_factory.mktemp("genome")
    for path in (golden / "snp" / "inputs").glob("hg38_1m.fa.gz*"):
        shutil.copy(path, folder)
    with Fasta(folder / "hg38_1m.fa.gz") as fasta:
        yield fasta


def variant(chrom: str, start: int, ref: str, alt: str) -> Variant:
    return Variant(chrom, start, ref, alt, "rs1", 0)


@pytest.mark.parametrize(
    ("start", "ref", "alt", "flipped"),
    [
        (0, "A", "C", False),
        (5, "C", "T", False),
        (5, "T", "C", True),
        (0, "ACG", "A", False),
        (0, "TT", "AC", True),
        (0, "AG", "ACG", True),
        # Both fit: the reference allele is tried first.
        (0, "A", "AC", False),
        (0, "A", "A", False),
        (15, "T", "G", False),
        (15, "G", "T", True),
    ],
)
def test_flips(genome: Fasta, start: int, ref: str, alt: str, flipped: bool) -> None:
    assert check_alleles(genome, variant("chr1", start, ref, alt)) is flipped


@pytest.mark.parametrize(
    ("place", "alleles", "reason"),
    [
        (("chr7", 0), "A C", "the genome has no such chromosome"),
        (("chr1", 0), "C G", "the genome has A there, which is neither of the alleles"),
        (("chr1", 8), "A C", "the genome has N there"),
        (("chr1", 16), "A C", "beyond the end of the chromosome (16 bp)"),
        (("chr1", 15), "TT T", "beyond the end of the chromosome (16 bp)"),
        (("chr1", 15), "G TT", "the genome has T there"),
        (("chr1", 0), "A N", "holds an N"),
        (("chr1", 0), f"A {'C' * 9}", "an allele is 9 bp long; the longest allowed is 8"),
    ],
)
def test_rejections(genome: Fasta, place: tuple[str, int], alleles: str, reason: str) -> None:
    found = check_alleles(genome, variant(*place, *alleles.split()), longest=8)
    assert isinstance(found, Rejected)
    assert reason in found.reason
    assert found.position == str(place[1] + 1)


def test_long_alleles_are_not_shown_whole(genome: Fasta) -> None:
    found = check_alleles(genome, variant("chr1", 0, "C" * 15, "G"))
    assert isinstance(found, Rejected)
    assert found.reason.startswith("the genome has ACGTACGTNNCC... (15 bp) there")


def test_without_flips_the_reference_allele_must_fit(genome: Fasta) -> None:
    found = check_alleles(genome, variant("chr1", 5, "T", "C"), flip=False)
    assert isinstance(found, Rejected)
    assert found.reason == "the genome has C there, not the reference allele"


def test_chromosomes_get_the_genome_s_names(genome: Fasta) -> None:
    items = [variant(chrom, 0, "A", "C") for chrom in ("1", "chr1", "MT", "M", "X")]
    items.append(variant("chr2", 0, "C", "G"))
    found = list(checked_variants(items, genome))
    assert [item.chrom for item in found] == ["chr1", "chr1", "chrM", "chrM", "X", "2"]
    assert isinstance(found[4], Rejected)
    assert isinstance(found[5], Variant) and found[5].flipped


def test_rejected_items_pass_and_names_stay_the_file_s(genome: Fasta) -> None:
    earlier = variant("1", 0, "A", "C").rejected("for some reason")
    found = list(checked_variants([earlier, variant("1", 0, "C", "G")], genome))
    assert found[0] is earlier
    assert isinstance(found[1], Rejected) and found[1].chrom == "1"


def test_a_flipped_variant_s_other_allele_is_the_file_s_reference() -> None:
    flipped = variant("chr1", 0, "ACG", "A")._replace(flipped=True)
    assert (flipped.genome_allele, flipped.other_allele, flipped.size) == ("A", "ACG", 2)
    assert variant("chr1", 0, "ACG", "A").size == -2


def test_one_by_one_and_in_a_row_agree(human: Fasta) -> None:
    rng = np.random.default_rng(5)
    places = np.concatenate([np.sort(rng.integers(0, 10**6, 300)), rng.integers(0, 10**6, 100)])
    items = [variant("chr1", int(at), *rng.choice(list("ACGT"), 2)) for at in places]
    found = list(checked_variants(items, human))
    for item, got in zip(items, found, strict=True):
        alone = check_alleles(human, item)
        assert got == (alone if isinstance(alone, Rejected) else item._replace(flipped=alone))
    assert {type(item) for item in found} == {Variant, Rejected}


def test_names_and_alleles_are_those_of_the_reference(golden: Path, human: Fasta) -> None:
    wanted = np.load(golden / "snp" / "odd.npz")
    items = checked_variants(read_variants(golden / "snp" / "inputs" / "odd.vcf"), human)
    found = [item for item in items if isinstance(item, Variant)]
    # The reference leaves out the second alternate of the second record.
    assert found.pop(2)[3:5] == ("C", "multiallelic")
    assert [item.name for item in found] == [text.decode() for text in wanted["snp"]]
    assert [item.chrom for item in found] == [text.decode() for text in wanted["chr"]]


def test_what_is_flipped_with_the_reference_is_flipped(golden: Path, human: Fasta) -> None:
    inputs = golden / "snp" / "inputs"
    flips = {"snp0_184001", "snp0_521000"}
    # Of these the reference allele is now the longer one, which the genome does not have.
    flips |= {"ins3_257667", "ins2_347969", "ins8_450111", "ins5_640900"}
    for name, wanted in [("indels", set()), ("edge", set()), ("indels_flip", flips)]:
        items = list(checked_variants(read_variants(inputs / f"{name}.vcf"), human))
        assert not any(isinstance(item, Rejected) for item in items), name
        found = {item.name for item in items if isinstance(item, Variant) and item.flipped}
        assert found == wanted
    (bad,) = checked_variants(read_variants(inputs / "badref.vcf"), human)
    assert isinstance(bad, Rejected)
    assert bad.reason == "the genome has C there, which is neither of the alleles"
