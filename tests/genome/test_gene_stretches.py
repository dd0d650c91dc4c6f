"""What genes share, by hand and against a count of every base."""

import numpy as np
import pytest

from whelp.genome.gene_stretches import gene_stretches
from whelp.genome.genes import Gene


def gene(name: str, strand: str, *exons: tuple[int, int], chrom: str = "chr1") -> Gene:
    return Gene(name, name, chrom, strand, np.array(exons))


GENES = [
    gene("a", "+", (10, 20), (30, 40)),
    gene("b", "+", (39, 50), (60, 70)),
    gene("c", "-", (10, 20)),
    gene("d", "+", (10, 20), chrom="chr2"),
    gene("e", "+", (20, 30)),  # it touches a's exons, and lies in its span
    gene("f", ".", (65, 66)),
]


def test_by_hand() -> None:
    exons = [own.tolist() for own in gene_stretches(GENES)]
    assert exons == [[[10, 20]], [], [[10, 20]], [[10, 20]], [[20, 30]], []]
    spans = [own.tolist() for own in gene_stretches(GENES, span=True)]
    assert spans == [[], [], [[10, 20]], [[10, 20]], [], []]


def test_all_of_them_when_asked() -> None:
    assert [own.tolist() for own in gene_stretches(GENES, shared=True)] == [
        gene.exons.tolist() for gene in GENES
    ]
    whole = [own.tolist() for own in gene_stretches(GENES, span=True, shared=True)]
    assert whole == [[[gene.start, gene.end]] for gene in GENES]


@pytest.mark.parametrize("seed", range(20))
def test_against_a_count_of_every_base(seed: int) -> None:
    rng = np.random.default_rng(seed)
    genes = []
    for number in range(12):
        ends = np.sort(rng.choice(np.arange(1, 200), 2 * rng.integers(1, 4), replace=False))
        strand = rng.choice(["+", "-", "."], p=[0.45, 0.45, 0.1])
        genes.append(Gene(f"g{number}", "", f"chr{rng.integers(2)}", strand, ends.reshape(-1, 2)))
    wanted = []
    for own in genes:
        others = np.zeros(200, bool)
        for other in genes:
            rivals = own.strand == other.strand or "." in (own.strand, other.strand)
            if other is not own and other.chrom == own.chrom and rivals:
                for start, end in other.exons:
                    others[start:end] = True
        wanted.append([[s, e] for s, e in own.exons.tolist() if not others[s:e].any()])
    assert [own.tolist() for own in gene_stretches(genes)] == wanted
