"""Bins of genes: the reference's, and hand-worked ones."""

import json
from pathlib import Path

import numpy as np
import pytest

from whelp.genome.genes import Gene
from whelp.scoring.gene_statistics import GeneBins, gene_bins, gene_coverage
from whelp.scoring.statistics import StatisticError, score
from whelp.scoring.strands import Strands
from whelp.scoring.untransform import Untransform
from whelp.specs import TargetsTable
from whelp.specs.targets import Target


def _gene(*exons: tuple[int, int], strand: str = "+") -> Gene:
    return Gene("A", "A", "chr1", strand, np.array(exons, np.int64))


def _inside(gene: Gene, **settings: object) -> list[int]:
    return gene_bins(gene, **{"start": 1000, "bins": 10, "width": 10, **settings}).inside.tolist()


def test_bins_are_the_reference_s(functions: Path) -> None:
    genes = json.loads((functions / "functions.json").read_text())["genes"]
    compared = 0
    for name, wanted in np.load(functions / "functions.npz").items():
        if not name.startswith("slice|"):
            continue
        _, gene, start, *flags = name.split("|")
        span, majority, old = (flag.endswith("True") for flag in flags)
        made = gene_bins(
            _gene(*genes[gene]["exons"]),
            start=int(start),
            bins=2048,
            width=32,
            # Its older version knows no other overlap.
            overlap="majority" if majority or old else "any",
            span=span,
        )
        np.testing.assert_array_equal(made.inside, wanted, err_msg=name)
        compared += 1
    assert compared == 48


def test_any_base_or_the_majority() -> None:
    gene = _gene((1004, 1016), (1027, 1033), (1052, 1056))
    assert _inside(gene) == [0, 1, 2, 3, 5]
    # 0.4 to 1.6, 2.7 to 3.3, 5.2 to 5.6
    assert _inside(gene, overlap="majority") == [0, 1, 5]
    # Halves go to the even border.
    assert _inside(_gene((1005, 1015), (1035, 1045)), overlap="majority") == [0, 1]
    with pytest.raises(ValueError, match="'any' or 'majority'; received 'most'"):
        _inside(gene, overlap="most")


def test_a_bin_with_two_exons_counts_once() -> None:
    assert _inside(_gene((1001, 1003), (1006, 1012), (1013, 1021))) == [0, 1, 2]


def test_a_span_has_introns() -> None:
    gene = _gene((1004, 1006), (1058, 1066))
    assert _inside(gene, span=True) == _inside(gene, span=True, overlap="majority")
    assert _inside(gene, span=True) == [0, 1, 2, 3, 4, 5, 6]


def test_what_lies_outside_is_counted() -> None:
    settings = {"start": 1000, "bins": 10, "width": 10}
    both_ends = gene_bins(_gene((950, 1015), (1095, 1130)), **settings)
    assert both_ends.inside.tolist() == [0, 1, 9]
    assert both_ends.share == 3 / 11
    assert gene_bins(_gene((1010, 1020)), **settings).share == 1
    longer = gene_bins(_gene((0, 5000)), **settings, span=True)
    assert longer.inside.tolist() == list(range(10))
    assert longer.share == 10 / 500
    for exon in ((900, 1000), (1100, 1200), (10, 20)):
        nothing = gene_bins(_gene(exon), **settings)
        assert nothing.inside.tolist() == []
        assert nothing.share == 0


def test_a_gene_without_a_bin() -> None:
    made = gene_bins(_gene((1012, 1014)), start=1000, bins=10, width=10, overlap="majority")
    assert (made.inside.tolist(), made.share) == ([], 0)


def test_a_window_that_begins_before_the_chromosome() -> None:
    assert _inside(_gene((0, 15)), start=-20) == [2, 3]


@pytest.mark.parametrize(("strand", "tracks"), [("+", [0, 2]), ("-", [1, 2]), (".", [3, 4])])
def test_coverage_on_the_gene_s_strand(strand: str, tracks: list[int]) -> None:
    """The reference takes a gene of no known strand for one of the - strand."""
    strands = Strands(np.array([0, 2]), np.array([1, 2]), 3)
    ref = np.arange(24, dtype=np.float32).reshape(2, 4, 3)
    alt = ref[:, ::-1] + 1
    bins = GeneBins(np.array([0, 3]), 1.0)
    made = [gene_coverage(c, bins, strand=strand, strands=strands) for c in (ref, alt)]
    for allele, whole in zip(made, (ref, alt), strict=True):
        # Two more: the sum of the strands, and the third track again.
        more = np.concatenate([whole, whole[..., :1] + whole[..., 1:2], whole[..., 2:]], axis=2)
        np.testing.assert_array_equal(allele.values, more[:, [0, 3]][..., tracks])
    found = score(*made, ["logSED"])["logSED"]
    sums = [allele.values.sum(axis=1) + 1 for allele in made]
    np.testing.assert_allclose(found, np.log2(sums[1] / sums[0]).mean(axis=0))


def test_only_what_is_shown_is_untransformed() -> None:
    rows = tuple(Target(index=at, identifier="a", sum_stat="sum_sqrt") for at in range(2))
    untransform = Untransform(TargetsTable.model_construct(rows=rows), old=False)
    strands = Strands(np.array([0, 1]), np.array([0, 1]), 2)
    predictions = np.arange(8.0).reshape(1, 4, 2)
    bins = GeneBins(np.array([1, 2]), 1.0)
    made = gene_coverage(predictions, bins, strand="-", strands=strands, untransform=untransform)
    assert made.values.tolist() == [[[8, 15], [24, 35]]]


def test_a_gene_outside_the_window_is_refused() -> None:
    strands = Strands(np.array([0]), np.array([0]), 1)
    nowhere = GeneBins(np.array([], np.int64), 0.0)
    with pytest.raises(StatisticError, match="no bin of the gene lies in the window"):
        gene_coverage(np.zeros((1, 4, 1)), nowhere, strand="+", strands=strands)
