"""Unmappable bins, against a count base by base."""

import numpy as np

from whelp.genome.intervals import Spans
from whelp.making.mappability import unmappable_bins
from whelp.making.windows import LabeledWindow


def spans(*pairs: tuple[int, int]) -> Spans:
    starts, ends = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return Spans(starts, ends)


def marked(pair: tuple[int, int], start: int = 1000, bins: int = 4, width: int = 20) -> list[int]:
    window = LabeledWindow("a", start, start + bins * width, "train")
    (row,) = unmappable_bins([window], {"a": spans(pair)}, width)
    return np.flatnonzero(row).tolist()


def test_a_tenth_of_a_bin_counts_and_less_does_not() -> None:
    assert marked((1000, 1020)) == [0]
    assert marked((1000, 1022)) == [0, 1]
    assert marked((1000, 1021)) == [0]
    assert marked((1018, 1040)) == [0, 1]
    assert marked((1019, 1040)) == [1]
    assert marked((1019, 1021)) == []


def test_regions_beyond_the_window_are_cut() -> None:
    assert marked((0, 9999)) == [0, 1, 2, 3]
    assert marked((990, 1015)) == [0]
    assert marked((1070, 2000)) == [3]
    assert marked((0, 1000)) == marked((1080, 1090)) == []


def test_unsorted_and_nested_regions_by_brute_force() -> None:
    random = np.random.default_rng(0)
    width, bins = 20, 8
    pairs = []
    for start in random.integers(0, 3000, 40):
        pairs.append((int(start), int(start + random.choice([1, 5, 30, 700]))))
    windows = [
        LabeledWindow(chrom, int(start), int(start) + width * bins, "train")
        for chrom, start in zip("ab" * 15, random.integers(0, 3000, 30), strict=True)
    ]
    mask = unmappable_bins(windows, {"a": spans(*pairs)}, width)
    for window, row in zip(windows, mask, strict=True):
        expected = np.zeros(bins, dtype=bool)
        for start, end in pairs if window.chrom == "a" else []:
            begin, stop = max(start, window.start), min(end, window.end)
            for at in range(bins):
                left = window.start + at * width
                right = left + width
                touched = max(left, begin) < min(right, stop)
                slight = (left <= begin and right - begin < 2) or (
                    stop <= right and stop - left < 2
                )
                expected[at] |= touched and not slight
        assert np.array_equal(row, expected)


def test_no_windows() -> None:
    assert unmappable_bins([], {}, 32).shape == (0, 0)
