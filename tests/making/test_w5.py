"""BigWig to w5 and back, against the reference's files: exactly."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from whelp.genome.bigwig import BigWig, write_bigwig_values
from whelp.making.coverage import CoverageError
from whelp.making.w5 import W5Settings, bigwig_to_w5, w5_to_bigwig

RUNS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "dense": (("dense",), {}),
    "rna": (("rna",), {}),
    "sparse": (("sparse",), {}),
    "dense_c": (("dense",), {"strip_chr": True}),
    "dense_p": (("dense",), {"prepend_chr": True}),
    "rna_i": (("rna",), {"interp_nan": True}),
    "dense_iz": (("dense",), {"interp_nan": True, "clip_zero": True}),
    "sparse_m": (("sparse",), {"min_norm": True}),
    "sparse_s": (("sparse",), {"scale": 0.37}),
    "sparse_rna": (("sparse", "rna"), {}),
}


@pytest.mark.parametrize("run", RUNS)
def test_w5_is_the_references(run: str, golden: Path, tmp_path: Path) -> None:
    names, options = RUNS[run]
    inputs = [golden / "data" / "inputs" / f"{name}.bw" for name in names]
    bigwig_to_w5(inputs, tmp_path / "a.w5", W5Settings(**options))
    every = np.load(golden / "data" / "bw_w5.npz")
    expected = {k.split("|")[1]: every[k] for k in every.files if k.startswith(f"{run}.w5|")}
    with h5py.File(tmp_path / "a.w5") as file:
        assert set(file) == set(expected)
        for chrom, values in expected.items():
            assert file[chrom].dtype == np.float16
            np.testing.assert_array_equal(file[chrom], values)


def test_blocks_do_not_show(golden: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bigwig = golden / "data" / "inputs" / "rna.bw"
    bigwig_to_w5([bigwig], tmp_path / "a.w5", W5Settings(min_norm=True))
    monkeypatch.setattr("whelp.making.w5._BLOCK", 1000)
    bigwig_to_w5([bigwig], tmp_path / "b.w5", W5Settings(min_norm=True))
    with h5py.File(tmp_path / "a.w5") as a, h5py.File(tmp_path / "b.w5") as b:
        for chrom in a:
            np.testing.assert_array_equal(a[chrom], b[chrom])


def test_there_and_back(golden: Path, tmp_path: Path) -> None:
    w5_to_bigwig(golden / "data" / "inputs" / "dense.w5", tmp_path / "a.bw")
    bigwig_to_w5([tmp_path / "a.bw"], tmp_path / "b.w5")
    with (
        h5py.File(golden / "data" / "inputs" / "dense.w5") as a,
        h5py.File(tmp_path / "b.w5") as b,
        BigWig(tmp_path / "a.bw") as bigwig,
    ):
        assert bigwig.lengths == {chrom: len(a[chrom]) for chrom in a}
        for chrom in a:
            np.testing.assert_array_equal(a[chrom], b[chrom])


def test_bigwigs_of_other_genomes_are_not_added_up(golden: Path, tmp_path: Path) -> None:
    inputs = golden / "data" / "inputs"
    with pytest.raises(CoverageError, match=r"ctgD has 9,000 bp.*missing.*missing_ctgD\.bw"):
        bigwig_to_w5([inputs / "dense.bw", inputs / "missing_ctgD.bw"], tmp_path / "a.w5")
    assert not list(tmp_path.iterdir())


def test_no_positive_value_to_divide_by(tmp_path: Path) -> None:
    write_bigwig_values(tmp_path / "a.bw", {"c": 3}, [("c", np.array([0, -1, np.nan]))])
    with pytest.raises(CoverageError, match="no value is positive"):
        bigwig_to_w5([tmp_path / "a.bw"], tmp_path / "a.w5", W5Settings(min_norm=True))
    assert not (tmp_path / "a.w5").exists()
