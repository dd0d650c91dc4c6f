"""hound_eval_spec.py: the reference's acc.txt where asked, else strands of a track as one."""

import importlib.resources
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest

DropIn = Callable[..., tuple[int, str, str]]
_WINDOWS = Path(__file__).parents[1] / "data" / "hg38"


@pytest.fixture
def mini() -> tuple[Any, ...]:
    """The pretrained mini model and windows, as they end a command line."""
    folder = importlib.resources.files("whelp") / "demo" / "data" / "mini_borzoi"
    return (folder / "params.json", folder / "model.h5", _WINDOWS)


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path / "acc.txt", sep="\t")


def test_what_the_reference_writes(
    drop_in: DropIn, mini: tuple, golden: Path, tmp_path: Path
) -> None:
    code, out, err = drop_in("hound_eval_spec.py", "--as_reference", "-o", tmp_path, *mini)
    assert code == 0, err
    made = read(tmp_path)
    wanted = pd.read_csv(golden / "snp/eval_spec.acc.txt", sep="\t")
    assert list(made.columns) == list(wanted.columns)
    for name in ("index", "identifier", "description"):
        assert made[name].tolist() == wanted[name].tolist()
    np.testing.assert_allclose(made["pearsonr"], wanted["pearsonr"], atol=2e-4)
    assert made["pearsonr"].notna().sum() == 24 + 30
    assert [line.split()[0] for line in out.splitlines()] == [
        *("CAGE", "PearsonR", "DNASE", "RNA", "PearsonR", "RNA3")
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["acc.txt"]


def test_the_order_of_tracks_does_not_matter(drop_in: DropIn, mini: tuple, tmp_path: Path) -> None:
    table = pd.read_csv(_WINDOWS / "targets.txt", sep="\t", index_col=0)
    table[:24].to_csv(tmp_path / "one.txt", sep="\t")
    mixed = [*range(0, 24, 2), *range(23, 0, -2)]
    table.iloc[mixed].to_csv(tmp_path / "other.txt", sep="\t")
    found = []
    for name in ("one", "other"):
        targets = ["-t", tmp_path / f"{name}.txt", "--step", "16", "--var_pct", "0.5", "--save"]
        code, _, err = drop_in("hound_eval_spec.py", *targets, "-o", tmp_path / name, *mini)
        assert code == 0, err
        found.append(read(tmp_path / name).set_index("identifier")["pearsonr"])
        with h5py.File(tmp_path / name / "preds.h5") as file:
            assert file["preds"].shape == (10, 128, 24)
    assert found[0].notna().all()
    np.testing.assert_allclose(found[1][found[0].index], found[0], atol=2e-5)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--var_pct", "0"], "above 0 and at most 1; received 0"),
        (["--step", "0"], "step must be 1 or more bins; received 0"),
        (["--target_groups", "CAGE,DNA"], "no group 'DNA' of tracks; the groups are CAGE, DNASE"),
        (["--tfr", "*.x"], "no file matches '*.x'"),
    ],
)
def test_what_is_wrong_is_told(
    drop_in: DropIn, mini: tuple, tmp_path: Path, options: list[str], words: str
) -> None:
    code, _, err = drop_in("hound_eval_spec.py", *options, "-o", tmp_path / "out", *mini)
    assert code == 1
    assert words in err and "--debug" not in err, err
