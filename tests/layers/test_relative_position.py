"""Features of distances, and logits from distances to pairs of positions."""

import keras
import numpy as np
import pytest

from whelp.layers.relative_position import (
    central_mask_features,
    distance_buckets,
    distance_logits,
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
