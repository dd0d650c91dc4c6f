"""Coverage files of each kind, read over stretches that leave their contigs."""

import gzip
from pathlib import Path

import h5py
import numpy as np
import pytest

from whelp.genome.bigwig import BigWigError, write_bigwig_values
from whelp.genome.intervals import BedError
from whelp.making.coverage import CoverageError, open_coverage
from whelp.making.overlaps import Blacklist

NAN = np.nan


def test_bigwig_is_rounded_to_16_bits_and_nan_where_it_has_nothing(tmp_path: Path) -> None:
    values = np.array([0.1, 70_000, NAN, -2], dtype=np.float32)
    write_bigwig_values(tmp_path / "a.bw", {"c": 4}, [("c", values)])
    with open_coverage(tmp_path / "a.bw") as coverage:
        assert coverage.lengths == {"c": 4}
        read = coverage.read("c", -1, 6)
    expected = [NAN, np.float16(0.1), np.inf, NAN, -2, NAN, NAN]
    np.testing.assert_array_equal(read, np.array(expected, dtype=np.float32))


@pytest.mark.parametrize("ending", ["w5", "h5", "hdf5", "WDF5"])
def test_arrays_are_0_beyond_their_ends(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{ending}"
    with h5py.File(path, "w") as file:
        file["c"] = np.array([1, 2, np.inf], dtype=np.float32)
    with open_coverage(path) as coverage:
        assert coverage.lengths == {"c": 3}
        assert coverage.read("c", -1, 5).tolist() == [0, 1, 2, 65504, 0, 0]
        assert coverage.read("other", 0, 2).tolist() == [0, 0]


@pytest.mark.parametrize("name", ["a.bed", "a.narrowPeak", "a.bed.gz", "a.narrowPeak.gz"])
def test_intervals_are_1(name: str, tmp_path: Path) -> None:
    text = b"track name=x\nc\t6\t8\tp\t5\nc\t1\t3\nc\t2\t5\nd\t0\t1\n"
    (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith("gz") else text)
    with open_coverage(tmp_path / name) as coverage:
        assert coverage.lengths == {"c": 8, "d": 1}
        assert coverage.read("c", -1, 10).tolist() == [0, 0, 1, 1, 1, 1, 0, 1, 1, 0, 0]
        assert coverage.read("c", 2, 4).tolist() == [1, 1]
        assert coverage.read("e", 0, 2).tolist() == [0, 0]
        assert coverage.is_peaks


def test_files_that_are_not_what_they_say(tmp_path: Path, golden: Path) -> None:
    (tmp_path / "a.txt").write_text("c\t1\t2\n")
    with pytest.raises(CoverageError, match=r"a\.txt.*not known by its ending.*\.bw"):
        open_coverage(tmp_path / "a.txt")
    (tmp_path / "a.w5").write_text("c\t1\t2\n")
    with pytest.raises(CoverageError, match=r"a\.w5.*not an HDF5 file"):
        open_coverage(tmp_path / "a.w5")
    (tmp_path / "a.bw").write_text("c\t1\t2\n")
    with pytest.raises(BigWigError, match=r"a\.bw.*not a BigWig"):
        open_coverage(tmp_path / "a.bw")
    (tmp_path / "a.bed").write_text("c\t1\n")
    with pytest.raises(BedError, match=r"a\.bed, line 1"):
        open_coverage(tmp_path / "a.bed")
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["targets"] = np.zeros((3, 4))
    with pytest.raises(CoverageError, match="targets is not an array with one value a base"):
        open_coverage(tmp_path / "b.h5")
    for ending in ("bw", "w5", "bed"):
        with pytest.raises(FileNotFoundError):
            open_coverage(tmp_path / f"missing.{ending}")


def test_blacklisted_regions_are_20_bp_longer(tmp_path: Path) -> None:
    path = tmp_path / "blacklist.bed"
    path.write_text("c\t100\t110\nc\t115\t140\nd\t5\t9\n")
    blacklist = Blacklist(path)
    assert blacklist.within("c", 0, 1000) == [(80, 130), (95, 160)]
    assert blacklist.within("c", 90, 100) == [(0, 10), (5, 10)]
    assert blacklist.within("c", 160, 200) == []
    assert blacklist.within("d", 0, 100) == [(0, 29)]
    assert blacklist.within("e", 0, 100) == []
    assert Blacklist(None).within("c", 0, 100) == []


def test_the_reference_overlooks_regions_that_begin_before_a_window(tmp_path: Path) -> None:
    path = tmp_path / "blacklist.bed"
    path.write_text("c\t100\t150\n")
    blacklist = Blacklist(path, as_reference=True)
    assert blacklist.within("c", 60, 260) == [(20, 110)]
    # It counts from the end: 80 - 100 is the place 20 before the end, behind the region's own.
    first, last = blacklist.within("c", 100, 200)[0]
    assert first >= last
