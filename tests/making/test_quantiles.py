"""Quantiles, against NumPy where its versions agree and against sorted values otherwise."""

import numpy as np
import pytest

from whelp.making.quantiles import HalfHistogram, column_quantiles, quantile


def _values(count: int, seed: int, scale: float = 10.0) -> np.ndarray:
    draw = np.random.default_rng(seed)
    values = draw.normal(size=count) * scale
    values[draw.random(count) < 0.4] = 0
    return values.clip(-65504, 65504).astype(np.float16)


def _as_reference(values: np.ndarray, q: float) -> np.ndarray:
    """NumPy 1.26 of 16-bit floats: a 16-bit difference, the rest in 64 bits."""
    ordered = np.sort(values, axis=0)
    place = (len(values) - 1) * q
    below = min(int(place), len(values) - 1)
    a, b = ordered[below], ordered[min(below + 1, len(values) - 1)]
    step, weight = np.subtract(b, a).astype(np.float64), place - below
    if weight >= 0.5:
        return b.astype(np.float64) - step * (1 - weight)
    return a.astype(np.float64) + step * weight


@pytest.mark.parametrize("q", [0, 0.1, 0.25, 0.5, 0.77, 0.999, 0.9999999, 1])
@pytest.mark.parametrize("count", [1, 2, 3, 10, 1001, 40_000])
def test_histogram_gives_the_quantile_of_all_that_was_added(count: int, q: float) -> None:
    values = _values(count, seed=count)
    histogram = HalfHistogram()
    for part in np.array_split(values.reshape(-1, 1), 3):
        histogram.add(part)
    assert histogram.count == count
    assert histogram.quantile(q) == _as_reference(values, q)


def test_a_share_just_below_1_is_not_the_largest_value() -> None:
    # NumPy 2 rounds 0.9999999 to the type of the values, which makes it 1.
    values = np.array([0, 100], dtype=np.float16)
    histogram = HalfHistogram()
    histogram.add(values)
    assert histogram.quantile(0.9999999) == pytest.approx(99.99999, abs=1e-9)


def test_a_histogram_of_nothing_has_no_quantile() -> None:
    with pytest.raises(ValueError, match="at least one value"):
        HalfHistogram().quantile(0.5)


def test_clipped_values_and_counts() -> None:
    histogram = HalfHistogram()
    histogram.add(np.array([1, 1, -3, 7], dtype=np.float16))
    values, counts = histogram.clipped_values(np.float16(5))
    assert sorted(zip(values.tolist(), counts.tolist(), strict=True)) == [(-3, 1), (1, 2), (5, 1)]


@pytest.mark.parametrize("q", [0, 0.25, 0.5, 0.77, 1])
def test_columns_each_have_their_own(q: float) -> None:
    values = _values(96 * 5, seed=3).reshape(96, 5)
    np.testing.assert_array_equal(column_quantiles(values, q), _as_reference(values, q))


def test_quantile_of_a_window_is_numpys_and_0_where_something_is_missing() -> None:
    values = _values(3000, seed=8).astype(np.float32)
    assert quantile(values, 0.5) == np.percentile(values, 50)
    values[7] = np.nan
    assert quantile(values, 0.5) == 0
