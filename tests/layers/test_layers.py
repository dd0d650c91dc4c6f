"""Small layers with answers that a person can compute."""

import keras
import numpy as np
import pytest

from whelp.layers import (
    CenterAverage,
    CenterSlice,
    ConcatDist2D,
    ConcatPosition,
    Exp,
    FactorInverse,
    Gelu,
    GlobalContext,
    LengthAverage,
    OneToTwo,
    PolyReLU,
    Scale,
    SoftmaxPool1D,
    Softplus,
    SqueezeExcite,
    Symmetrize2D,
    UpperTri,
    WheezeExcite,
)

RNG = np.random.default_rng(3)
SEQUENCE = RNG.normal(size=(2, 12, 8)).astype("float32")
MAP = RNG.normal(size=(2, 6, 6, 8)).astype("float32")


def run(layer, *inputs):
    return keras.ops.convert_to_numpy(layer(*inputs))


LAYERS = [
    (CenterAverage(5), SEQUENCE),
    (CenterSlice(5), SEQUENCE),
    (ConcatDist2D(), MAP),
    (ConcatPosition("abs", 0.5), SEQUENCE),
    (Exp(), SEQUENCE),
    (Gelu(approximate=False), SEQUENCE),
    (GlobalContext(), SEQUENCE),
    (OneToTwo("max"), SEQUENCE),
    (PolyReLU(), SEQUENCE),
    (Scale((1, 2), "ones"), SEQUENCE),
    (SoftmaxPool1D(3, per_channel=True, init_gain=1.0), SEQUENCE),
    (Softplus(1.0), SEQUENCE),
    (SqueezeExcite("gelu", additive=True, bottleneck_ratio=4), SEQUENCE),
    (SqueezeExcite(None, rank=3, use_bias=False, scale_fun="tanh"), MAP),
    (Symmetrize2D(), MAP),
    (UpperTri(3), MAP),
    (WheezeExcite(3), SEQUENCE),
]


@pytest.mark.parametrize("layer, x", LAYERS, ids=lambda value: getattr(value, "name", ""))
def test_saved_layer_answers_the_same(layer, x, tmp_path):
    inputs = keras.Input(x.shape[1:])
    copy = type(layer).from_config({**layer.get_config(), "name": "layer"})
    model = keras.Model(inputs, copy(inputs))
    assert model.output_shape == (None, *run(copy, x).shape[1:])
    model.set_weights([RNG.normal(size=w.shape) for w in model.weights])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(run(loaded, x), run(model, x))
    assert loaded.get_layer("layer").get_config() == copy.get_config()


@pytest.mark.parametrize("layer, x", LAYERS, ids=lambda value: getattr(value, "name", ""))
def test_half_precision(layer, x):
    config = {**layer.get_config(), "dtype": "mixed_bfloat16"}
    output = type(layer).from_config(config)(x)
    assert keras.backend.standardize_dtype(output.dtype) == "bfloat16"


def test_scale_starts_at_zero_and_broadcasts_along_its_axis():
    assert not run(Scale(), SEQUENCE).any()
    layer = Scale(1, initializer="ones")
    layer(SEQUENCE)
    layer.set_weights([np.arange(12)])
    np.testing.assert_allclose(run(layer, SEQUENCE), SEQUENCE * np.arange(12)[:, None])
    with pytest.raises(ValueError, match="distinct axes"):
        Scale([2, -1])(SEQUENCE)
    with pytest.raises(TypeError, match="axis must be an integer"):
        Scale("1")


def test_softplus_clips():
    x = np.array([[0.0, 1.0, 5e4, -5e4]], "float32")
    expected = [[np.log(2), np.log1p(np.e), 10000, 0]]
    np.testing.assert_allclose(run(Softplus(), x), expected, rtol=1e-6)


def test_centre():
    x = np.arange(7.0, dtype="float32").reshape(1, 7, 1)
    np.testing.assert_array_equal(run(CenterSlice(4), x)[0, :, 0], [1, 2, 3, 4])
    np.testing.assert_array_equal(run(CenterAverage(4), x), [[[2.5]]])
    with pytest.raises(ValueError, match="cannot keep 8 positions of a sequence of 7"):
        CenterSlice(8)(x)


def test_length_average_counts_known_bases():
    sequence = np.zeros((1, 4, 5), "float32")
    sequence[0, [0, 1], [2, 3]] = 1
    sequence[0, :, 4] = 9
    x = np.array([[[2.0], [6.0]]], "float32")
    np.testing.assert_allclose(run(LengthAverage(), x, sequence), [[2.0]])


