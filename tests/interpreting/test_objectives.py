"""What is explained: numbers worked out by hand, and equal to what scores are made of."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from whelp.interpreting.coverage import Coverage
from whelp.interpreting.objectives import Objective, ObjectiveError
from whelp.scoring.errors import ScoreError
from whelp.scoring.gene_statistics import GeneBins
from whelp.scoring.groups import split_contrast
from whelp.scoring.strands import Strands
from whelp.scoring.untransform import Untransform
from whelp.specs import TargetsTable

HEADER = "\tidentifier\tclip_soft\tscale\tsum_stat\tstrand_pair\tdescription\tgroup\n"
ROWS = (
    "0\tblood+\t\t1\tsum\t1\tRNA:blood\tblood",
    "1\tblood-\t\t1\tsum\t0\tRNA:blood\tblood",
    "2\topen\t4\t2\tsum_sqrt\t2\tATAC:liver [a]\tliver",
    "3\tliver+\t\t1\tsum\t4\tRNA:liver\tliver",
    "4\tliver-\t\t1\tsum\t3\tRNA:liver\tliver",
)


def table(folder: Path, rows: tuple[str, ...] = ROWS, header: str = HEADER) -> TargetsTable:
    path = folder / "targets.txt"
    path.write_text(header + "\n".join(rows) + "\n")
    return TargetsTable.read(path)


@pytest.fixture
def targets(tmp_path: Path) -> TargetsTable:
    return table(tmp_path)


@pytest.fixture
def predictions() -> np.ndarray:
    """Squashed, some above the soft clip; of shape (2, 8, 5)."""
    return np.random.default_rng(1).uniform(0, 8, (2, 8, 5)).astype("float32")


def number(objective: Objective, predictions: np.ndarray) -> np.ndarray:
    return np.asarray(objective.of(predictions))


@pytest.mark.parametrize(
    ("old", "unscale", "unclip"), list(itertools.product([False, True], repeat=3))
)
def test_coverage_is_that_of_scores(golden: Path, old: bool, unscale: bool, unclip: bool) -> None:
    functions = golden / "snp/functions"
    predictions = np.load(functions / "functions.npz")["untransform_in"]
    targets = TargetsTable.read(functions / "targets.txt")
    options = {"old": old, "unscale": unscale, "unclip": unclip}
    made = np.asarray(Coverage(targets, **options).tensor(predictions))
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, Untransform(targets, **options)(predictions), rtol=3e-6)


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("sum_stat", ["sum", "sum_sqrt", "sum_exp75"])
def test_coverage_keeps_digits_of_what_is_small(tmp_path: Path, old: bool, sum_stat: str) -> None:
    header = "\tidentifier\tclip_soft\tscale\tsum_stat\n"
    targets = table(tmp_path, (f"0\ta\t5\t0.3\t{sum_stat}",), header)
    values = np.concatenate([[0], np.geomspace(1e-6, 500, 200)]).astype("float32")[:, None]
    made = np.asarray(Coverage(targets, old=old).tensor(values))
    wanted = Untransform(targets, old=old)(values)
    # (1 + y)^2 - 1 loses a few digits even of 64 bits.
    np.testing.assert_allclose(made, wanted, rtol=2e-6, atol=1e-15)


def test_sums_of_a_window_by_hand(targets: TargetsTable) -> None:
    predictions = np.zeros((1, 4, 5), "float32")
    predictions[0, :, 0], predictions[0, :, 1] = [1, 2, 3, 4], [0, 5, 6, 0]
    predictions[0, :, 2] = [0, 1, 5, 0]
    made = Objective.for_tracks(targets, bins=4, tracks=["blood"])
    np.testing.assert_allclose(number(made, predictions), np.log(21 + 1), rtol=1e-6)
    made = Objective.for_tracks(targets, bins=4, tracks=["blood+"], middle=2, pseudo=0.5)
    np.testing.assert_allclose(number(made, predictions), np.log(16 + 0.5), rtol=1e-6)
    # sum_sqrt: 2^2 - 1 = 3, and 4 - 1 + (5 - 4 + 1)^2 = 7, 8^2 - 1 = 63
    made = Objective.for_tracks(targets, bins=4, tracks=[2])
    np.testing.assert_allclose(number(made, predictions), np.log(66 + 1), rtol=1e-6)
    made = Objective.for_tracks(targets, bins=4, tracks=["blood*", "ATAC:*"])
    wanted = (np.log(22) + np.log(67)) / 2
    np.testing.assert_allclose(number(made, predictions), wanted, rtol=1e-6)
    made = Objective.for_tracks(targets, bins=4, tracks=["blood*", "ATAC:*"], pool="coverage")
    np.testing.assert_allclose(number(made, predictions), np.log((21 + 66) / 2 + 1), rtol=1e-6)


@pytest.mark.parametrize("pool", ["logs", "coverage"])
@pytest.mark.parametrize("strand", ["+", "-", "."])
def test_gene_and_contrast_by_numpy(
    targets: TargetsTable, predictions: np.ndarray, strand: str, pool: str
) -> None:
    inside = np.array([1, 4, 5])
    objective = Objective.for_tracks(targets, bins=8, pool=pool).for_gene(
        GeneBins(inside, 1.0), strand
    )
    coverage = Untransform(targets, old=False)(predictions)
    sums = Strands.of(targets).select(coverage, strand)[:, inside].sum(axis=1)
    # Merged tracks: blood, open, liver.
    if pool == "logs":
        whole = np.log(sums + 1).mean(axis=1)
        difference = np.log(sums[:, 1:] + 1).mean(axis=1) - np.log(sums[:, 0] + 1)
    else:
        whole = np.log(sums.mean(axis=1) + 1)
        difference = np.log(sums[:, 1:].mean(axis=1) + 1) - np.log(sums[:, 0] + 1)
    np.testing.assert_allclose(number(objective, predictions), whole, rtol=1e-5)
    contrast = objective.contrast("liver", "blood")
    np.testing.assert_allclose(number(contrast, predictions), difference, rtol=1e-4)
    restricted = np.asarray(contrast.of_bins(predictions[:, inside]))
    np.testing.assert_allclose(restricted, difference, rtol=1e-4)


def test_reverse_complement_has_the_same_number(
    targets: TargetsTable, predictions: np.ndarray
) -> None:
    objective = (
        Objective.for_tracks(targets, bins=8)
        .for_gene(GeneBins(np.array([0, 2]), 1.0), "-")
        .contrast("blood", "liver")
    )
    other = predictions[:, ::-1][..., targets.strand_pair]
    turned = np.asarray(objective.value(other, objective.weights(reverse=True)))
    np.testing.assert_allclose(turned, number(objective, predictions), rtol=1e-5)
    assert not np.allclose(number(objective, other), turned)


def test_change_is_that_of_the_score(targets: TargetsTable, predictions: np.ndarray) -> None:
    """ln 2 times logSED of a track."""
    from whelp.scoring.statistics import Allele, score

    coverage = Strands.of(targets).merge(Untransform(targets, old=False)(predictions))
    sed = score(Allele(coverage[:1]), Allele(coverage[1:]), ["logSED"])["logSED"]
    made = number(Objective.for_tracks(targets, bins=8, tracks=["liver"]), predictions)
    np.testing.assert_allclose(made[1] - made[0], np.log(2) * sed[2], rtol=1e-4)


def test_names_that_are_not_there(targets: TargetsTable, tmp_path: Path) -> None:
    def fails(text: str, **options: object) -> None:
        with pytest.raises(ObjectiveError, match=text):
            Objective.for_tracks(targets, bins=8, **options)

    fails(
        r"description 'RNA:live'; did you mean 'RNA:liver'\? It has blood\+,", tracks=["RNA:live"]
    )
    fails(r"description '7'\. It has", tracks=["7"])
    fails("expected 1 to 8 in its middle, received 9", middle=9)
    fails("pseudo-count must be above 0", pseudo=0)
    fails("by 'logs' or by 'coverage'; received 'mean'", pool="mean")
    whole = Objective.for_tracks(targets, bins=8)
    with pytest.raises(ObjectiveError, match=r"no group 'livr'; did you mean 'liver'\? It has bl"):
        whole.contrast("blood", "livr")
    blood = Objective.for_tracks(targets, bins=8, tracks=["blood"])
    with pytest.raises(ObjectiveError, match="none of the chosen tracks is in the group 'liver'"):
        blood.contrast("blood", "liver")
    with pytest.raises(ObjectiveError, match="no bin of the gene"):
        whole.for_gene(GeneBins(np.zeros(0, np.int64), 0.0), "+")
    plain = table(tmp_path, ("0\ta\tsum",), "\tidentifier\tsum_stat\n")
    with pytest.raises(ObjectiveError, match="has no column 'group' with names"):
        Objective.for_tracks(plain, bins=8).contrast("a", "b")


def test_letters_of_patterns_in_names(targets: TargetsTable) -> None:
    made = Objective.for_tracks(targets, bins=8, tracks=["ATAC:liver [a]"])
    assert made.tracks.tolist() == [1]
    assert Objective.for_tracks(targets, bins=8, tracks=["*"]).tracks.tolist() == [0, 1, 2]
    assert Objective.for_tracks(targets, bins=8, tracks=["4", "liver-"]).tracks.tolist() == [2]


def test_contrast_words() -> None:
    assert split_contrast("T cell:B cell") == ("T cell", "B cell")
    for words in ("", "A", "A:", ":B", "A:B:C"):
        with pytest.raises(ScoreError, match="compared as A:B"):
            split_contrast(words)
