"""Arrays that tfmodisco-lite reads: one array a file, with the bases on the middle axis."""

from pathlib import Path

import numpy as np
import pytest

from whelp.interpreting.motif_arrays import write_motif_array


def test_arrays_come_back(tmp_path: Path) -> None:
    values = np.random.default_rng(1).normal(size=(5, 7, 4)).astype("float32")
    path = tmp_path / "contributions.npz"
    write_motif_array(path, [values[:2], values[2:]], sequences=5, length=7)
    with np.load(path) as file:
        assert file.files == ["arr_0"] and file["arr_0"].dtype == np.float32
        np.testing.assert_array_equal(file["arr_0"], values.transpose(0, 2, 1))
    first = path.read_bytes()
    write_motif_array(path, [values], sequences=5, length=7)
    assert path.read_bytes() == first
    write_motif_array(path, [values > 0], sequences=5, length=7, dtype=bool)
    assert np.load(path)["arr_0"].dtype == bool


def test_what_does_not_fit_leaves_nothing(tmp_path: Path) -> None:
    values = np.zeros((2, 7, 4))
    with pytest.raises(ValueError, match="expected 3 sequences; received 2"):
        write_motif_array(tmp_path / "a.npz", [values], sequences=3, length=7)
    with pytest.raises(ValueError, match=r"blocks of shape \(sequences, 8, 4\)"):
        write_motif_array(tmp_path / "a.npz", [values], sequences=2, length=8)
    assert not list(tmp_path.iterdir())
