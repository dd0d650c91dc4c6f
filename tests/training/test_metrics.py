"""Metrics against the values of the original implementation, and their behaviour in training."""

import json

import keras
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from whelp.training import metrics

to_numpy = keras.ops.convert_to_numpy


@pytest.fixture(scope="module")
def arrays(golden):
    return np.load(golden / "train" / "losses_metrics.npz")


@pytest.fixture(scope="module")
def expected(golden):
    return json.loads((golden / "train" / "losses_metrics.json").read_text())["metrics"]


MAKERS = {
    "pearsonr": metrics.PearsonR,
    "r2": metrics.R2,
    "seqauc_ROC": lambda n, **kw: metrics.SeqAUC(n, curve="ROC", **kw),
    "seqauc_PR": lambda n, **kw: metrics.SeqAUC(n, curve="PR", **kw),
}


def close(actual, wanted):
    wanted = np.asarray(wanted)
    np.testing.assert_allclose(actual, wanted, rtol=1e-6, atol=1e-6 * np.abs(wanted).max())


@pytest.mark.parametrize("summarize", [True, False])
@pytest.mark.parametrize("name", ["pearsonr", "r2"])
def test_regression_metrics_equal_the_reference(name, summarize, arrays, expected):
    metric = MAKERS[name](5, summarize=summarize)
    metric.update_state(arrays["y_true"], arrays["y_pred"])
    metric.update_state(arrays["y_true2"], arrays["y_pred2"])
    close(to_numpy(metric.result()), expected[f"{name}_s{summarize}"])
    metric.reset_state()
    metric.update_state(arrays["y_true"], arrays["y_pred_const2"])
    close(to_numpy(metric.result()), expected[f"{name}_const_s{summarize}"])


@pytest.mark.parametrize("summarize", [True, False])
@pytest.mark.parametrize("curve", ["ROC", "PR"])
def test_areas_equal_the_reference(curve, summarize, arrays, expected):
    metric = MAKERS[f"seqauc_{curve}"](5, summarize=summarize)
    for _ in range(2):
        metric.reset_state()
        metric.update_state(arrays["y_true_binary"], arrays["y_pred_binary"])
        close(to_numpy(metric.result()), expected[f"seqauc_{curve}_s{summarize}"])


def test_two_dimensional_targets(arrays, expected):
    metric = metrics.PearsonR(5, summarize=False)
    metric.update_state(arrays["y_true"][:, 0], arrays["y_pred"][:, 0])
    by_hand = [
        np.corrcoef(arrays["y_true"][:, 0, t], arrays["y_pred"][:, 0, t])[0, 1] for t in range(5)
    ]
    np.testing.assert_allclose(to_numpy(metric.result()), by_hand, rtol=1e-4)


def test_hand_computed_values():
    y_true = np.array([[0, 1], [1, 1], [2, 4]], np.float32)[np.newaxis]
    y_pred = np.array([[1, 2], [2, 2], [3, 2]], np.float32)[np.newaxis]
    pearson, r2 = metrics.PearsonR(2, summarize=False), metrics.R2(2, summarize=False)
    pearson.update_state(y_true, y_pred)
    r2.update_state(y_true, y_pred)
    np.testing.assert_allclose(to_numpy(pearson.result()), [1, 0], atol=1e-6)
    np.testing.assert_allclose(to_numpy(r2.result()), [1 - 3 / 2, 1 - 6 / 6], atol=1e-6)


@pytest.mark.parametrize("level", [0.0, 0.3, 1234.5])
@pytest.mark.parametrize("name", ["pearsonr", "r2"])
def test_a_silent_track_is_nan_and_leaves_the_mean_alone(name, level):
    rng = np.random.default_rng(0)
    y_true = rng.gamma(2, size=(4, 100, 3)).astype(np.float32)
    y_pred = rng.gamma(2, size=(4, 100, 3)).astype(np.float32)
    alone = MAKERS[name](3, summarize=False)
    alone.update_state(y_true, y_pred)
    y_true[..., 1] = level
    vector, mean = MAKERS[name](3, summarize=False), MAKERS[name](3)
    vector.update_state(y_true, y_pred)
    mean.update_state(y_true, y_pred)
    np.testing.assert_array_equal(np.isnan(to_numpy(vector.result())), [False, True, False])
    np.testing.assert_allclose(
        float(mean.result()), to_numpy(alone.result())[[0, 2]].mean(), rtol=1e-5
    )
    mean.reset_state()
    mean.update_state(np.full_like(y_true, level), y_pred)
    assert np.isnan(float(mean.result()))