def test_one_to_two():
    x = np.array([[[1.0], [2.0], [4.0]]], "float32")
    a, b = x[:, None, :, 0], x[:, :, None, 0]
    expected = {
        "mean": (a + b) / 2,
        "max": np.maximum(a, b),
        "multiply": a * b,
        "multiply1": (a + 1) * (b + 1) - 1,
    }
    for operation, value in expected.items():
        np.testing.assert_allclose(run(OneToTwo(operation), x)[..., 0], value)
    both = run(OneToTwo("concat"), x)
    np.testing.assert_array_equal(both[0, 0, 2], [4, 1])
    assert run(OneToTwo("multipy"), x).shape == (1, 3, 3, 1, 2)
    with pytest.raises(ValueError, match="Did you mean 'multiply'"):
        OneToTwo("multiplly")


def test_positions():
    x = np.zeros((1, 5, 1), "float32")
    np.testing.assert_array_equal(run(ConcatPosition(), x)[0, :, 0], [-3, -2, -1, 0, 1])
    np.testing.assert_array_equal(run(ConcatPosition("reversed"), x)[0, :, 0], [1, 0, -1, -2, -3])
    np.testing.assert_array_equal(run(ConcatPosition("abs", 2), x)[0, :, 0], [9, 4, 1, 0, 1])
    with pytest.raises(ValueError, match="transform must be"):
        ConcatPosition("absolute")
    with pytest.raises(ValueError, match="whole power"):
        ConcatPosition(None, 0.5)


def test_maps():
    x = np.arange(9.0, dtype="float32").reshape(1, 3, 3, 1)
    np.testing.assert_array_equal(run(ConcatDist2D(), x)[0, 0, :, 1], [0, 1, 2])
    symmetric = run(Symmetrize2D(), x)
    np.testing.assert_array_equal(symmetric[0, :, :, 0], [[0, 2, 4], [2, 4, 6], [4, 6, 8]])
    np.testing.assert_array_equal(run(UpperTri(1), symmetric)[0, :, 0], [2, 4, 6])
    np.testing.assert_array_equal(run(UpperTri(1), x)[0, :, 0], [3, 6, 7])
    with pytest.raises(ValueError, match="diagonal_offset 3 leaves nothing"):
        UpperTri(3)(x)


def test_softmax_pool_weighs_one_position_a_window():
    x = np.array([[[0.0], [np.log(3.0)]]], "float32")
    np.testing.assert_allclose(run(SoftmaxPool1D(2, init_gain=0.0), x), [[[np.log(3.0) / 2]]])
    layer = SoftmaxPool1D(2, init_gain=1.0)
    np.testing.assert_allclose(run(layer, x), [[[np.log(3.0) * 0.75]]], rtol=1e-6)
    with pytest.raises(ValueError, match="pool_size 5 does not divide the length 12"):
        SoftmaxPool1D(5)(SEQUENCE)


def test_squeeze_excite_bottleneck():
    by_ratio, by_rank = SqueezeExcite(bottleneck_ratio=4), SqueezeExcite(rank=2)
    for layer in (by_ratio, by_rank):
        layer(SEQUENCE)
        assert layer.squeeze.units == 2
    with pytest.raises(ValueError, match="use at most 8"):
        SqueezeExcite(bottleneck_ratio=16)(SEQUENCE)
    with pytest.raises(ValueError, match="scale_fun must be"):
        SqueezeExcite(scale_fun="relu")
    with pytest.raises(ValueError, match="Unknown activation"):
        SqueezeExcite("rellu")
    with pytest.raises(ValueError, match="expected \\(batch, length, channels\\)"):
        SqueezeExcite()(SEQUENCE[0])


def test_wheeze_excite_never_scales_below_half():
    layer = WheezeExcite(3)
    output = run(layer, SEQUENCE)
    ratio = output / SEQUENCE
    assert ratio.min() >= 0.5 - 1e-6 and ratio.max() <= 1
    for even in (0, 2):
        with pytest.raises(ValueError, match="must be odd"):
            WheezeExcite(even)


def test_global_context_adds_one_vector():
    layer = GlobalContext()
    added = run(layer, SEQUENCE) - SEQUENCE
    np.testing.assert_allclose(added, added[:, :1].repeat(12, axis=1), atol=1e-6)
    with pytest.raises(ValueError, match="at least 4 channels"):
        GlobalContext()(SEQUENCE[..., :3])


def test_factor_inverse(tmp_path):
    path = tmp_path / "components.npy"
    components = RNG.normal(size=(8, 5))
    np.save(path, components)
    layer = FactorInverse(path)
    np.testing.assert_allclose(run(layer, SEQUENCE), SEQUENCE @ components, rtol=1e-4, atol=1e-5)
    assert not layer.weights
    with pytest.raises(ValueError, match="matrix of 12 rows"):
        FactorInverse(path)(SEQUENCE.transpose(0, 2, 1))
    with pytest.raises(FileNotFoundError, match="was not found"):
        FactorInverse(tmp_path / "none.npy")(SEQUENCE)
