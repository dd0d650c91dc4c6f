"""The command bw_w5.py, run for real."""

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from whelp.genome.bigwig import BigWig

_MAIN = "from whelp.cli.bw_w5 import main; main()"


def _run(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", _MAIN, *args]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.fixture
def inputs(golden: Path) -> Path:
    return golden / "data" / "inputs"


def test_flags_of_the_reference(inputs: Path, tmp_path: Path, golden: Path) -> None:
    out = tmp_path / "sparse_m.w5"
    done = _run(inputs, "-v", "-m", "-p", "sparse.bw", str(out))
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["ctgA", "ctgB", "ctgC", "ctgD"]
    assert "0.010000" in done.stderr
    expected = np.load(golden / "data" / "bw_w5.npz")
    with h5py.File(out) as file:
        assert set(file) == {"chrctgA", "chrctgB", "chrctgC", "chrctgD"}
        np.testing.assert_array_equal(file["chrctgD"], expected["sparse_m.w5|ctgD"])


def test_several_bigwigs_and_back(inputs: Path, tmp_path: Path, golden: Path) -> None:
    w5, bw = str(tmp_path / "a.w5"), str(tmp_path / "a.bw")
    assert _run(inputs, "sparse.bw,rna.bw", w5).returncode == 0
    assert _run(inputs, w5, bw).returncode == 0
    expected = np.load(golden / "data" / "bw_w5.npz")["sparse_rna.w5|ctgC"]
    with BigWig(bw) as file:
        np.testing.assert_array_equal(file.values("ctgC", 0, 31_000), expected)


def test_errors_are_one_line(inputs: Path, tmp_path: Path) -> None:
    done = _run(inputs, "genome.fa", str(tmp_path / "a.w5"))
    assert done.returncode == 1
    assert (
        done.stderr == "error: genome.fa: this is not a BigWig file; expected a BigWig file (.bw)\n"
    )
    done = _run(inputs, "lost.bw", str(tmp_path / "a.w5"))
    assert done.returncode == 1 and "lost.bw: No such file" in done.stderr
    assert not list(tmp_path.iterdir())