@pytest.mark.parametrize("name", ["pearsonr", "r2"])
def test_predictions_that_are_no_numbers_give_nan(name):
    metric = MAKERS[name](2)
    metric.update_state(np.random.default_rng(0).random((2, 9, 2)), np.full((2, 9, 2), np.nan))
    assert np.isnan(float(metric.result()))


@pytest.mark.parametrize("curve", ["ROC", "PR"])
def test_tracks_without_positives_are_left_out(curve):
    rng = np.random.default_rng(1)
    y_true = (rng.random((2, 500, 2)) < 0.3).astype(np.float32)
    y_pred = np.clip(y_true * 0.2 + rng.random(y_true.shape) * 0.8, 0, 1)
    y_true[..., 1] = 0
    vector = metrics.SeqAUC(2, curve=curve, summarize=False)
    mean = metrics.SeqAUC(2, curve=curve)
    for metric in (vector, mean):
        metric.update_state(y_true, y_pred)
    values = to_numpy(vector.result())
    assert np.isnan(values[1])
    assert float(mean.result()) == values[0]
    if curve == "ROC":
        exact = roc_auc_score(y_true[..., 0].ravel(), y_pred[..., 0].ravel())
        assert abs(values[0] - exact) < 2e-3


@pytest.mark.parametrize("name", list(MAKERS))
@pytest.mark.parametrize("shape", [(4,), (4, 1), (4, 20)])
def test_weight_zero_leaves_out(name, shape):
    rng = np.random.default_rng(2)
    y_true = (rng.random((4, 20, 3)) < 0.4).astype(np.float32)
    y_pred = rng.random((4, 20, 3)).astype(np.float32)
    weights = np.ones(shape, np.float32)
    weights[1] = 0
    kept = [0, 2, 3]
    wanted, metric = MAKERS[name](3, summarize=False), MAKERS[name](3, summarize=False)
    wanted.update_state(y_true[kept], y_pred[kept])
    if name in ("pearsonr", "r2"):
        y_true[1] = np.inf
    metric.update_state(y_true, y_pred, weights)
    np.testing.assert_allclose(to_numpy(metric.result()), to_numpy(wanted.result()), rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "float64", "int32"])
def test_number_types(dtype):
    y_true = np.arange(24).reshape(2, 4, 3).astype(dtype)
    metric = metrics.PearsonR(3)
    metric.update_state(y_true, (2 * y_true).astype("float32"))
    assert abs(float(metric.result()) - 1) < 1e-5


def test_in_fit_with_two_outputs_and_float16():
    inputs = keras.Input((6, 4), dtype="float32")
    hidden = keras.layers.Dense(3, dtype="mixed_float16")(inputs)
    outputs = {
        name: keras.layers.Dense(n, activation="sigmoid", name=name, dtype="float32")(hidden)
        for name, n in (("human", 2), ("mouse", 3))
    }
    model = keras.Model(inputs, outputs)
    per_head = {
        "human": [metrics.PearsonR(2), metrics.R2(2)],
        "mouse": [metrics.SeqAUC(3, curve=curve) for curve in ("ROC", "PR")],
    }
    model.compile("sgd", "mse", weighted_metrics=per_head)
    rng = np.random.default_rng(0)
    targets = {
        "human": rng.random((8, 6, 2)).astype("float16"),
        "mouse": rng.integers(0, 2, (8, 6, 3)),
    }
    weights = {name: np.ones((8, 1), np.float32) for name in targets}
    history = model.fit(rng.random((8, 6, 4)), targets, sample_weight=weights, verbose=0).history
    for key in ("human_pearsonr", "human_r2", "mouse_auroc", "mouse_auprc"):
        assert np.isfinite(history[key]).all(), key


@pytest.mark.parametrize("name", list(MAKERS))
def test_config_rebuilds_the_metric(name):
    metric = MAKERS[name](4, summarize=False)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
    assert again.get_config() == metric.get_config()


def test_unknown_curve_is_refused():
    with pytest.raises(ValueError, match='"ROC" or "PR", received \'roc\''):
        metrics.SeqAUC(3, curve="roc")
