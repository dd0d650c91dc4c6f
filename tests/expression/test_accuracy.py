"""Accuracy over genes and tracks, and change between groups: by hand, and identities."""

import logging
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import explained_variance_score, roc_auc_score

from whelp.expression import ExpressionError, ExpressionSettings
from whelp.expression.accuracy import GeneAccuracy, gene_accuracy
from whelp.expression.contrasts import auroc
from whelp.expression.levels import GeneLevels
from whelp.genome.genes import Gene
from whelp.scoring.errors import ScoreError
from whelp.scoring.strands import Strands
from whelp.specs import TargetsTable

Compare = Callable[..., GeneAccuracy]
GENES = 40


@pytest.fixture
def levels() -> GeneLevels:
    rng = np.random.default_rng(1)
    values = rng.gamma(0.7, 60.0, (2, GENES, 4)).astype(np.float32)
    values[1] = 0.5 * values[1] + values[0]
    genes = [Gene(f"g{i:02}", f"G{i}", "chr1", "+", np.array([[i, i + 1]])) for i in range(GENES)]
    within, variance = rng.uniform(-1, 1, (GENES, 4)), rng.gamma(1.0, size=(GENES, 4))
    ones = np.ones(GENES)
    return GeneLevels(tuple(genes), ones.astype(int), ones, 0 * ones, *values, within, variance)


@pytest.fixture
def compare(targets: TargetsTable) -> Compare:
    def compared(levels: GeneLevels, **settings: object) -> GeneAccuracy:
        rows = Strands.of(targets).rows(targets)
        return gene_accuracy(levels, rows, ExpressionSettings(**settings))

    return compared


def test_numbers_of_tracks(levels: GeneLevels, compare: Compare) -> None:
    found = compare(levels).tracks
    assert found["identifier"].tolist() == ["b", "c", "a+", "d"]
    assert found.index.tolist() == [1, 2, 3, 4]
    assert found["group"].tolist() == ["young", "young", "old", "old"]
    logs = np.log2(np.stack([levels.measured, levels.predicted]).astype(float) + 1)
    for track, (r, r2, along) in enumerate(
        zip(found["pearsonr"], found["r2"], found["pearsonr_gene"], strict=True)
    ):
        measured, predicted = logs[:, :, track]
        assert r == pytest.approx(stats.pearsonr(measured, predicted)[0])
        assert r2 == pytest.approx(explained_variance_score(measured, predicted))
        varied = levels.variance[:, track] > np.percentile(levels.variance[:, track], 80)
        assert along == pytest.approx(levels.within[varied, track].mean())
    assert compare(levels).means()["pearsonr"] == pytest.approx(found["pearsonr"].mean())


def test_pseudo_coverage_is_a_quantile_of_genes_with_any(
    levels: GeneLevels, compare: Compare
) -> None:
    measured = levels.measured.copy()
    measured[:5, 0] = 0
    measured[:, 1] = 0
    levels = replace(levels, measured=measured)
    found = compare(levels, pseudo_quantile=0.25)
    more = np.quantile(measured[5:, 0].astype(float), 0.25)
    np.testing.assert_allclose(
        found.values["targets"]["b"], np.log2(measured[:, 0].astype(float) + more + 1)
    )
    more = np.quantile(levels.predicted[5:, 0].astype(float), 0.25)
    np.testing.assert_allclose(
        found.values["preds"]["b"], np.log2(levels.predicted[:, 0].astype(float) + more + 1)
    )
    # Nothing was measured in the second track: nothing is added, and there is no number.
    np.testing.assert_array_equal(found.values["targets"]["c"], 0)
    assert np.isnan(found.tracks["pearsonr"][2]) and not np.isnan(found.means()["pearsonr"])


def test_a_perfect_prediction(levels: GeneLevels, compare: Compare) -> None:
    perfect = replace(levels, predicted=levels.measured)
    found = compare(perfect, contrasts=["young:old"], min_change=0.5)
    for name in ("pearsonr", "r2", "pearsonr_norm", "r2_norm"):
        np.testing.assert_allclose(found.tracks[name], 1)
    # Of two tracks a gene may have the same rank in both, and nothing varies between them.
    by_gene = found.by_gene.filter(regex="_r2?$").to_numpy()
    assert 0 < np.isnan(by_gene).mean() < 0.2
    np.testing.assert_allclose(by_gene[~np.isnan(by_gene)], 1)
    for part in found.contrasts:
        assert (part.pearsonr, part.spearmanr) == (pytest.approx(1), pytest.approx(1))
        assert (part.auroc_up, part.auroc_down) == (1, 1)


