"""Coverage of genes: by hand, and however windows lie."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from whelp.expression import ExpressionError
from whelp.expression.levels import GeneLevels
from whelp.expression.places import find_places
from whelp.genome.genes import Gene

Levels = Callable[..., GeneLevels]
WHOLE = [(0, 400)]


def test_by_hand(genes: list[Gene], coverage: np.ndarray, levels_of: Levels) -> None:
    found = levels_of(genes, coverage, WHOLE)
    assert [gene.identifier for gene in found.genes] == ["g1", "g2", "g3", "g4", "g5"]
    assert found.lengths.tolist() == [43, 10, 7, 140, 20]
    assert found.shown.tolist() == [1] * 5
    # Merged tracks stand in the order of their + strands: b, c, a, d.
    plus, minus = [1, 2, 3, 4], [1, 2, 0, 4]
    bins = coverage[[2, 3, 9, 10, 11]][:, :, plus]
    np.testing.assert_allclose(found.measured[0], bins[:, 0].mean(axis=0) * 4.3, rtol=1e-6)
    np.testing.assert_allclose(found.predicted[0], bins[:, 1].mean(axis=0) * 4.3, rtol=1e-6)
    np.testing.assert_allclose(found.variance[0], bins[:, 0].var(axis=0), rtol=1e-5)
    logs = np.log2(bins + 1)
    wanted = [np.corrcoef(logs[:, 0, track], logs[:, 1, track])[0, 1] for track in range(4)]
    np.testing.assert_allclose(found.within[0], wanted, rtol=1e-5)
    np.testing.assert_allclose(found.measured[1], coverage[6, 0, minus], rtol=1e-6)
    assert np.isnan(found.within[1]).all()
    # Both exons of g3 lie in one bin, which counts once.
    np.testing.assert_allclose(found.measured[2], coverage[20:22, 0][:, plus].mean(axis=0) * 0.7)
    # A gene without a strand has the sum of both.
    both = coverage[14:16, 0].mean(axis=0) * 2
    np.testing.assert_allclose(found.measured[4], [both[1], both[2], both[0] + both[3], both[4]])


@pytest.mark.parametrize(
    "windows",
    [
        [(200, 400), (0, 200)],
        [(0, 100), (100, 200), (200, 300), (300, 400)],
        [(0, 200), (100, 300), (200, 400)],
        [(0, 160), (240, 400), (40, 200), (200, 360), (80, 240), (120, 280), (160, 320)],
        [(0, 400), (0, 400), (0, 400)],
    ],
    ids=["two", "four", "overlapping", "often", "the same"],
)
def test_however_windows_lie(
    genes: list[Gene], coverage: np.ndarray, levels_of: Levels, windows: list[tuple[int, int]]
) -> None:
    one, found = levels_of(genes, coverage, WHOLE), levels_of(genes, coverage, windows)
    assert found.genes == one.genes
    np.testing.assert_allclose(found.shown, 1)
    for name in ("measured", "predicted", "within", "variance"):
        np.testing.assert_allclose(getattr(found, name), getattr(one, name), rtol=1e-5)


def test_parts_of_genes(genes: list[Gene], coverage: np.ndarray, levels_of: Levels) -> None:
    found = levels_of(genes, coverage, [(0, 100), (100, 110), (300, 350)])
    assert [gene.identifier for gene in found.genes] == ["g1", "g2", "g4"]
    np.testing.assert_allclose(found.shown, [(20 + 5 + 10) / 43, 1, 50 / 140])
    np.testing.assert_allclose(
        found.measured[2], coverage[30:35, 0].mean(axis=0)[[1, 2, 0, 4]] * 14, rtol=1e-6
    )


def test_no_bin_twice_and_every_other_window(genes: list[Gene]) -> None:
    exons = [gene.exons for gene in genes]
    windows = pd.DataFrame({"chrom": "chr1", "start": [0, 200, 100], "end": [200, 400, 300]})
    once = find_places(genes, exons, windows, width=10)
    bins = [
        (place.gene, start // 10 + number)
        for start, places in zip(windows["start"], once.windows, strict=True)
        for place in places
        for number in place.bins.tolist()
    ]
    assert len(bins) == len(set(bins)) == 5 + 1 + 2 + 14 + 2
    assert sum(place.bases for places in once.windows for place in places) == 220
    all_of_them = find_places(genes, exons, windows, width=10, every=2, once=False)
    assert all_of_them.visits.tolist() == [2, 1, 1, 1, 2, 0] and not all_of_them.windows[1]
    assert [place.bins.tolist() for place in all_of_them.windows[2]] == [
        [0, 1],  # what lies of g1 in this window
        [10, 10, 11],  # both exons of g3, which share a bin
        [15, 16, 17, 18, 19],
        [4, 5],
    ]


def test_a_share_of_the_gene_may_be_asked_for(
    genes: list[Gene], coverage: np.ndarray, levels_of: Levels
) -> None:
    for share, names in ((0, ["g1", "g2"]), (0.6, ["g2"]), (1, ["g2"])):
        found = levels_of(genes, coverage, [(0, 100)], min_shown=share)
        assert [gene.identifier for gene in found.genes] == names
    with pytest.raises(ExpressionError, match="of none of the 1 genes .* a share of 0.9"):
        levels_of(genes, coverage, [(300, 350)], min_shown=0.9)
