"""Layers against the reference's own outputs, with the reference's own weights."""

import keras
import pytest

from whelp.layers import (
    LengthAverage,
    MultiheadAttention,
    Scale,
    SoftmaxPool1D,
    Softplus,
    SqueezeExcite,
)


def make_attention(output=None, **options):
    def dense(units):
        return keras.layers.Dense(units, use_bias=False)

    return MultiheadAttention(
        dense(24),
        dense(24),
        value=dense(16),
        output=output or keras.layers.Dense(16),
        position=dense(24),
        heads=4,
        key_size=6,
        value_size=4,
        num_position_features=6,
        **options,
    )


LAYERS = {
    "Scale": lambda: Scale(),
    "Scale_axis12": lambda: Scale([1, 2]),
    "LengthAverage": lambda: LengthAverage(),
    "SoftmaxPool1D_perchannel": lambda: SoftmaxPool1D(4, per_channel=True),
    "SqueezeExcite_default": lambda: SqueezeExcite(),
    "SqueezeExcite_additive": lambda: SqueezeExcite("gelu", additive=True, rank=4),
    "SqueezeExcite_transfer": lambda: SqueezeExcite(None, rank=4, use_bias=False, scale_fun="tanh"),
    "SqueezeExcite_2d": lambda: SqueezeExcite("relu", rank=4),
    "MultiheadAttention_symmetric": lambda: make_attention(symmetric=True),
    "MultiheadAttention_noscale": lambda: make_attention(scaling=False),
    "MultiheadAttention_transpose2": lambda: make_attention(
        keras.layers.Conv1DTranspose(16, 3, strides=2, padding="same")
    ),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layer_equals_reference(name, check_direct):
    check_direct(LAYERS[name](), name)


def test_softplus_equals_reference(check_direct):
    check_direct(Softplus(), "Softplus", scale=20000.0)


@pytest.mark.parametrize("name", [name for name in LAYERS if name != "LengthAverage"])
def test_copy_by_config_equals_reference(name, check_direct):
    layer = LAYERS[name]()
    check_direct(type(layer).from_config(layer.get_config()), name)
