"""Quantile normalisation: an example by hand, and what must hold for all values."""

import numpy as np
import pytest

from whelp.training.quantile_normalization import quantile_normalized


def test_by_hand() -> None:
    values = np.array([[5.0, 4, 3], [2, 1, 4], [3, 4, 6], [4, 2, 8]])
    # Sorted columns have the means 2, 3, 14/3, 17/3; the two 4 of the second share ranks 3 and 4.
    first, second, third, fourth = 2, 3, 14 / 3, 17 / 3
    shared = (third + fourth) / 2
    wanted = [[fourth, shared, first], [first, first, second], [second, shared, third]]
    wanted.append([third, second, fourth])
    np.testing.assert_allclose(quantile_normalized(values), wanted)


@pytest.mark.parametrize("seed", range(5))
def test_all_columns_get_one_distribution_and_keep_their_order(seed: int) -> None:
    values = np.random.default_rng(seed).gamma(0.5, size=(50, 7)) * np.arange(1, 8)
    normal = quantile_normalized(values)
    ordered = np.sort(normal, axis=0)
    np.testing.assert_allclose(ordered, np.repeat(ordered[:, :1], 7, axis=1))
    np.testing.assert_array_equal(np.argsort(normal, axis=0), np.argsort(values, axis=0))
    np.testing.assert_allclose(quantile_normalized(normal), normal)
    scaled = quantile_normalized(values * [[1, 2, 3, 4, 5, 6, 7]])
    np.testing.assert_array_equal(np.argsort(scaled, axis=0), np.argsort(values, axis=0))


def test_shapes_and_types() -> None:
    values = np.array([[1, 2], [1, 3]], np.float32)
    assert quantile_normalized(values).dtype == np.float32
    assert quantile_normalized(values.astype(np.float16)).dtype == np.float64
    np.testing.assert_allclose(quantile_normalized(values), [[1.75, 1.5], [1.75, 2.0]])
    assert quantile_normalized(np.zeros((0, 3))).shape == (0, 3)
    one = np.array([[3.0], [1.0]])
    np.testing.assert_array_equal(quantile_normalized(one), one)
