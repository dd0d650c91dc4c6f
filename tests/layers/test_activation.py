"""Activations by name."""

import math

import keras
import numpy as np
import pytest

from whelp.layers import activation_layer

VALUES = np.array([-3.0, -0.5, 0.0, 0.7, 2.0], "float32")


def gelu_tanh(x):
    return x / 2 * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


FORMULAS = {
    "relu": lambda x: max(x, 0.0),
    "polyrelu": lambda x: max(x, 0.0) ** 2,
    "gelu": gelu_tanh,
    "gelu_erf": lambda x: x / 2 * (1 + math.erf(x / math.sqrt(2))),
    "gelu_sigmoid": lambda x: x / (1 + math.exp(-1.702 * x)),
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "tanh": math.tanh,
    "exp": math.exp,
    "softplus": lambda x: math.log1p(math.exp(x)),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_activation_follows_its_formula_through_a_copy(name):
    layer = activation_layer(name, name="act")
    copy = keras.layers.deserialize(keras.layers.serialize(layer))
    expected = [FORMULAS[name](float(x)) for x in VALUES]
    for each in (layer, copy):
        assert each.name == "act"
        np.testing.assert_allclose(each(VALUES), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "least", "most"), [("gelu", 1e-4, 1e-3), ("gelu_sigmoid", 1e-2, 3e-2)]
)
def test_approximate_gelus_differ_from_the_exact_one(name, least, most):
    exact, approximate = activation_layer("gelu_erf"), activation_layer(name)
    far = np.abs(np.asarray(exact(VALUES)) - np.asarray(approximate(VALUES))).max()
    assert least < far < most


@pytest.mark.parametrize("name", [None, "linear"])
def test_identity_is_no_layer(name):
    assert activation_layer(name) is None


def test_unknown_name_gets_a_hint():
    with pytest.raises(ValueError, match="'gelu_exact'.*Did you mean 'gelu_erf'"):
        activation_layer("gelu_exact")
    with pytest.raises(ValueError, match="expected one of relu"):
        activation_layer(7)
