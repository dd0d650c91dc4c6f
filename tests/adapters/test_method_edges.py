"""Adapters at unusual layers: folded rightly, or refused."""

import h5py
import keras
import numpy as np
import pytest

from whelp.adapters.dora import Dora
from whelp.adapters.houlsby import Houlsby
from whelp.adapters.ia3 import Ia3
from whelp.adapters.locon import Locon
from whelp.adapters.lora import Lora
from whelp.adapters.squeeze_excite import SqueezeExciteAdapter

LAYERS = keras.layers
X = np.random.default_rng(5).normal(size=(2, 12, 6)).astype("float32")


def randomise(layer):
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(0.3, 0.5, weight.shape) for weight in layer.weights])


def test_houlsby_equals_reference(golden):
    folder = golden / "blocks" / "direct"
    layer = Houlsby(latent=5)
    with np.load(folder / "AdapterHoulsby.npz") as arrays:
        x, expected = arrays["x"], arrays["y"]
    layer(x)
    with h5py.File(folder / "AdapterHoulsby.h5") as file:
        group = file["model_weights/adapter_houlsby"]
        layer.set_weights([group[path][()] for path in group.attrs["weight_names"]])
    np.testing.assert_allclose(np.asarray(layer(x)), expected, atol=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {"padding": "causal", "dilation_rate": 2},
        {"padding": "causal", "strides": 2},
        {"padding": "same", "strides": 3},
        {"padding": "valid", "strides": 2, "use_bias": False},
    ],
    ids=str,
)
def test_locon_folds(options):
    layer = Locon(LAYERS.Conv1D(5, 4, name="c", **options), rank=3, alpha=2)
    layer(X)
    randomise(layer)
    adapted = np.asarray(layer(X))
    layer.base.kernel.assign(layer.merged()["kernel"])
    np.testing.assert_allclose(
        np.asarray(layer.base(X)), adapted, atol=1e-5 * np.abs(adapted).max()
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda: Lora(LAYERS.Dense(6, activation="softplus", name="q")),
        lambda: Lora(LAYERS.SeparableConv1D(6, 3, activation="relu", name="q"), rank=2),
        lambda: Locon(LAYERS.Conv1D(6, 3, activation="relu", name="q")),
        lambda: Ia3(LAYERS.Dense(6, activation="relu", name="q")),
    ],
)
def test_layers_with_activations_are_refused(make):
    with pytest.raises(ValueError, match=r"'q' (is a|ends in the activation)|rank"):
        make()


def test_activation_is_named_before_the_rank():
    with pytest.raises(ValueError, match="'q' ends in the activation 'softplus'"):
        Lora(LAYERS.Dense(6, activation="softplus", name="q"), rank=99)


def test_dora_folds_before_an_activation():
    layer = Dora(LAYERS.Dense(6, activation="softplus", name="q"), rank=2)
    layer(X)
    randomise(layer)
    adapted = np.asarray(layer(X))
    layer.base.kernel.assign(layer.merged()["kernel"])
    np.testing.assert_allclose(np.asarray(layer.base(X)), adapted, atol=1e-5)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_dora_bears_a_kernel_of_zeros(policy):
    base = LAYERS.Dense(6, kernel_initializer="zeros", name="q", dtype=policy)
    layer = Dora(base, rank=2, dtype=policy)
    assert not np.asarray(keras.ops.cast(layer(X), "float32")).any()


def test_groups_are_refused():
    with pytest.raises(ValueError, match="'c' convolves them in 2 groups"):
        Locon(LAYERS.Conv1D(6, 3, groups=2, name="c"))


def test_empty_bottlenecks_are_refused():
    with pytest.raises(ValueError, match="at least 1 wide, got 0"):
        Houlsby(latent=0)
    with pytest.raises(ValueError, match="at least 1 wide, got 0"):
        SqueezeExciteAdapter(LAYERS.Conv1D(6, 3), rank=0)
