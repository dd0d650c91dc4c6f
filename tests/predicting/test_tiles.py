"""Where windows lie, and which of them counts where."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from whelp.genome.intervals import BedRow, Interval
from whelp.predicting.errors import PredictError
from whelp.predicting.outputs import bin_runs
from whelp.predicting.regions import fasta_windows, kind_of, place_rows
from whelp.predicting.tiles import Extent, Tiling, Windows, territories

EXTENT = Extent(length=256, crop=64, stride=16, bins=8)
LENGTHS = {"chr2": 5000, "chr1": 3000}


def windows_of(*rows: tuple[str, int, int], overlap: int | None = None) -> Windows:
    windows = Windows(LENGTHS, EXTENT)
    intervals = (BedRow(Interval(*row), (), 1) for row in rows)
    assert not list(place_rows(intervals, windows, Tiling.of(EXTENT, overlap)))
    return windows


def test_a_short_region_is_in_the_middle_of_one_window() -> None:
    windows = windows_of(("chr1", 1000, 1010), ("chr1", 2000, 2128), ("chr1", 4, 5))
    assert windows.starts.tolist() == [1005 - 64, 2000, 4 - 64]
    assert windows.sequence(0) == ("chr1", 1005 - 128, 1005 + 128)
    assert windows.chroms.tolist() == [1, 1, 1] and windows.regions.tolist() == [0, 1, 2]


@pytest.mark.parametrize("overlap", [0, 5, 32, 112])
def test_long_regions_are_covered_in_step(overlap: int) -> None:
    rng = np.random.default_rng(overlap)
    for start, size in zip(rng.integers(0, 900, 50), rng.integers(129, 2000, 50), strict=True):
        starts = Tiling.of(EXTENT, overlap).starts(int(start), int(start + size))
        assert starts[0] <= start and starts[-1] + 128 >= start + size
        steps = set(np.diff(starts).tolist())
        assert len(steps) == 1 and max(steps) <= 128 - overlap and max(steps) % 16 == 0
        # No window could be left out, and the region lies in the middle.
        assert (len(starts) - 2) * max(steps) + 128 < size
        assert abs((start - starts[0]) - (starts[-1] + 128 - start - size)) <= 1


def test_overlap_gives_each_bin_a_quarter_of_the_sequence() -> None:
    assert EXTENT.overlap() == 0  # what is cropped is a quarter already
    assert Extent(256, 0, 16, 16).overlap() == 128
    assert Extent(256, 32, 16, 12).overlap() == 64
    # Never more than half of a prediction.
    assert Extent(1024, 0, 16, 8).overlap() == 64
    with pytest.raises(PredictError, match="from 0 to 112 bp, received 128"):
        Tiling.of(EXTENT, 128)


def test_each_base_belongs_to_the_most_central_window() -> None:
    rng = np.random.default_rng(0)
    rows = [
        ("chr1" if at % 3 else "chr2", int(start), int(start + size))
        for at, (start, size) in enumerate(
            zip(rng.integers(0, 2900, 40), rng.integers(0, 400, 40), strict=True)
        )
    ]
    windows = windows_of(*rows, overlap=48)
    owner = {name: np.full(length, -1) for name, length in LENGTHS.items()}
    order = []
    for window, chrom, start, end in territories(windows):
        assert (owner[chrom][start:end] == -1).all()
        owner[chrom][start:end] = window
        order.append((list(LENGTHS).index(chrom), start))
    assert order == sorted(order)
    for place, (name, length) in enumerate(LENGTHS.items()):
        starts = windows.starts[windows.chroms == place]
        bases = np.arange(length)[:, None]
        inside = (bases >= starts) & (bases < starts + 128)
        assert ((owner[name] >= 0) == inside.any(axis=1)).all()
        away = np.where(inside, np.abs(bases + 0.5 - starts - 64), np.inf).min(axis=1)
        mine = np.abs(np.arange(length) + 0.5 - windows.starts[owner[name]] - 64)
        # Borders lie between bins: the other window can be nearer by less than a bin.
        assert (mine - away)[owner[name] >= 0].max() < 2 * 16


def test_bins_are_cut_to_a_stretch() -> None:
    windows = windows_of(("chr1", 0, 10))
    (territory,) = territories(windows)
    runs = bin_runs(territory, int(windows.starts[0]), 16, np.arange(8.0))
    # The window begins at 5 - 64: three bins and 11 bp of the fourth are before the chromosome.
    assert runs.starts.tolist() == [0, 5, 21, 37, 53] and runs.ends.tolist() == [5, 21, 37, 53, 69]
    assert runs.values.tolist() == [3, 4, 5, 6, 7]


def test_sequences_are_predicted_as_far_as_they_are_seen() -> None:
    lengths = {"long": 1000, "exact": 256, "short": 100, "middle": 300}
    windows, short = fasta_windows(lengths, EXTENT)
    assert short == ["short"]
    for number, length in enumerate(lengths.values()):
        starts = windows.starts[windows.regions == number]
        if length >= 256:
            assert starts[0] == 64 and starts[-1] + 128 == length - 64
            assert np.diff(starts).max(initial=0) <= 128
        else:
            assert starts.tolist() == [50 - 64]


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("a.txt", "\n>one\nACGT\n", "fasta"),
        ("a.bed", ">one\nACGT\n", "fasta"),
        ("a.vcf", "chr1\t5\tx\tA\tC\n", "vcf"),
        ("a", "##fileformat=VCFv4.2\n", "vcf"),
        ("a.tsv", "chrom\tpos\tREF\tALT\n", "vcf"),
        ("a.narrowPeak", "track name=x\n", "bed"),
        ("a", "chr1\t5\t9\tx\n", "bed"),
        ("a.bed.gz", "# comment\n", "bed"),
    ],
)
def test_what_a_file_is(tmp_path: Path, name: str, text: str, kind: str) -> None:
    (tmp_path / name).write_text(text)
    assert kind_of(tmp_path / name) == kind
    packed = tmp_path / f"packed_{name}"
    packed.write_bytes(gzip.compress(text.encode()))
    assert kind_of(packed) == kind


def test_rows_that_are_not_in_the_genome() -> None:
    windows = Windows(LENGTHS, EXTENT)
    rows = [("1", 10, 20), ("chr7", 1, 2), ("chr1", 3000, 3001), ("chr1", 2990, 9000)]
    items = [BedRow(Interval(*row), (), line) for line, row in enumerate(rows, start=1)]
    lost = list(place_rows(items, windows, Tiling.of(EXTENT)))
    assert [(row.line, row.reason.split()[0]) for row in lost] == [(2, "the"), (3, "it")]
    # What is called 1 is chr1, and of the last row 10 bp are left.
    assert windows.regions.tolist() == [0, 3] and windows.starts.tolist() == [15 - 64, 2995 - 64]


@pytest.mark.parametrize("region", ["chr1:0-16", ("chr1", 0)])
def test_a_region_that_is_no_triple(region: object) -> None:
    from whelp.predicting.arrays import _rows

    with pytest.raises(PredictError, match=r"region 1: expected \(chrom, start, end\), bp from 0"):
        list(_rows([region]))
