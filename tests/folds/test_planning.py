"""Which folds are tested and validated on, and what weights have seen of them."""

import json
from pathlib import Path
from typing import Any

import pytest

from whelp.folds import FoldsError, FoldsSettings, set_up_folds
from whelp.folds.data_layout import FoldData, read_fold_data
from whelp.folds.planning import plan_folds


def _planned(data: Path | FoldData, **settings: Any) -> dict[str, tuple[int, str]]:
    """Name of each replicate -> validation fold and leak."""
    known = data if isinstance(data, FoldData) else read_fold_data(data)
    replicates, _ = plan_folds([known], FoldsSettings(**settings))
    return {each.name: (each.valid_fold, each.leak) for each in replicates}


@pytest.fixture
def trunks(tmp_path: Path) -> str:
    """A pattern of the names of three files of weights."""
    for cross in range(3):
        (tmp_path / f"trunk_r{cross}.h5").write_bytes(b"weights")
    return str(tmp_path / "trunk_r{c}.h5")


@pytest.fixture
def split(shared_folds: Path, tmp_path: Path) -> Path:
    """Windows of a pretraining that was tested on fold 2 and validated on fold 0."""
    text = (shared_folds / "sequences.bed").read_text()
    for fold, label in {0: "valid", 1: "train", 2: "test", 3: "train"}.items():
        text = text.replace(f"fold{fold}", label)
    (tmp_path / "trunk.bed").write_text(text)
    return tmp_path / "trunk.bed"


def test_validation_folds_go_round(shared_folds: Path) -> None:
    planned = _planned(shared_folds, crosses=2)
    assert {name: valid for name, (valid, _) in planned.items()} == {
        **{"f0c0": 1, "f1c0": 2, "f2c0": 3, "f3c0": 0},
        **{"f0c1": 2, "f1c1": 3, "f2c1": 0, "f3c1": 1},
    }
    alike = _planned(shared_folds, crosses=5, folds=[3], identical_crosses=True)
    assert {valid for valid, _ in alike.values()} == {0} and len(alike) == 5
    assert _planned(shared_folds, folds=[2], valid_fold=1) == {"f2c0": (1, "")}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        # In the reference cross 3 of four folds is validated on the fold that it is tested on.
        ({"crosses": 4}, "f0c3 would be validated on fold 0, which it is tested on. With 4 folds"),
        ({"folds": [1], "valid_fold": 1}, "f1c0 would be validated on fold 1"),
        ({"folds": [4]}, "there is no fold 4: the data have folds 0 to 3"),
        ({"valid_fold": -1}, "there is no fold -1"),
        ({"folds": []}, "expected at least one"),
        ({"folds": [1, 1]}, "each once"),
        ({"crosses": 0}, "0 crosses: expected 1 or more"),
        ({"pretrained": "trunk_{d}.h5"}, r"\{d\} stands for nothing"),
        ({"pretrained": "trunk_{.h5"}, "no pattern of file names"),
        ({"pretrained": "nowhere_{c}.h5"}, "f0c0: there is no file .*nowhere_0.h5 to begin from"),
        ({"pretrained_splits": ["x.bed"]}, "but no weights"),
    ],
)
def test_what_cannot_be_planned(settings: dict[str, Any], message: str, shared_folds: Path) -> None:
    with pytest.raises(FoldsError, match=message):
        _planned(shared_folds, **settings)


def test_two_folds_are_too_few(shared_folds: Path) -> None:
    with pytest.raises(FoldsError, match="has 2 fold.s.: expected at least 3"):
        _planned(FoldData(shared_folds, {}, (3, 2)))


def test_trunks_are_held_to_what_they_have_not_seen(
    shared_folds: Path, trunks: str, split: Path
) -> None:
    known = {"pretrained": trunks, "pretrained_splits": [str(split)]}
    assert _planned(shared_folds, **known) == {f"f2c{cross}": (0, "") for cross in range(3)}
    assert _planned(shared_folds, **known, crosses=1) == {"f2c0": (0, "")}
    with pytest.raises(
        FoldsError, match=r"f1c0: 2 of 2 test windows \(fold 1; 100% of .*not seen: 0, 2"
    ):
        _planned(shared_folds, **known, folds=[1])
    with pytest.raises(FoldsError, match=r"2 of 2 validation windows \(fold 3; 100%"):
        _planned(shared_folds, **known, folds=[2], valid_fold=3)
    leaks = _planned(shared_folds, **known, crosses=1, folds=[0, 1, 2, 3], allow_leak=True)
    assert leaks == {
        **{"f0c0": (1, "valid"), "f1c0": (2, "test")},
        **{"f2c0": (0, ""), "f3c0": (0, "test")},
    }


