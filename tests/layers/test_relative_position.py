"""Features of distances, and logits from distances to pairs of positions."""

import math

import keras
import numpy as np
import pytest

from whelp.layers.relative_position import (
    central_mask_features,
    distance_buckets,
    distance_features,
    distance_logits,
    enformer_features,
    relative_shift,
    spread_buckets,
)

to_numpy = keras.ops.convert_to_numpy


def test_features_equal_reference_exactly(golden):
    with np.load(golden / "blocks/direct/positional_features.npz") as arrays:
        for key in arrays.files:
            length, features, widths = (int(part[1:]) for part in key.split("_"))
            mine = central_mask_features(length, features, width_length=widths)
            np.testing.assert_array_equal(mine, arrays[key], err_msg=key)


def test_features_by_hand():
    # Widths (4 + 1) ** (k / 2) - 1 are 1.24 and 4.
    expected = [[0, 1, 0, -1], [0, 1, 0, -1], [1, 1, -1, -1], [1, 1, 0, 0]]
    features = central_mask_features(4, 4)
    np.testing.assert_array_equal(features[:4], expected)
    np.testing.assert_array_equal(features[4:], np.abs(expected[2::-1]))
    np.testing.assert_array_equal(central_mask_features(4, 2, symmetric=True), features[:, :2])


def test_odd_features_are_refused():
    with pytest.raises(ValueError, match="must be even, got 5"):
        central_mask_features(8, 5)
    assert central_mask_features(8, 5, symmetric=True).shape == (15, 5)


@pytest.mark.parametrize(
    ("key", "within"), [("L16_F12", 2e-6), ("L200_F48", 2e-4), ("L1536_F192", 4e-3)]
)
def test_enformer_features_are_those_of_the_original(golden, key, within):
    """What the original rounds to single precision on its way grows with the number of features."""
    length, count = (int(part[1:]) for part in key.split("_"))
    with np.load(golden / "enformer/features.npz") as arrays:
        expected = arrays[key]
    mine = distance_features("enformer", length, count)[:: 1 if length < 1000 else 37]
    np.testing.assert_allclose(mine, expected, rtol=0, atol=within)
    # All but the gamma densities are exact to rounding.
    plain = np.arange(count) % (count // 2) < count // 3
    np.testing.assert_allclose(mine[:, plain], expected[:, plain], rtol=0, atol=1e-6)


def test_gamma_densities_by_hand():
    # Two densities for a length of 8: means 4 and 8, deviation 2; so shapes 4, 16 and rates 1, 2.
    density = [[d**3 * math.exp(-d) / 6, 2**16 * d**15 * math.exp(-2 * d) / math.factorial(15)]
               for d in range(8)]  # fmt: skip
    density = np.array(density) + 1e-8
    for kind, axis in (("enformer", 0), ("enformer_pytorch", 1)):
        features = distance_features(kind, 8, 12)
        expected = density / density.max(axis=axis, keepdims=True)
        np.testing.assert_allclose(features[7:, 4:6], expected, rtol=1e-5)
        np.testing.assert_allclose(features[7::-1, 4:6], expected, rtol=1e-5)
        np.testing.assert_array_equal(
            features[:, 6:], features[:, :6] * np.sign(np.arange(-7, 8))[:, None]
        )


def test_enformer_features_for_another_length():
    inner = distance_features("enformer", 16, 6, width_length=64)
    np.testing.assert_allclose(inner[:, :2], distance_features("enformer", 64, 6)[48:-48, :2])
    unsigned = enformer_features(16, 3, symmetric=True, width_length=64)
    np.testing.assert_array_equal(unsigned, inner[:, :3])


@pytest.mark.parametrize(("count", "symmetric"), [(8, False), (4, True)])
def test_enformer_features_of_other_numbers_are_refused(count, symmetric):
    with pytest.raises(
        ValueError, match=f"must be a multiple of {3 if symmetric else 6}.*got {count}"
    ):
        enformer_features(8, count, symmetric=symmetric)


def test_buckets_hold_all_features():
    features = central_mask_features(4096, 32)
    rows, bucket = distance_buckets(features)
    assert rows.shape == (31, 32)
    np.testing.assert_array_equal(rows[bucket], features)


def test_shift_equals_reference(golden):
    with np.load(golden / "blocks/direct/relative_shift.npz") as arrays:
        np.testing.assert_array_equal(to_numpy(relative_shift(arrays["x"])), arrays["y"])


@pytest.mark.parametrize("length", [1, 2, 7, 8, 12])
def test_both_ways_equal_a_loop(length):
    rng = np.random.default_rng(length)
    query = rng.normal(size=(2, 3, length, 5)).astype("float32")
    rows, bucket = distance_buckets(central_mask_features(length, 6))
    position = rng.normal(size=(1, 3, len(rows), 5)).astype("float32")
    expected = np.zeros((2, 3, length, length))
    for i in range(length):
        for j in range(length):
            row = position[:, :, bucket[length - 1 + j - i]]
            expected[:, :, i, j] = np.sum(query[:, :, i] * row, axis=-1)
    products = np.einsum("bhik,hrk->bhir", query, position[0])
    np.testing.assert_allclose(to_numpy(spread_buckets(products, bucket)), expected, atol=1e-5)
    far = position[:, :, bucket]
    np.testing.assert_allclose(to_numpy(distance_logits(query, far)), expected, atol=1e-5)
