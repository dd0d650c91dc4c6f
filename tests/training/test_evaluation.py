"""Evaluation: hand-computed numbers, scipy's, and those of the original on real windows."""

import json
from pathlib import Path

import h5py
import keras
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from whelp.data import open_dataset
from whelp.loading import load
from whelp.models import ensemble
from whelp.training import correlation
from whelp.training.correlation import RankStore, TrackSums
from whelp.training.evaluation import (
    class_summary,
    evaluate,
    summarize,
    write_accuracy,
    write_evaluation,
)
from whelp.training.examples import Examples, representative_tracks
from whelp.training.predictions import PredictionWriter, save_predictions, write_bedgraphs

DEMO = Path(__file__).parents[2] / "src/whelp/demo/data/mini_borzoi"
HG38 = Path(__file__).parents[1] / "data/hg38"


def toy_model() -> keras.Model:
    """Base frequencies in bins of 4 bp: 4 tracks that a person can compute."""
    sequence = keras.Input((32, 4))
    return keras.Model(sequence, keras.layers.AveragePooling1D(4)(sequence))


@pytest.fixture
def toy_data(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    x = np.eye(4, dtype="float32")[rng.integers(0, 4, (7, 32))]
    y = x.reshape(7, 8, 4, 4).mean(axis=2) + rng.normal(0, 0.2, (7, 8, 4))
    return x, y.astype("float32")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def targets() -> pd.DataFrame:
    names = ["CAGE:a", "CAGE:b", "RNA:c", "nothing"]
    return pd.DataFrame(
        {"identifier": ["t0", "t1", "t2", "t3"], "description": names}, index=[3, 5, 7, 9]
    )


def test_groups_go_on_to_the_table(
    toy_data: tuple[np.ndarray, np.ndarray], targets: pd.DataFrame
) -> None:
    table = evaluate(toy_model(), (*toy_data, targets))
    assert list(table.columns[-2:]) == ["identifier", "description"]
    grouped = targets.assign(group=["young", "young", "old", None])
    table = evaluate(toy_model(), (*toy_data, grouped))
    assert list(table.columns[-3:]) == ["identifier", "description", "group"]
    assert table["group"].tolist()[:3] == ["young", "young", "old"]


def test_sums_by_hand() -> None:
    sums = TrackSums(1)
    sums.update(np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([[1.0], [1.0], [2.0], [4.0]]))
    # Centred y: -1.5 -0.5 0.5 1.5; centred p: -1 -1 0 2; residuals: -1 0 0 -1.
    assert sums.pearsonr() == pytest.approx([5 / np.sqrt(5 * 6)])
    assert sums.r2() == pytest.approx([1 - 2 / 5])
    assert sums.count == 4


def test_sums_do_not_depend_on_batches_and_survive_large_offsets(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(correlation, "CHUNK_VALUES", 50)
    y = rng.normal(1e6, 1, (1000, 3))
    p = y + rng.normal(0, 2, (1000, 3))
    sums = TrackSums(3)
    for start in range(0, 1000, 170):
        sums.update(y[start : start + 170], p[start : start + 170])
    expected = [np.corrcoef(y[:, track], p[:, track])[0, 1] for track in range(3)]
    np.testing.assert_allclose(sums.pearsonr(), expected, rtol=1e-9)
    expected_r2 = 1 - ((y - p) ** 2).sum(axis=0) / ((y - y.mean(axis=0)) ** 2).sum(axis=0)
    np.testing.assert_allclose(sums.r2(), expected_r2, rtol=1e-9)


def test_constant_tracks(rng: np.random.Generator) -> None:
    y, p = rng.normal(size=(2, 50, 3))
    y[:, 0] = 0.1
    p[:, 1] = 0.3
    sums = TrackSums(3)
    sums.update(y[:20], p[:20])
    sums.update(y[20:], p[20:])
    assert sums.constant_measured.tolist() == [True, False, False]
    assert sums.constant_predicted.tolist() == [False, True, False]
    pearsonr, r2 = sums.pearsonr(), sums.r2()
    assert np.isnan(pearsonr[0]) and np.isnan(r2[0])
    assert pearsonr[1] == 0 and r2[1] < 0
    assert np.isfinite(pearsonr[2])


def test_ranks_average_ties(rng: np.random.Generator) -> None:
    y = rng.integers(0, 5, (4, 60, 2)).astype("float32")
    p = (y + rng.integers(0, 4, y.shape)).astype("float32")
    store = RankStore()
    store.update(y[:3], p[:3])
    store.update(y[3:], p[3:])
    expected = [stats.spearmanr(y[..., t].ravel(), p[..., t].ravel())[0] for t in range(2)]
    np.testing.assert_allclose(store.spearmanr(), expected, rtol=1e-12)


@pytest.mark.parametrize("batch_size", [2, 3, None])
def test_evaluate_arrays(
    toy_data: tuple[np.ndarray, np.ndarray], targets: pd.DataFrame, batch_size: int | None
) -> None:
    x, y = toy_data
    table = evaluate(toy_model(), (x, y, targets), rank=True, batch_size=batch_size, loss="poisson")
    expected = x.reshape(7, 8, 4, 4).mean(axis=2)
    pearsonr = [np.corrcoef(y[..., t].ravel(), expected[..., t].ravel())[0, 1] for t in range(4)]
    assert list(table) == ["index", "pearsonr", "spearmanr", "r2", "identifier", "description"]
    assert table["index"].tolist() == [3, 5, 7, 9]
    np.testing.assert_allclose(table["pearsonr"], pearsonr, rtol=1e-6)
    loss = (expected - y * np.log(expected + 1e-7)).mean()
    assert table.attrs["loss"] == pytest.approx(loss, rel=1e-5)
    assert table.attrs["windows"] == 7 and table.attrs["positions"] == 56
    assert "transformed (squashed) space" in table.attrs["space"]


def test_any_model_with_predict_will_do(toy_data: tuple[np.ndarray, np.ndarray]) -> None:
    class Ensemble:
        def predict(self, x: np.ndarray) -> np.ndarray:
            return x.reshape(len(x), 8, 4, 4).mean(axis=2)

    table = evaluate(Ensemble(), toy_data)
    expected = evaluate(toy_model(), toy_data)
    np.testing.assert_allclose(table["r2"], expected["r2"], rtol=1e-6)
    assert table["identifier"].tolist() == ["t0", "t1", "t2", "t3"]


def test_replicates(toy_data: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> None:
    """The averaged predictions are evaluated, and each replicate as if it were alone."""
    x, y = toy_data
    noise = np.random.default_rng(5).normal(0, 0.2, (3, *y.shape))

    class Noisy:
        def __init__(self, added: np.ndarray) -> None:
            self._added, self._at = added, 0

        def predict(self, batch: np.ndarray) -> np.ndarray:
            self._at += len(batch)
            added = self._added[self._at - len(batch) : self._at]
            return batch.reshape(len(batch), 8, 4, 4).mean(axis=2) + added

    seen: list[np.ndarray] = []
    table = evaluate(
        [Noisy(one) for one in noise], (x, y), rank=True, step=2, sink=lambda _, p: seen.append(p)
    )
    alone = [evaluate(Noisy(one), (x, y), rank=True, step=2) for one in noise]
    whole = evaluate(Noisy(noise.mean(axis=0)), (x, y), rank=True, step=2)
    for name in ("pearsonr", "spearmanr", "r2"):
        each = np.array([one[name] for one in alone])
        np.testing.assert_allclose(table[name], whole[name], rtol=1e-6)
        np.testing.assert_allclose(table[f"{name}_mean"], each.mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(table[f"{name}_sd"], each.std(axis=0, ddof=1), rtol=1e-9)
        means = [one[name] for one in table.attrs["replicates"]]
        np.testing.assert_allclose(means, each.mean(axis=1), rtol=1e-12)
    assert (table["pearsonr"] > table["pearsonr_mean"]).all()
    assert "replicates" not in whole.attrs and seen[0].shape == (1, 4, 4)
    write_evaluation(table, tmp_path)
    written = pd.read_csv(tmp_path / "acc_replicates.txt", sep="\t").set_index("replicate")
    assert list(written.index) == ["0", "1", "2", "mean", "sd", "ensemble"]
    assert written.loc["sd", "r2"] == pytest.approx(np.std(means, ddof=1), abs=1e-5)
    assert written.loc["ensemble", "r2"] == pytest.approx(table["r2"].mean(), abs=1e-5)
    kept = json.loads((tmp_path / "evaluation.json").read_text())
    assert len(kept["replicates"]) == 3
    sequence = keras.Input((32, 4))
    half = keras.Model(sequence, keras.layers.AveragePooling1D(8)(sequence))
    with pytest.raises(ValueError, match=r"same bins and tracks; .* \(1, 4, 4\) and \(1, 8, 4\)"):
        evaluate([toy_model(), half], (x, y))


def test_step_thins_ranks_and_sink_only(toy_data: tuple[np.ndarray, np.ndarray]) -> None:
    seen: list[np.ndarray] = []
    table = evaluate(
        toy_model(), toy_data, rank=True, step=3, sink=lambda y, p: seen.append(np.stack([y, p]))
    )
    values = np.concatenate(seen, axis=1)
    assert values.shape == (2, 7, 3, 4)
    np.testing.assert_array_equal(values[0], toy_data[1][:, ::3])
    halves = values.astype("float16").reshape(2, -1, 4)
    expected = [stats.spearmanr(*halves[..., t])[0] for t in range(4)]
    np.testing.assert_allclose(table["spearmanr"], expected, rtol=1e-12)
    np.testing.assert_array_equal(table["pearsonr"], evaluate(toy_model(), toy_data)["pearsonr"])


def test_binary_targets_give_areas(rng: np.random.Generator) -> None:
    x = np.eye(4, dtype="float32")[rng.integers(0, 4, (5, 32))]
    y = (x.reshape(5, 8, 4, 4).mean(axis=2) > 0.3).astype("float32")
    table = evaluate(toy_model(), (x, y), loss="bce")
    assert list(table) == ["index", "auroc", "auprc", "identifier", "description"]
    np.testing.assert_allclose(table["auroc"], 1, atol=1e-6)
    np.testing.assert_allclose(table["auprc"], 1, atol=1e-6)


def test_clear_errors(toy_data: tuple[np.ndarray, np.ndarray], targets: pd.DataFrame) -> None:
    x, y = toy_data
    with pytest.raises(ValueError, match=r"gives .*\(1, 8, 4\).* hold \(1, 8, 3\)"):
        evaluate(toy_model(), (x, y[..., :3]))
    with pytest.raises(ValueError, match="no windows"):
        evaluate(toy_model(), (x[:0], y[:0]))
    with pytest.raises(ValueError, match="7 windows and y 6"):
        evaluate(toy_model(), (x, y[:6]))
    with pytest.raises(ValueError, match="targets table has 3 rows"):
        evaluate(toy_model(), (x, y, targets[:3]))
    with pytest.raises(ValueError, match="step must be 1 or more"):
        evaluate(toy_model(), (x, y), step=0)
    with pytest.raises(ValueError, match=r"predictions are not finite .* in 4 of 4 tracks"):
        evaluate(toy_model(), (x * np.nan, y))
    sequence = keras.Input((32, 4))
    pooled = keras.layers.AveragePooling1D(4)(sequence)
    with pytest.raises(ValueError, match=r"several heads \(human, mouse\): load it with one"):
        evaluate(keras.Model(sequence, {"human": pooled, "mouse": pooled}), (x, y))
    broken = y.copy()
    broken[2, 3, 1] = np.inf
    with pytest.raises(ValueError, match="measured values are not finite .* first in track 1"):
        evaluate(toy_model(), (x, broken))


def test_class_summary_leaves_undefined_tracks_out(targets: pd.DataFrame) -> None:
    table = targets.reset_index().assign(pearsonr=[0.2, np.nan, 0.5, 0.8], r2=[0.0, np.nan, 1, 2])
    summary = class_summary(table).set_index("assay")
    assert list(summary.index) == ["CAGE", "RNA", "other", "all"]
    assert summary.loc["CAGE", ["tracks", "undefined", "pearsonr"]].tolist() == [2, 1, 0.2]
    assert summary.loc["all", "pearsonr"] == pytest.approx(0.5)
    assert summary.loc["all", "pearsonr_median"] == pytest.approx(0.5)
    assert summarize(table)["mean"] == {"pearsonr": pytest.approx(0.5), "r2": pytest.approx(1)}


@pytest.mark.parametrize("name", ["eval", "eval_rc_shifts"])
def test_accuracy_file_is_the_originals_byte_for_byte(
    golden: Path, tmp_path: Path, name: str
) -> None:
    original = golden / "snp" / f"{name}.acc.txt"
    write_accuracy(pd.read_csv(original, sep="\t"), tmp_path / "acc.txt")
    assert (tmp_path / "acc.txt").read_bytes() == original.read_bytes()


def test_written_evaluation(
    toy_data: tuple[np.ndarray, np.ndarray], targets: pd.DataFrame, tmp_path: Path
) -> None:
    x, y = toy_data
    y[..., 2] = 0.25
    table = evaluate(toy_model(), (x, y, targets))
    write_evaluation(table, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "acc.txt",
        "acc_classes.txt",
        "evaluation.json",
    ]
    facts = json.loads((tmp_path / "evaluation.json").read_text())
    assert facts["constant_measured"] == ["t2"] and facts["undefined"] == 1
    assert facts["mean"]["pearsonr"] == pytest.approx(table["pearsonr"].mean())
    assert "squashed" in facts["space"]
    row = (tmp_path / "acc.txt").read_text().splitlines()[3]
    assert row == "7\t\t\tt2\tRNA:c"


def test_saved_predictions_and_bedgraphs(
    toy_data: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    x, y = toy_data
    save_predictions(toy_model(), (x, y), tmp_path, step=2, batch_size=3)
    with h5py.File(tmp_path / "preds.h5") as file:
        assert file["preds"].dtype == "float16"
        np.testing.assert_array_equal(file["preds"], x.reshape(7, 8, 4, 4).mean(axis=2)[:, ::2])
    with h5py.File(tmp_path / "targets.h5") as file:
        np.testing.assert_array_equal(file["targets"], y[:, ::2].astype("float16"))
    windows = pd.DataFrame({"chrom": "chr2", "start": np.arange(7) * 1000})
    files = write_bedgraphs(tmp_path, windows, [1], pool_width=4, step=2)
    assert [path.name for path in files] == ["preds_t1.bedgraph", "targets_t1.bedgraph"]
    lines = files[1].read_text().splitlines()
    assert len(lines) == 7 * 4
    # The step is spelled out: each line spans its own bin, not the one after the last line.
    assert lines[5].split("\t")[:3] == ["chr2", "1008", "1012"]
    assert lines[5].split("\t")[3] == f"{np.float16(y[1, 2, 1]):.2f}"
    with pytest.raises(ValueError, match="holds 7 windows, the table 6"):
        write_bedgraphs(tmp_path, windows[:6], [1], pool_width=4)
    with pytest.raises(ValueError, match="there is no track 4: choose 0 to 3"):
        write_bedgraphs(tmp_path, windows, [4], pool_width=4)


def test_interrupted_saving_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), PredictionWriter(tmp_path) as write:
        write(np.zeros((1, 8, 4)), np.zeros((1, 8, 4)))
        raise RuntimeError("stop")
    assert not list(tmp_path.iterdir())


def test_sample_of_bins_is_bounded_and_even(rng: np.random.Generator) -> None:
    examples = Examples()
    positions = np.arange(40_000, dtype="float32").reshape(40, 1000, 1) % 2048
    for batch in positions.reshape(8, 5, 1000, 1):
        examples(batch, batch + 1)
    table = pd.DataFrame({"identifier": ["a"], "description": ["CAGE:a"], "pearsonr": [1.0]})
    (sample,) = examples.scatter(table)
    assert 4000 <= len(sample.measured) <= 8000
    np.testing.assert_array_equal(sample.predicted, sample.measured + 1)
    steps = np.unique(np.diff(sample.measured) % 2048)
    assert len(steps) == 1


def test_representative_tracks() -> None:
    table = pd.DataFrame(
        {
            "pearsonr": [0.1, 0.9, 0.5, np.nan, 0.3],
            "description": ["CAGE:a", "CAGE:b", "CAGE:c", "RNA:d", "DNASE:e"],
        }
    )
    assert representative_tracks(table) == [2, 4]


@pytest.fixture(scope="module")
def human_model() -> keras.Model:
    return load(DEMO / "params.json", DEMO / "model.h5")


def test_pretrained_model_on_real_windows(human_model: keras.Model, golden: Path) -> None:
    """The originals' sums are float32, ours float64; and acc.txt is rounded to 5e-6.

    R2 of badly predicted tracks is as low as -16, so its tolerance is relative.
    """
    data = open_dataset(HG38, "test", batch_size=2)
    examples = Examples()
    table = evaluate(human_model, data, rank=True, loss="poisson_mn", sink=examples)
    expected = pd.read_csv(golden / "snp/eval.acc.txt", sep="\t")
    for name in ("index", "identifier", "description"):
        assert table[name].tolist() == expected[name].tolist()
    np.testing.assert_allclose(table["pearsonr"], expected["pearsonr"], atol=2e-5)
    np.testing.assert_allclose(table["spearmanr"], expected["spearmanr"], atol=5e-5)
    np.testing.assert_allclose(table["r2"], expected["r2"], rtol=2e-5, atol=2e-5)
    # The original prints 0.12542: loss (with total_weight 1) and penalty together.
    assert table.attrs["loss"] + table.attrs["penalty"] == pytest.approx(0.12542, abs=1e-5)
    stepped = pd.read_csv(golden / "snp/eval_step.acc.txt", sep="\t")
    again = evaluate(human_model, data.with_options(shuffle=True), rank=True, step=8)
    np.testing.assert_allclose(again["spearmanr"], stepped["spearmanr"], atol=5e-5)
    check_examples(examples, human_model, data, table)


def test_ensemble_over_strands_and_shifts(human_model: keras.Model, golden: Path) -> None:
    data = open_dataset(HG38, "test", batch_size=2)
    averaged = ensemble(human_model, rc=True, shifts=[0, 1], strand_pair=data.strand_pair)
    table = evaluate(averaged, data)
    expected = pd.read_csv(golden / "snp/eval_rc_shifts.acc.txt", sep="\t")
    np.testing.assert_allclose(table["pearsonr"], expected["pearsonr"], atol=2e-5)
    np.testing.assert_allclose(table["r2"], expected["r2"], rtol=2e-5, atol=2e-5)


def check_examples(
    examples: Examples, model: keras.Model, data: object, table: pd.DataFrame
) -> None:
    """The windows shown are the best, the median and the worst, with their coordinates."""
    means = np.nanmean(examples.correlations, axis=1)
    best, median, worst = examples.windows(model, data, table)
    assert (best.label, median.label, worst.label) == ("best", "median", "worst")
    assert best.pearsonr == pytest.approx(means.max(), rel=1e-6)
    assert worst.pearsonr == pytest.approx(means.min(), rel=1e-6)
    place = data.windows.iloc[int(means.argmax())]
    assert (best.chrom, best.start, best.bin_width) == (place["chrom"], place["start"], 32)
    track = best.tracks[0]
    assert len(track.measured) == 2048
    recomputed = np.corrcoef(track.measured, track.predicted)[0, 1]
    assert track.pearsonr == pytest.approx(recomputed, abs=1e-5)
