"""BigWig files read and written, and files that only look like one."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from whelp.genome.bigwig import BigWig, BigWigError, Step, write_bigwig, write_bigwig_values

LENGTHS = {"chr2": 100, "chr10": 50}


def test_steps_are_read_back(tmp_path: Path) -> None:
    path = tmp_path / "a.bw"
    steps = [Step("chr2", 3, 5, 1.5), Step("chr2", 90, 100, -2), Step("chr10", 0, 1, 7)]
    write_bigwig(path, LENGTHS, steps)
    with BigWig(path) as bigwig:
        assert bigwig.lengths == LENGTHS
        values = bigwig.values("chr2", 0, 100)
        assert values.dtype == np.float32
        expected = np.full(100, np.nan, dtype=np.float32)
        expected[3:5], expected[90:] = 1.5, -2
        np.testing.assert_array_equal(values, expected)
        np.testing.assert_array_equal(bigwig.values("chr10", -1, 2), [np.nan, 7, np.nan])
        np.testing.assert_array_equal(bigwig.values("chr10", 60, 62), [np.nan, np.nan])


def test_values_are_read_back(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 3, 100).astype(np.float32)
    values[10:20] = np.nan
    write_bigwig_values(tmp_path / "a.bw", LENGTHS, [("chr2", values)])
    with BigWig(tmp_path / "a.bw") as bigwig:
        np.testing.assert_array_equal(bigwig.values("chr2", 0, 100), values)
        assert np.isnan(bigwig.values("chr10", 0, 50)).all()


@pytest.mark.parametrize(
    "steps",
    [
        [Step("chr2", 20, 30, 1), Step("chr2", 10, 15, 1)],
        [Step("chr2", 90, 101, 1)],
        [Step("chr3", 0, 1, 1)],
        [Step("chr2", 0, 1, float("inf"))],
    ],
)
def test_steps_out_of_place_are_refused(steps: list[Step], tmp_path: Path) -> None:
    with pytest.raises(BigWigError, match=r"a\.bw"):
        write_bigwig(tmp_path / "a.bw", LENGTHS, steps)
    assert not list(tmp_path.iterdir())


def test_other_files_are_refused(tmp_path: Path, golden: Path) -> None:
    whole = (golden / "data" / "inputs" / "rna.bw").read_bytes()
    path = tmp_path / "a.bw"
    for size in (4, 63, 300, 5000, len(whole) - 2000):
        path.write_bytes(whole[:size])
        with pytest.raises(BigWigError, match=r"a\.bw: the BigWig is cut short"):
            BigWig(path)
    others = {
        b"": "not a BigWig file",
        b"chr1\t0\t5\n" * 20: "not a BigWig file",
        bytes.fromhex("ebf28987") + whole[4:]: "bigBed",
        whole[:4][::-1] + whole[4:]: "big-endian",
    }
    for content, what in others.items():
        path.write_bytes(content)
        with pytest.raises(BigWigError, match=what):
            BigWig(path)
    with pytest.raises(FileNotFoundError):
        BigWig(tmp_path / "missing.bw")


def test_damaged_data_are_told_when_they_are_read(tmp_path: Path, golden: Path) -> None:
    whole = bytearray((golden / "data" / "inputs" / "sparse.bw").read_bytes())
    whole[1000:60_000] = b"\0" * 59_000
    path = tmp_path / "a.bw"
    path.write_bytes(whole)
    with pytest.raises(BigWigError, match=r"a\.bw: the BigWig is damaged"), BigWig(path) as bigwig:
        bigwig.values("ctgA", 0, 64_000)


def test_an_unknown_chromosome_is_named(golden: Path) -> None:
    with (
        BigWig(golden / "data" / "inputs" / "rna.bw") as bigwig,
        pytest.raises(BigWigError, match="no chromosome 'chr1'; the file has ctgA, ctgB"),
    ):
        bigwig.values("chr1", 0, 5)


def test_a_file_without_values(tmp_path: Path) -> None:
    write_bigwig(tmp_path / "a.bw", LENGTHS, [])
    with BigWig(tmp_path / "a.bw") as bigwig:
        assert np.isnan(bigwig.values("chr2", 0, 100)).all()


_FULL = """
import os, resource, signal, sys
import numpy as np
from whelp.genome.bigwig import Runs, write_bigwig_runs
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
folder = sys.argv[1]

def runs():
    starts = np.arange(50_000) * 10
    yield Runs("chr1", starts, starts + 10, np.random.default_rng(0).random(50_000))
    (part,) = os.listdir(folder)
    size = os.path.getsize(f"{folder}/{part}") + int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

try:
    write_bigwig_runs(f"{folder}/out.bw", {"chr1": 500_000}, runs())
except OSError as error:
    print(error)
"""


@pytest.mark.parametrize("more", [10, 3000])
def test_a_file_that_cannot_be_finished_is_none(tmp_path: Path, more: int) -> None:
    """At the end of the writing there is no more room: for the index, or for zoom levels."""
    done = subprocess.run(
        [sys.executable, "-c", _FULL, str(tmp_path), str(more)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "No space left on device" in done.stdout and "out.bw" in done.stdout, done.stderr
    assert not list(tmp_path.iterdir())


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pyBigWig would write for ever."""

    class Usage:
        free = 1000

    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage)
    values = np.arange(100.0)
    with pytest.raises(OSError, match="No space left on device"):
        write_bigwig_values(tmp_path / "out.bw", {"chr1": 100}, [("chr1", values)])
    assert not list(tmp_path.iterdir())
