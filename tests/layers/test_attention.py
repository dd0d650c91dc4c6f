"""Attention with relative positions: its options, its two ways, its config."""

import keras
import numpy as np
import pytest

from whelp.layers import MultiheadAttention

to_numpy = keras.ops.convert_to_numpy
RNG = np.random.default_rng(7)
X = RNG.normal(size=(2, 32, 16)).astype("float32")


def make(features=8, *, gate=None, position=True, **options):
    def dense(units, **kwargs):
        return keras.layers.Dense(units, use_bias=False, **kwargs)

    return MultiheadAttention(
        options.pop("query", None) or dense(24, name="q"),
        dense(24, name="k"),
        value=dense(16, name="v"),
        output=keras.layers.Dense(16, name="out"),
        position=dense(24, name="r") if position and features else None,
        gate=gate,
        heads=4,
        key_size=6,
        value_size=4,
        num_position_features=features,
        **options,
    )


def randomise(layer):
    layer.set_weights([RNG.normal(size=w.shape) * 0.5 for w in layer.weights])


OPTIONS = [
    {},
    {"content_position_bias": False},
    {"symmetric": True, "features": 7},
    {"seqlen_train": 8},
    {"seqlen_train": 4096},
    {"scaling": False},
    {"features": 0},
    {"features": 12, "position_features": "enformer"},
    {"features": 6, "position_features": "enformer_pytorch", "symmetric": True, "seqlen_train": 9},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_prediction_equals_training_without_dropout(options):
    layer = make(**options)
    layer(X)
    randomise(layer)
    predicted = to_numpy(layer(X, training=False))
    trained = to_numpy(layer(X, training=True))
    np.testing.assert_allclose(predicted, trained, atol=5e-6)


def test_attention_by_hand():
    layer = make(features=0)
    layer(X)
    randomise(layer)
    content, _, query, key, value, kernel, bias = layer.get_weights()
    split = {"q": X @ query / 6**0.5, "k": X @ key, "v": X @ value}
    heads = {name: a.reshape(2, 32, 4, -1).transpose(0, 2, 1, 3) for name, a in split.items()}
    logits = np.einsum("bhik,bhjk->bhij", heads["q"] + content, heads["k"])
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    attended = np.einsum("bhij,bhjv->bihv", weights, heads["v"]).reshape(2, 32, 16)
    np.testing.assert_allclose(to_numpy(layer(X)), attended @ kernel + bias, atol=2e-5)


def test_biases_exist_without_positions():
    layer = make(features=0)
    layer(X)
    shapes = [tuple(weight.shape) for weight in layer.weights]
    assert shapes[:2] == [(1, 4, 1, 6), (1, 4, 1, 6)]
    assert len(shapes) == 7
    first, second = layer.get_weights()[:2]
    assert not np.array_equal(first, second)


def test_gate_multiplies_by_a_sigmoid():
    gate = keras.layers.Dense(16, kernel_initializer="zeros", bias_initializer="zeros", name="g")
    gated, plain = make(gate=gate), make()
    gated(X)
    plain(X)
    for name, layer in plain.projections.items():
        gated.projections[name].set_weights(layer.get_weights())
    gated.r_w_bias.assign(plain.r_w_bias)
    gated.r_r_bias.assign(plain.r_r_bias)
    np.testing.assert_allclose(to_numpy(gated(X)), to_numpy(plain(X)) / 2, atol=1e-6)


def test_position_dropout_acts_in_training_only():
    layer = make(position_dropout=0.5, seed=3)
    layer(X)
    randomise(layer)
    still = to_numpy(layer(X, training=False))
    first, second = (to_numpy(layer(X, training=True)) for _ in range(2))
    assert np.abs(first - still).max() > 1e-3
    assert np.abs(first - second).max() > 1e-3
    np.testing.assert_array_equal(to_numpy(layer(X, training=False)), still)


def test_attention_dropout_repeats_from_one_seed_state():
    layer = make(attention_dropout=0.5, seed=3)
    layer(X)
    state = to_numpy(layer.seed_generator.state)
    first = to_numpy(layer(X, training=True))
    layer.seed_generator.state.assign(state)
    np.testing.assert_array_equal(to_numpy(layer(X, training=True)), first)


def test_separable_projections():
    query = keras.layers.SeparableConv1D(24, 3, padding="same", use_bias=False)
    layer = make(query=query)
    assert layer(X).shape == (2, 32, 16)


def test_saved_model_predicts_the_same(tmp_path):
    inputs = keras.Input((32, 16))
    options = {"features": 12, "position_features": "enformer", "seqlen_train": 64}
    layer = make(position_dropout=0.1, content_position_bias=False, name="mha", **options)
    model = keras.Model(inputs, layer(inputs))
    randomise(layer)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    expected = to_numpy(model(X))
    np.testing.assert_array_equal(to_numpy(loaded(X)), expected)
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    np.testing.assert_array_equal(to_numpy(clone(X)), expected)
    assert clone.get_layer("mha").query_layer is not layer.query_layer


def test_half_precision_policy():
    with_policy = [
        keras.layers.Dense(units, use_bias=False, dtype="mixed_bfloat16") for units in (24, 24, 16)
    ]
    layer = MultiheadAttention(
        *with_policy[:2],
        value=with_policy[2],
        output=keras.layers.Dense(16, dtype="mixed_bfloat16"),
        position=keras.layers.Dense(24, use_bias=False, dtype="mixed_bfloat16"),
        heads=4,
        key_size=6,
        value_size=4,
        num_position_features=8,
        dtype="mixed_bfloat16",
    )
    for training in (False, True):
        output = layer(X, training=training)
        assert keras.backend.standardize_dtype(output.dtype) == "bfloat16"
    assert all(weight.dtype == "float32" for weight in layer.trainable_weights)


def test_odd_features_are_refused():
    with pytest.raises(ValueError, match="num_position_features must be even, got 7"):
        make(features=7)


def test_missing_position_layer_is_named():
    with pytest.raises(ValueError, match="no position layer"):
        make(position=False)


def test_training_step_moves_every_weight():
    inputs = keras.Input((32, 16))
    layer = make(position_dropout=0.1, attention_dropout=0.1)
    model = keras.Model(inputs, layer(inputs))
    model.compile("sgd", "mse")
    before = layer.get_weights()
    model.fit(X, X, epochs=1, verbose=0)
    for old, new, weight in zip(before, layer.get_weights(), layer.weights, strict=True):
        assert not np.array_equal(old, new), weight.path