def test_labels_that_do_not_say_what_was_held_out(shared_folds: Path, trunks: str) -> None:
    known = {"pretrained": trunks, "pretrained_splits": [str(shared_folds / "sequences.bed")]}
    with pytest.raises(FoldsError, match="all is taken to be trained on; --held-out names labels"):
        _planned(shared_folds, **known)


def test_a_base_is_enough_to_leak(shared_folds: Path, trunks: str, split: Path) -> None:
    lines = split.read_text().splitlines()
    held = [line for line in lines if line.endswith("test")][0].split("\t")
    lines.append("\t".join([held[0], str(int(held[1]) - 100), str(int(held[1]) + 1), "train"]))
    split.write_text("\n".join(lines) + "\n")
    with pytest.raises(FoldsError, match="1 of 3 test windows"):
        _planned(shared_folds, folds=[2], pretrained=trunks, pretrained_splits=[str(split)])


def test_folds_of_the_released_models(shared_folds: Path, trunks: str, tmp_path: Path) -> None:
    """Windows labelled by fold: fold3 and fold4 are what those were tested and validated on."""
    text = (shared_folds / "sequences.bed").read_text().replace("fold0", "fold4")
    (tmp_path / "human.bed").write_text(text)
    known = {"pretrained": trunks, "pretrained_splits": [str(tmp_path / "human.bed")]}
    assert _planned(shared_folds, **known, crosses=2) == {"f3c0": (0, ""), "f3c1": (0, "")}
    _, notes = plan_folds([read_fold_data(shared_folds)], FoldsSettings(**known))
    assert "only fold 3 is tested on" in notes[0] and "fold3 and fold4 are taken" in notes[1]
    other = _planned(shared_folds, **known, held_out=["fold1", "fold2"], crosses=1)
    assert other == {"f1c0": (2, "")}
    with pytest.raises(FoldsError, match="no windows with the label fold9"):
        _planned(shared_folds, **known, held_out=["fold9"])


def test_what_nobody_knows_is_said(shared_folds: Path, trunks: str, tmp_path: Path) -> None:
    planned = _planned(shared_folds, pretrained=trunks, folds=[1], crosses=1)
    assert planned == {"f1c0": (2, "unknown")}
    (tmp_path / "fly.bed").write_text("chr2L\t0\t1000\ttrain\n")
    with pytest.raises(FoldsError, match="no chromosome in common"):
        _planned(shared_folds, pretrained=trunks, pretrained_splits=[str(tmp_path / "fly.bed")])


def test_weights_of_the_same_fold(shared_folds: Path, tmp_path: Path) -> None:
    """Each replicate may have weights and a past of its own."""
    text = (shared_folds / "sequences.bed").read_text()
    for fold in range(4):
        own = text.replace(f"fold{fold}", "test").replace(f"fold{(fold + 1) % 4}", "valid")
        folder = tmp_path / f"f{fold}c0"
        folder.mkdir()
        (folder / "model.h5").write_bytes(b"weights")
        (folder / "sequences.bed").write_text(own)
    known = {
        "pretrained": str(tmp_path / "f{f}c{c}" / "model.h5"),
        "pretrained_splits": [str(tmp_path / "f{f}c{c}" / "sequences.bed")],
        "held_out": ["test", "valid"],
    }
    assert set(_planned(shared_folds, **known).values()) == {(fold, "") for fold in range(4)}
    with pytest.raises(FoldsError, match=r"f0c0: .* \(fold 2;"):
        _planned(shared_folds, **known, valid_fold=2, folds=[0])


def test_the_provenance_of_the_parameters_names_the_windows(
    given: Path, shared_folds: Path, trunks: str, split: Path
) -> None:
    params = json.loads((given / "params.json").read_text())
    params["model"]["provenance"] = {"windows": split.name}
    (given / "params.json").write_text(json.dumps(params))
    wanted = FoldsSettings(pretrained=trunks, crosses=1)
    jobs, notes = set_up_folds(given / "params.json", shared_folds, given / "out", wanted)
    assert [(job.replicate.name, job.replicate.leak) for job in jobs] == [("f2c0", "")]
    assert f"as in {split}" in notes[0]
    copied = json.loads((given / "out" / "params.json").read_text())
    assert copied["model"]["provenance"]["windows"] == str(split)
