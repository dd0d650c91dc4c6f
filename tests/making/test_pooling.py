"""Binned targets of toy windows, worked out by hand."""

import numpy as np
import pytest

from whelp.making.pooling import SUM_STATS, TrackSettings, interpolate, pool_window, round_to_half


def _pool(values: object, blacklisted: object = (), **settings: object) -> np.ndarray:
    coverage = np.array(values, dtype=np.float32)
    return pool_window(coverage, TrackSettings(pool_width=4, **settings), blacklisted).targets


@pytest.mark.parametrize(
    ("sum_stat", "target"),
    [
        ("sum", 24),
        ("sum_sqrt", 4),
        ("mean", 6),
        ("avg", 6),
        ("mean_sqrt", np.sqrt(7) - 1),
        ("max", 15),
        ("median", 4.5),
        ("sum_exp75", 25**0.75 - 1),
        ("peak", 1),
    ],
)
def test_statistics(sum_stat: str, target: float) -> None:
    np.testing.assert_array_equal(_pool([0, 3, 6, 15], sum_stat=sum_stat), np.float16(target))
    assert sum_stat in SUM_STATS


@pytest.mark.parametrize(
    ("sum_stat", "target"), [("sum", 48), ("sum_sqrt", 2 * 24**0.75), ("mean_sqrt", 2 * 6**0.75)]
)
def test_old_targets_are_scaled_last(sum_stat: str, target: float) -> None:
    made = _pool([0, 3, 6, 15], sum_stat=sum_stat, scale=2.0, transform_old=True)
    np.testing.assert_array_equal(made, np.float16(target))


def test_limits_of_new_targets() -> None:
    values = [0, 0, 0, 10, 0, 0, 0, 58, 0, 0, 0, 1000]
    assert _pool(values, clip_soft=10.0).tolist() == [10, 16, np.float16(9 + np.sqrt(991))]
    assert _pool(values, clip=30.0).tolist() == [10, 30, 30]
    assert _pool(values, clip_soft=10.0, clip=15.0).tolist() == [10, 15, 15]
    assert _pool(values, scale=0.1).tolist() == [1, np.float16(5.8), 100]


def test_limits_of_old_targets() -> None:
    values = [0, 0, 0, 10, 0, 0, 0, 59]
    assert _pool(values, clip_soft=10.0, transform_old=True).tolist() == [10, 17]
    assert _pool(values, clip=12.0, scale=3.0, transform_old=True).tolist() == [30, 36]


def test_what_is_beyond_16_bit_floats_becomes_the_largest() -> None:
    made = pool_window(np.full(8, np.inf, dtype=np.float32), TrackSettings(pool_width=4))
    assert made.targets.tolist() == [65504, 65504]
    assert made.clipped == 2


def test_missing_bases_are_0_or_interpolated() -> None:
    values = [4, np.nan, np.nan, 1, np.nan, np.nan, np.nan, np.nan]
    assert _pool(values).tolist() == [5, 0]
    # 4, 3, 2, 1, and then down to 0 one base after the end.
    assert _pool(values, interp_nan=True).tolist() == [10, np.float16(0.8 + 0.6 + 0.4 + 0.2)]
    assert pool_window(np.array(values, dtype=np.float32), TrackSettings(pool_width=4)).missing == 6


def test_blacklisted_bases_come_down_to_the_median() -> None:
    values = np.ones(32)
    values[8:12] = 50
    assert _pool(values, [(8, 10)]).tolist() == [4, 4, 102, 4, 4, 4, 4, 4]
    # With a base missing, or in few bins, the reference's level is 0.
    values[31] = np.nan
    assert _pool(values, [(8, 12)]).tolist() == [4, 4, 0, 4, 4, 4, 4, 3]
    assert _pool(np.ones(8), [(0, 2)]).tolist() == [2, 4]


def test_roots_of_negative_sums_are_counted() -> None:
    made = pool_window(np.full(8, -1, np.float32), TrackSettings("sum_sqrt", pool_width=4))
    assert made.undefined == 2


def test_rounding_equals_a_trip_through_16_bit_floats() -> None:
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float32)
    halves = halves[np.isfinite(halves)]
    draw = np.random.default_rng(1)
    bits = draw.integers(0, 1 << 32, 200_000, dtype=np.uint64).astype(np.uint32)
    drawn = bits.view(np.float32)
    edges = np.array([65519.99, 65520, -65520, 1e30, np.inf, -np.inf, 0, np.nan], np.float32)
    values = np.concatenate(
        [
            halves,
            (np.sort(halves)[1:] + np.sort(halves)[:-1]) / 2,
            np.nextafter(halves, np.float32(np.inf)),
            drawn[~np.isnan(drawn)],
            edges,
        ]
    )
    with np.errstate(over="ignore"):
        expected = values.astype(np.float16).astype(np.float32)
    np.testing.assert_array_equal(round_to_half(values.copy()), expected)


def test_interpolation_leaves_whole_windows_alone() -> None:
    values = np.arange(5, dtype=np.float32)
    assert interpolate(values) is values
    np.testing.assert_array_equal(interpolate(np.full(3, np.nan)), np.zeros(3))
