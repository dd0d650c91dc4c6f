"""What a layer looks at, told against what it does when one position of its input changes."""

import keras
import numpy as np
import pytest

from whelp import layers as own
from whelp.adapters.houlsby import Houlsby
from whelp.adapters.ia3 import Ia3
from whelp.adapters.locon import Locon
from whelp.adapters.lora import Lora
from whelp.adapters.squeeze_excite import SqueezeExciteAdapter
from whelp.scoring.locality import POINTWISE, reach_of

CHANNELS = 4
Conv, Separable, Pool = (
    keras.layers.Conv1D,
    keras.layers.SeparableConv1D,
    keras.layers.MaxPooling1D,
)
# A layer and a length of its input. Strides and pools with and without a remainder.
LOCAL = {
    "conv": (lambda: Conv(3, 5, padding="same"), 24),
    "conv_even": (lambda: Conv(3, 6, padding="same"), 24),
    "conv_strided": (lambda: Conv(3, 5, strides=2, padding="same"), 24),
    "conv_strided_odd": (lambda: Conv(3, 5, strides=2, padding="same"), 25),
    "conv_stride_above_width": (lambda: Conv(3, 2, strides=3, padding="same"), 25),
    "conv_dilated": (lambda: Conv(3, 3, dilation_rate=4, padding="same"), 24),
    "conv_valid": (lambda: Conv(3, 4, padding="valid"), 24),
    "conv_valid_strided": (lambda: Conv(3, 4, strides=3, padding="valid"), 25),
    "conv_dilated_causal": (lambda: Conv(3, 4, dilation_rate=2, padding="causal"), 24),
    "separable": (lambda: Separable(3, 3, padding="same"), 24),
    "pool": (lambda: Pool(2, padding="same"), 24),
    "pool_remainder": (lambda: Pool(3, padding="same"), 25),
    "pool_valid": (lambda: Pool(2, padding="valid"), 25),
    "softmax_pool": (lambda: own.SoftmaxPool1D(3), 24),
    "wheeze_excite": (lambda: own.WheezeExcite(5), 24),
    "dense": (lambda: keras.layers.Dense(3), 24),
    "batch_norm": (lambda: keras.layers.BatchNormalization(), 24),
    "layer_norm": (lambda: keras.layers.LayerNormalization(), 24),
    "scale": (lambda: own.Scale(), 24),
    "gelu": (lambda: own.Gelu(), 24),
    "softmax_over_channels": (lambda: keras.layers.Activation("softmax"), 24),
    "houlsby": (lambda: Houlsby(latent=2), 24),
    "lora": (lambda: Lora(Separable(3, 5, padding="same"), rank=2), 24),
    "ia3": (lambda: Ia3(keras.layers.Dense(3)), 24),
    "locon": (lambda: Locon(Conv(3, 5, strides=2, padding="same"), rank=2), 24),
}
NOT_LOCAL = {
    "squeeze_excite": lambda: own.SqueezeExcite(rank=2),
    "squeeze_excite_adapter": lambda: SqueezeExciteAdapter(Conv(3, 5, padding="same"), rank=2),
    "global_context": lambda: own.GlobalContext(),
    "position": lambda: own.ConcatPosition(),
    "scale_along_length": lambda: own.Scale(axis=1),
    "layer_norm_over_length": lambda: keras.layers.LayerNormalization(axis=[1, 2]),
    "cropping": lambda: keras.layers.Cropping1D(2),
    "concatenate_lengths": lambda: keras.layers.Concatenate(axis=1),
    "flatten": lambda: keras.layers.Flatten(),
    "global_pool": lambda: keras.layers.GlobalAveragePooling1D(),
}


@pytest.mark.parametrize("name", LOCAL)
def test_a_changed_position_changes_what_looks_at_it_and_no_more(name):
    make, length = LOCAL[name]
    rng = np.random.default_rng(1)
    layer = make()
    x = rng.normal(size=(1, length, CHANNELS)).astype("float32")
    layer.build(x.shape)
    for weight in layer.weights:
        weight.assign(rng.uniform(0.1, 1, weight.shape))
    reach = reach_of(layer, x.shape)
    changed = np.repeat(x, length, axis=0)
    # Large, so that it becomes the maximum of a pool.
    changed[np.arange(length), np.arange(length)] += np.array([50, 60, 70, 85], "float32")
    outputs = keras.ops.convert_to_numpy(layer(np.concatenate([x, changed])))
    differs = (outputs[1:] != outputs[:1]).any(axis=2)
    first = np.arange(outputs.shape[1]) * reach.step - reach.before
    position = np.arange(length)[:, None]
    sees = (position >= first) & (position <= first + reach.before + reach.after)
    if name.startswith("conv_dilated"):
        assert not (differs & ~sees).any()
    else:
        assert (differs == sees).all()


@pytest.mark.parametrize("name", NOT_LOCAL)
def test_layers_that_are_not_local(name):
    assert reach_of(NOT_LOCAL[name](), (None, 24, CHANNELS)) is None


def test_maps_of_pairs_are_not_local():
    assert reach_of(keras.layers.Dense(3), (None, 8, 8, CHANNELS)) is None
    assert reach_of(keras.layers.Dense(3), (None, 8, CHANNELS)) == POINTWISE
