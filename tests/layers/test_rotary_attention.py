"""Rotary attention against its definition, its config, and numbers that do not fit."""

import keras
import numpy as np
import pytest

from whelp.layers import RotaryAttention

to_numpy = keras.ops.convert_to_numpy
X = np.random.default_rng(7).normal(size=(2, 12, 10)).astype("float32")


def make(**options):
    options = {"heads": 4, "kv_heads": 2, "size": 6, "rotary_size": 4, **options}
    width, kv_width = (options[name] * options["size"] for name in ("heads", "kv_heads"))
    layer = RotaryAttention(
        keras.layers.Dense(width, name="q"),
        keras.layers.Dense(kv_width, name="k"),
        keras.layers.Dense(kv_width, name="v"),
        keras.layers.Dense(10, name="out"),
        **options,
    )
    layer.build(X.shape)
    random = np.random.default_rng(1)
    layer.set_weights([random.normal(size=w.shape) * 0.5 for w in layer.weights])
    return layer


def attend(layer, x):
    """The definition, pair by pair: features n and n + rotary_size / 2 are a complex number."""
    weights = {name: [to_numpy(w) for w in p.weights] for name, p in layer.projections.items()}
    half, size = layer.rotary_size // 2, layer.size

    def project(name, at, head):
        kernel, bias = weights[name]
        return (at @ kernel + bias)[head * size : (head + 1) * size].astype("float64")

    def turn(vector, position):
        turned = vector.copy()
        for n in range(half):
            speed = layer.base ** (-2 * n / layer.rotary_size)
            pair = (vector[n] + 1j * vector[n + half]) * np.exp(1j * position * speed)
            turned[n], turned[n + half] = pair.real, pair.imag
        return turned

    out = np.zeros((len(x), layer.heads * size))
    for head in range(layer.heads):
        shared = head * layer.kv_heads // layer.heads
        for i, query in enumerate(x):
            q = turn(project("query", query, head), i)
            logits = [q @ turn(project("key", k, shared), j) for j, k in enumerate(x)]
            shares = np.exp(np.array(logits) / np.sqrt(size))
            values = [project("value", v, shared) for v in x]
            attended = shares @ np.array(values) / shares.sum()
            out[i, head * size : (head + 1) * size] = attended
    kernel, bias = weights["output"]
    return out @ kernel + bias


@pytest.mark.parametrize(
    "options", [{}, {"kv_heads": 4}, {"kv_heads": 1, "rotary_size": 6}, {"base": 20_000.0}], ids=str
)
def test_definition(options):
    layer = make(**options)
    expected = np.stack([attend(layer, x) for x in X])
    np.testing.assert_allclose(to_numpy(layer(X)), expected, rtol=1e-5, atol=1e-5)


def test_config_rebuilds_it():
    layer = make(base=500.0, attention_dropout=0.25)
    again = RotaryAttention.from_config(layer.get_config())
    again.build(X.shape)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(to_numpy(again(X)), to_numpy(layer(X)))
    assert again.attention_dropout == 0.25


def test_dropout_acts_in_training_only():
    layer = make(attention_dropout=0.5)
    first, second = (to_numpy(layer(X, training=True)) for _ in range(2))
    assert np.abs(first - second).max() > 1e-3
    np.testing.assert_array_equal(to_numpy(layer(X)), to_numpy(make()(X)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kv_heads": 3}, "kv_heads must divide heads, 4; received 3"),
        ({"rotary_size": 3}, "even number of a head's 6 features; received 3"),
        ({"rotary_size": 8}, "even number of a head's 6 features; received 8"),
    ],
)
def test_numbers_that_do_not_fit(options, message):
    with pytest.raises(ValueError, match=message):
        make(**options)
