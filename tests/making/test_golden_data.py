"""Whole data sets, against those that the reference makes: exactly."""

import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from whelp.making import make_data
from whelp.making.build import DataSummary

RUNS = (
    "bed",
    "bw_nointerp",
    "chr",
    "chr_nocrop_gz",
    "decimals1",
    "exactmult",
    "folds",
    "folds_snap_st",
    "folds_stride",
    "interp",
    "negsqrt",
    "noclip",
    "old",
    "pct_main",
    "pct_parallel",
    "pct_seed7",
    "peaks",
    "sample",
    "umap_clip25",
    "umap_noclip",
    "umap_tfr",
    "umap_tfr_clip",
    "w128",
)
FAILED = {
    "missingchrom": "missing: missing_ctgD.bw: it does not have ctgD",
    "missing2": "missing: missing_ctgD.bw: it does not have ctgD",
    "old_exp75": "sparse: the sum_stat 'sum_exp75' is not known.*power of 0.75",
    "umap_tfr_nou": "umap_tfr needs to know which regions are unmappable",
    "notdivisible": "not a whole number of bins",
}
"""Runs that end well in the reference, with fewer tracks or none."""


@pytest.fixture
def make(
    reference_run: Callable, in_golden_inputs: Path, tmp_path: Path
) -> Callable[[str], DataSummary]:
    def run(name: str) -> DataSummary:
        genome, targets, settings = reference_run(name)
        return make_data(genome, targets, tmp_path / "out", settings)

    return run


@pytest.mark.parametrize("run", RUNS)
def test_records_are_the_references(
    run: str, make: Callable, golden: Path, read_records: Callable
) -> None:
    made = make(run)
    expected = np.load(golden / "data" / run / "decoded.npz")
    assert {name.rsplit("_", 1)[0] for name in expected} == set(made.windows)
    statistics = json.loads((made.path / "statistics.json").read_text())
    for label, count in made.windows.items():
        records = read_records(made.path, label)
        np.testing.assert_array_equal(records["sequence"], expected[f"{label}_seq"])
        target = expected[f"{label}_target"]
        np.testing.assert_array_equal(records["target"].reshape(target.shape), target)
        assert ("umap" in records) == (f"{label}_umap" in expected)
        if "umap" in records:
            np.testing.assert_array_equal(records["umap"], expected[f"{label}_umap"])
        assert statistics[f"{label}_seqs"] == count == len(target)


@pytest.mark.parametrize("run", ["pct_main", "folds"])
def test_the_files_beside_the_records_are_the_references(
    run: str, make: Callable, golden: Path, reference_run: Callable
) -> None:
    made = make(run)
    expected = golden / "data" / run
    for name in ("contigs.bed", "sequences.bed"):
        assert (made.path / name).read_bytes() == (expected / name).read_bytes()
    targets = reference_run(run).targets
    assert (made.path / "targets.txt").read_bytes() == targets.read_bytes()
    ours, theirs = (
        json.loads((folder / "statistics.json").read_text()) for folder in (made.path, expected)
    )
    says = ours.pop("target_transform")
    assert says == ("old" if reference_run(run).settings.transform_old else "new")
    assert list(ours) == list(theirs)
    assert all(ours[key] == value for key, value in theirs.items() if key != "train_seqs")
    if (expected / "mseqs_unmap.npy").exists():
        mask = np.load(made.path / "mseqs_unmap.npy")
        np.testing.assert_array_equal(mask, np.load(expected / "mseqs_unmap.npy"))


def test_coverage_of_each_track_is_kept_as_the_reference_keeps_it(
    make: Callable, golden: Path
) -> None:
    made = make("pct_main")
    for name, expected in np.load(golden / "data" / "pct_main" / "seqs_cov.npz").items():
        with h5py.File(made.path / "seqs_cov" / name) as file:
            np.testing.assert_array_equal(file["targets"], expected)
            assert made.tracks[int(name.split(".")[0])].sum == pytest.approx(
                expected.sum(dtype="float64"), abs=1e-6
            )


def test_no_empty_record_file_after_an_exact_multiple(make: Callable) -> None:
    made = make("chr_nocrop_gz")
    names = {path.name for path in (made.path / "tfrecords").iterdir()}
    assert names == {"train-0.tfr", "valid-0.tfr", "test-0.tfr"}


@pytest.mark.parametrize("run", FAILED)
def test_what_the_reference_loses_in_silence_is_an_error_and_writes_nothing(
    run: str, make: Callable, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=FAILED[run]):
        make(run)
    assert not (tmp_path / "out").exists()


def test_medians_of_bins_are_made(make: Callable, read_records: Callable, golden: Path) -> None:
    made = make("median")
    target = read_records(made.path, "train")["target"].reshape(-1, 96, 2)
    start = int((made.path / "sequences.bed").read_text().split()[1])
    with h5py.File(golden / "data" / "inputs" / "sparse.w5") as file:
        bases = file["ctgD"][start : start + 3072].astype(np.float32)
    medians = np.median(bases.reshape(96, 32), axis=1).astype(np.float16)
    np.testing.assert_array_equal(target[0, :, 0], medians)


def test_missing_contigs_are_zeros_where_that_is_asked_for(
    reference_run: Callable, in_golden_inputs: Path, tmp_path: Path, read_records: Callable
) -> None:
    from dataclasses import replace

    genome, targets, settings = reference_run("missing2")
    made = make_data(genome, targets, tmp_path, replace(settings, missing_contigs="zeros"))
    assert any("missing: missing_ctgD.bw" in note for note in made.notes)
    # ctgD is what the training windows are on.
    target = read_records(tmp_path, "train")["target"].reshape(-1, 96, 3)
    assert not target[:, :, 1].any() and target[:, :, 0].any() and target[:, :, 2].any()
