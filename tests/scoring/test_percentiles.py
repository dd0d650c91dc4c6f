"""Percentiles of scores: the reference's, and their limits."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from whelp.scoring import percentiles
from whelp.scoring.percentiles import percentile_ranks, score_percentiles


def test_percentiles_are_the_reference_s(golden: Path) -> None:
    arrays = np.load(golden / "snp" / "eqtl_all.npz")
    np.testing.assert_array_equal(percentile_ranks(), arrays["percentiles"])
    names = [name.removesuffix("_pct") for name in arrays if name.endswith("_pct")]
    assert len(names) == 13
    for name in names:
        made, wanted = score_percentiles(arrays[name]), arrays[f"{name}_pct"]
        # The reference rounds differences between neighbours, and a value beside 0 with them.
        step = np.spacing(np.ptp(arrays[name], axis=0)).astype(float)
        assert np.all(np.abs(made.astype(float) - wanted) <= step[:, None]), name


def test_files_are_read_by_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = np.random.default_rng(0).normal(size=(50, 7)).astype(np.float16)
    whole = score_percentiles(scores)
    monkeypatch.setattr(percentiles, "_BLOCK_VALUES", 100)
    with h5py.File(tmp_path / "scores.h5", "w") as file:
        parts = score_percentiles(file.create_dataset("SUM", data=scores))
    np.testing.assert_array_equal(parts, whole)


def test_one_variant_and_none() -> None:
    one = score_percentiles(np.array([[3, np.nan]], np.float16))
    assert one[0].tolist() == [3] * 279
    assert np.isnan(one[1]).all()
    with pytest.raises(ValueError, match="at least one variant; received none"):
        score_percentiles(np.zeros((0, 2), np.float16))


def test_scores_at_both_limits() -> None:
    made = score_percentiles(np.array([[-65504], [65504]], np.float16))
    assert np.isfinite(made).all()
