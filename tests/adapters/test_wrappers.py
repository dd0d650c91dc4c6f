"""Adapter layers by themselves: nothing changes at first, folding is exact, configs round-trip."""

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
FOLDING = {
    "lora": lambda: Lora(LAYERS.Dense(6, name="q"), rank=2),
    "rslora": lambda: Lora(LAYERS.Dense(6, name="q"), rank=4, rank_stabilized=True),
    "lora_separable": lambda: Lora(
        LAYERS.SeparableConv1D(6, 3, padding="same", use_bias=False, name="q"), rank=2
    ),
    "dora": lambda: Dora(LAYERS.Dense(6, name="q"), rank=2),
    "ia3": lambda: Ia3(LAYERS.Dense(6, name="k")),
    "ia3_separable": lambda: Ia3(LAYERS.SeparableConv1D(6, 3, padding="same", name="k")),
    "ia3_input": lambda: Ia3(LAYERS.Dense(6, activation="relu", name="down"), scale_input=True),
    "locon": lambda: Locon(LAYERS.Conv1D(6, 5, padding="same", name="c"), rank=2, alpha=3),
    "locon_strided": lambda: Locon(LAYERS.Conv1D(6, 4, strides=2, padding="same", name="c")),
    "locon_valid": lambda: Locon(LAYERS.Conv1D(6, 4, padding="valid", name="c")),
    "locon_dilated": lambda: Locon(LAYERS.Conv1D(6, 3, dilation_rate=2, padding="same", name="c")),
}
INSERTED = {
    "houlsby": lambda: Houlsby(None, latent=3, name="h"),
    "squeeze_excite": lambda: SqueezeExciteAdapter(LAYERS.Conv1D(6, 3, name="c"), rank=2),
}


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(size=(2, 12, 6)).astype("float32")


def randomize(layer):
    rng = np.random.default_rng(1)
    for variable in layer.weights:
        variable.assign(rng.normal(0.5, 0.5, variable.shape))


@pytest.mark.parametrize("name", FOLDING)
def test_nothing_changes_at_first(name, x):
    layer = FOLDING[name]()
    adapted = np.asarray(layer(x))
    np.testing.assert_allclose(adapted, np.asarray(layer.base(x)), atol=1e-6)


@pytest.mark.parametrize("name", FOLDING)
def test_folding_equals_the_adapter(name, x):
    layer = FOLDING[name]()
    layer(x)
    randomize(layer)
    adapted = np.asarray(layer(x))
    assert np.abs(adapted - np.asarray(layer.base(x))).max() > 0.1
    for key, value in layer.merged().items():
        next(v for v in layer.base.weights if v.name == key).assign(value)
    scale = np.abs(adapted).max()
    np.testing.assert_allclose(np.asarray(layer.base(x)), adapted, atol=1e-5 * scale)


@pytest.mark.parametrize("name", [*FOLDING, *INSERTED])
def test_configs_round_trip(name, x):
    layer = {**FOLDING, **INSERTED}[name]()
    layer(x)
    randomize(layer)
    again = type(layer).from_config(layer.get_config())
    again(x)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(np.asarray(again(x)), np.asarray(layer(x)))


@pytest.mark.parametrize("name", FOLDING)
def test_only_the_adapter_trains(name, x):
    layer = FOLDING[name]()
    layer(x)
    trained = {id(v) for v in layer.trainable_weights}
    assert trained == {id(v) for v in layer.weights} - {id(v) for v in layer.base.weights}


@pytest.mark.parametrize("name", INSERTED)
def test_what_does_not_fold_starts_near_the_identity(name, x):
    layer = INSERTED[name]()
    plain = x if name == "houlsby" else np.asarray(layer.base(x))
    assert not layer.folds
    np.testing.assert_allclose(np.asarray(layer(x)), plain, atol=1e-4)


@pytest.mark.parametrize("name", [*FOLDING, *INSERTED])
def test_mixed_precision(name, x):
    """The layer computes in the policy's dtype, and close to float32."""
    layer = {**FOLDING, **INSERTED}[name]()
    layer(x)
    randomize(layer)
    config = layer.get_config()
    config["dtype"] = "mixed_bfloat16"
    if "base" in config:
        config["base"]["config"]["dtype"] = "mixed_bfloat16"
    low = type(layer).from_config(config)
    low(x)
    low.set_weights(layer.get_weights())
    assert low(x).dtype in ("bfloat16", np.dtype("float32")) or "bfloat16" in str(low(x).dtype)
    expected = np.asarray(layer(x))
    found = np.asarray(keras.ops.cast(low(x), "float32"))
    assert np.abs(found - expected).max() <= 0.05 * np.abs(expected).max()


def test_impossible_adapters():
    with pytest.raises(ValueError, match="rank 9 .* 6 outputs"):
        Lora(LAYERS.Dense(6, name="q"), rank=9)
    with pytest.raises(ValueError, match="class Conv1D; 'q' is a Dense"):
        Locon(LAYERS.Dense(6, name="q"))
    with pytest.raises(ValueError, match="insertion point"):
        Lora(None)
    with pytest.raises(ValueError, match="linear layers"):
        Ia3(LAYERS.Dense(6, activation="relu", name="q"))
    with pytest.raises(ValueError, match="wrap no layer"):
        Houlsby(LAYERS.Dense(6))