def test_contrasts_are_made_assay_by_assay(levels: GeneLevels, compare: Compare) -> None:
    _, found = parts = compare(levels, contrasts=["young:old"], min_change=2).contrasts
    assert [part.name for part in parts] == ["young:old (ATAC)", "young:old (RNA)"]
    assert (found.assay, found.tracks) == ("RNA", (1, 1))
    # Tracks b and a+: the mean of the sorted logs takes the place of both.
    changes = []
    for values in (levels.measured, levels.predicted):
        logs = np.log2(values[:, [0, 2]].astype(float) + 1)
        level = np.sort(logs, axis=0).mean(axis=1)
        ranks = np.argsort(np.argsort(logs, axis=0), axis=0)
        changes.append(level[ranks[:, 0]] - level[ranks[:, 1]])
    measured, predicted = changes
    np.testing.assert_allclose(found.genes["measured"], measured)
    np.testing.assert_allclose(found.genes["predicted"], predicted)
    assert found.pearsonr == pytest.approx(stats.pearsonr(measured, predicted)[0])
    assert found.spearmanr == pytest.approx(stats.spearmanr(measured, predicted)[0])
    assert (found.up, found.down) == ((measured >= 2).sum(), (measured <= -2).sum())
    assert found.up and found.down
    assert found.auroc_up == pytest.approx(roc_auc_score(measured >= 2, predicted))
    assert found.auroc_down == pytest.approx(roc_auc_score(measured <= -2, -predicted))


def test_a_contrast_turned_round(levels: GeneLevels, compare: Compare) -> None:
    found = compare(levels, contrasts=["young:old", "old:young"]).contrasts
    one, other = found[0], found[2]
    np.testing.assert_allclose(one.genes["measured"], -other.genes["measured"])
    assert (one.up, one.auroc_up) == (other.down, pytest.approx(other.auroc_down))
    assert one.pearsonr == pytest.approx(other.pearsonr)


def test_depth_makes_no_change(levels: GeneLevels, compare: Compare) -> None:
    deep = levels.measured.copy()
    deep[:, 2] = 100 * deep[:, 0] + 99  # log2(x + 1) rises by the same everywhere
    found = compare(replace(levels, measured=deep), contrasts=["young:old"]).contrasts
    changes = next(part.genes["measured"] for part in found if part.assay == "RNA")
    np.testing.assert_allclose(changes, 0, atol=1e-12)


def test_area_under_the_curve() -> None:
    rng = np.random.default_rng(0)
    positive, scores = rng.random(60) < 0.3, rng.integers(0, 9, 60).astype(float)
    assert auroc(positive, scores) == pytest.approx(roc_auc_score(positive, scores))
    assert np.isnan(auroc(np.ones(4, bool), np.arange(4.0)))
    assert np.isnan(auroc(np.zeros(4, bool), np.arange(4.0)))


def test_groups_without_a_common_assay_are_compared_whole(
    levels: GeneLevels, targets: TargetsTable, caplog: pytest.LogCaptureFixture
) -> None:
    rows = Strands.of(targets).rows(targets)
    rows = [row.model_copy(update={"group": row.description.split(":")[0]}) for row in rows]
    with caplog.at_level(logging.WARNING):
        (found,) = gene_accuracy(levels, rows, ExpressionSettings(contrasts=["RNA:ATAC"])).contrasts
    assert (found.assay, found.name, found.tracks) == ("", "RNA:ATAC", (2, 2))
    assert "no assay in common (RNA; ATAC)" in caplog.text


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"contrasts": ["young:odl"]}, ExpressionError, r"no group 'odl'.*groups are young, old"),
        ({"contrasts": ["young"]}, ScoreError, "compared as A:B"),
        ({"pseudo_quantile": 5}, ExpressionError, "from 0 to 1; received 5"),
        ({"min_change": 0}, ExpressionError, "above 0; received 0"),
        ({"min_shown": 1.5}, ExpressionError, "from 0 to 1; received 1.5"),
    ],
)
def test_what_cannot_be_asked(
    levels: GeneLevels, compare: Compare, settings: dict, error: type, words: str
) -> None:
    with pytest.raises(error, match=words):
        compare(levels, **settings)
