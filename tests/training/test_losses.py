"""Losses against the values of the original implementation."""

import json
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from whelp.training import losses

DEFAULTS = {"total_weight": 1, "weight_range": 1, "weight_exp": 1, "spec_weight": 1}


@pytest.fixture(scope="module")
def arrays(golden):
    return np.load(golden / "train" / "losses_metrics.npz")


@pytest.fixture(scope="module")
def cases(golden):
    return json.loads((golden / "train" / "losses_metrics.json").read_text())["losses"]


def make(case):
    return losses.make_loss(SimpleNamespace(loss=case["label"], **(DEFAULTS | case["args"])))


def data(arrays, label):
    suffix = "_binary" if label == "bce" else ""
    return arrays["y_true" + suffix], arrays["y_pred" + suffix]


def test_losses_equal_the_reference(arrays, cases):
    compared = 0
    for name, case in cases.items():
        if "mean" not in case or name == "unknown_label":
            continue
        loss = make(case)
        y_true, y_pred = data(arrays, case["label"])
        mean = keras.ops.convert_to_numpy(loss(y_true, y_pred))
        np.testing.assert_allclose(mean, case["mean"], rtol=1e-6, err_msg=name)
        each = keras.ops.convert_to_numpy(
            loss.call(*map(keras.ops.convert_to_tensor, (y_true, y_pred)))
        )
        expected = arrays[f"loss_none|{name}"]
        np.testing.assert_allclose(
            each, expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max(), err_msg=name
        )
        compared += 1
    assert compared == 25


@pytest.mark.parametrize(
    ("key", "length", "kwargs"),
    [
        ("rescaleFalse", None, {"rescale": False}),
        ("rescaleTrue", None, {"rescale": True}),
        ("len23_wr9_we4", 23, {"weight_range": 9, "weight_exp": 4}),
    ],
)
def test_poisson_multinomial_function(arrays, key, length, kwargs):
    y_true, y_pred = arrays["y_true"][:, :length], arrays["y_pred"][:, :length]
    out = keras.ops.convert_to_numpy(
        losses.poisson_multinomial(y_true, y_pred, total_weight=0.2, **kwargs)
    )
    np.testing.assert_allclose(out, arrays[f"fn|poisson_multinomial_{key}"], rtol=2e-6)


def test_gradient_of_poisson_multinomial(arrays):
    """One step of plain gradient descent on the predictions themselves shows the gradient."""
    y_true, y_pred = arrays["y_true"], arrays["y_pred"]
    model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Embedding(3, y_pred[0].size)])
    model.add(keras.layers.Reshape(y_pred[0].shape))
    model.layers[0].set_weights([y_pred.reshape(3, -1)])
    model.compile("sgd", losses.PoissonMultinomial(0.2, weight_range=1))
    model.optimizer.learning_rate = 1.0
    model.train_on_batch(np.arange(3)[:, np.newaxis], y_true)
    gradient = y_pred - model.layers[0].get_weights()[0].reshape(y_pred.shape)
    expected = arrays["grad|poisson_mn_tw0.2"]
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("logit", [-40.0, -60.0, -90.0, -200.0])
def test_a_track_without_counts_or_predictions_does_not_break_training(logit):
    """Nothing was measured, so predictions fall until a window's total is all but 0."""
    model = keras.Sequential([keras.layers.Input((64, 1)), keras.layers.Dense(2)])
    model.add(keras.layers.Activation("softplus"))
    model.layers[0].set_weights([np.zeros((1, 2)), np.array([logit, 0.0])])
    model.compile("sgd", losses.PoissonMultinomial(0.2))
    y = np.stack([np.zeros(64), np.ones(64)], axis=-1)[np.newaxis].astype("float32")
    before = model.train_on_batch(np.ones((1, 64, 1), "float32"), y)
    assert np.isfinite(before)
    kernel, bias = model.layers[0].get_weights()
    assert np.isfinite(kernel).all() and np.isfinite(bias).all()
    assert np.any(kernel[:, 1] != 0)


def test_bad_choices_are_refused():
    with pytest.raises(ValueError, match="unknown loss 'huber'.*poisson_mn"):
        losses.make_loss(SimpleNamespace(loss="huber"))
    with pytest.raises(ValueError, match="weight_range must be at least 1, received 0.5"):
        losses.PoissonMultinomial(weight_range=0.5)


@pytest.mark.parametrize(
    "loss",
    [
        losses.PoissonMultinomial(0.3, weight_range=9, weight_exp=6, reduction="none"),
        losses.PoissonKL(0.3),
        losses.MeanSquaredErrorUDot(0.7),
        losses.BinaryCrossentropy(),
    ],
)
def test_config_rebuilds_the_loss(loss, arrays):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert again.get_config() == loss.get_config()
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(again(arrays["y_true"], arrays["y_pred"])),
        keras.ops.convert_to_numpy(loss(arrays["y_true"], arrays["y_pred"])),
    )


def test_sample_weights_of_an_idle_head_give_zero(arrays):
    y_true, y_pred = arrays["y_true"], arrays["y_pred"]
    for label in ("poisson", "poisson_mn", "poisson_kl", "mse", "mse_udot", "bce"):
        loss = make({"label": label, "args": {}})
        whole = loss(*data(arrays, label), np.ones((3, 1), np.float32))
        plain = loss(*data(arrays, label))
        np.testing.assert_allclose(float(whole), float(plain), rtol=1e-6)
        assert float(loss(np.zeros_like(y_true), np.abs(y_pred), np.zeros((3, 1)))) == 0.0
