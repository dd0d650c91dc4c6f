"""Counting the variants of a file: quick, and in memory that does not grow with it."""

import tracemalloc
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest

from whelp.genome import dna
from whelp.genome.fasta import Fasta
from whelp.genome.variant_windows import Window, cluster_variants
from whelp.genome.variants import Variant
from whelp.scoring.census import Census, VariantFile, take_census

LENGTH = 50_000


@pytest.fixture
def genome(tmp_path: Path) -> Path:
    bases = dna.decode(np.random.default_rng(1).integers(0, 4, LENGTH).astype("uint8"))
    path = tmp_path / "genome.fa"
    path.write_text(f">chr1\n{bases}\n")
    return path


def windows(variants: Iterable[Variant]) -> Iterator[Window]:
    return cluster_variants(variants, length=2048)


def census_of(genome: Path, lines: int) -> tuple[Census, int]:
    """A census of a substitution to A of every base, again and again, and its peak of memory."""
    bases = genome.read_text().splitlines()[1]
    path = genome.with_name("variants.vcf")
    with path.open("w") as file:
        for at in range(lines):
            file.write(f"chr1\t{at % LENGTH + 1}\tv{at}\t{bases[at % LENGTH]}\t{'AN'[at % 2]}\n")
    with Fasta(genome) as fasta:
        tracemalloc.start()
        census = take_census(
            VariantFile(path, fasta, 1024),
            genome.parent,
            windows=windows,
            count=lambda held: sum(len(window.variants) for window in held),
        )
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return census, peak


def test_many_lines(genome: Path) -> None:
    """Half of the alternates are N, and are rejected; ten times the lines take no more memory."""
    few, low = census_of(genome, 10_000)
    many, high = census_of(genome, 100_000)
    assert (few.scored, few.rejected) == (few.rows, 5000)
    assert (many.scored, many.rejected, many.rows) == (50_000, 50_000, 50_000)
    rejected = (genome.parent / "rejected.tsv").read_text().splitlines()
    assert len(rejected) == 50_001 and rejected[-1].split("\t")[2] == "v99999"
    assert high < low + 100_000 < 2_000_000, (low, high)
