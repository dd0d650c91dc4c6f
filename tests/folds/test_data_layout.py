"""The folders of replicates: those of the reference, and what is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from whelp.data import DataError, open_dataset
from whelp.folds import FoldsError, FoldsSettings, set_up_folds
from whelp.folds.data_layout import read_fold_data, replicate_data


def _set_up(folder: Path, **settings: Any) -> Path:
    out = folder / "out"
    set_up_folds(folder / "params.json", folder / "data", out, FoldsSettings(**settings))
    return out


def test_folders_are_the_reference_s(
    given: Path, reference_layout: dict[str, Any], layout: Callable
) -> None:
    out = _set_up(given, folds=(0, 1), crosses=3)
    found = layout(out, given)
    record = json.loads(found.pop("folds.json")["text"])
    assert found == reference_layout["layout"]
    assert [each["name"] if "name" in each else each["fold"] for each in record["replicates"]]


def test_folders_of_the_reference_are_gone_on_with(
    given: Path, reference_layout: dict[str, Any], layout: Callable
) -> None:
    out = given / "out"
    for name, entry in reference_layout["layout"].items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        if "link" in entry:
            (out / name).symlink_to(given / entry["link"])
        else:
            (out / name).write_text(entry["text"])
    with pytest.raises(FoldsError, match=r"holds replicates already \(f\dc\d\)\. Go on with them"):
        _set_up(given, folds=(0, 1), crosses=3)
    _set_up(given, folds=(0, 1), crosses=3, resume=True)
    assert layout(out, given).keys() - reference_layout["layout"].keys() == {"folds.json"}
    # Another validation fold would be another data set.
    with pytest.raises(FoldsError, match="differs in statistics.json, sequences.bed, tfrecords"):
        (out / "folds.json").unlink()
        _set_up(given, folds=(0, 1), crosses=3, resume=True, identical_crosses=True)


def test_a_run_may_grow_but_not_change(given: Path) -> None:
    out = _set_up(given, folds=(0,))
    with pytest.raises(FoldsError, match="Go on with them"):
        _set_up(given, folds=(1,))
    _set_up(given, folds=(1,), crosses=2, resume=True)
    assert {path.name for path in out.glob("f*/")} == {"f0c0", "f1c0", "f1c1"}
    with pytest.raises(FoldsError, match=r"differ in f0c0\."):
        _set_up(given, folds=(0,), valid_fold=3, resume=True)
    params = json.loads((given / "params.json").read_text())
    params["train"]["batch_size"] = 4
    (given / "params.json").write_text(json.dumps(params))
    with pytest.raises(FoldsError, match=r"differ in params\."):
        _set_up(given, folds=(0,), resume=True)


def test_parts_make_the_whole(given: Path, layout: Callable, reference_layout: Any) -> None:
    names = []
    for number in (1, 2, 3, 4):
        settings = FoldsSettings(folds=(0, 1), crosses=3, part=(number, 4))
        jobs, _ = set_up_folds(given / "params.json", given / "data", given / "out", settings)
        names.append([job.replicate.name for job in jobs])
    assert names == [["f0c0", "f0c2"], ["f1c0", "f1c2"], ["f0c1"], ["f1c1"]]
    found = layout(given / "out", given)
    assert {name: found[name] for name in reference_layout["layout"]} == reference_layout["layout"]
    with pytest.raises(FoldsError, match="part 5 of 4"):
        _set_up(given, part=(5, 4))


def test_windows_are_counted_and_read(shared_folds: Path, tmp_path: Path) -> None:
    from whelp.folds.data_layout import write_replicate_data

    view = replicate_data(read_fold_data(shared_folds), test=1, valid=3)
    write_replicate_data(view, tmp_path / "data0")
    sizes = {s: open_dataset(tmp_path / "data0", s).num_seqs for s in ("train", "valid", "test")}
    assert sizes == {"train": 6, "valid": 2, "test": 2}
    tested = open_dataset(tmp_path / "data0", "test").windows
    assert (tested["start"].tolist()) == [40_000, 50_000]


def test_data_without_folds(given: Path, shared_project: Any) -> None:
    with pytest.raises(DataError, match="no folds; statistics.json counts train, valid, test"):
        read_fold_data(shared_project.data)
    with pytest.raises(DataError, match="no such directory"):
        read_fold_data(given / "nowhere")


def test_folds_that_are_missing(given: Path) -> None:
    with pytest.raises(FoldsError, match="there is no fold 5: the data have folds 0 to 4"):
        _set_up(given, folds=(5,))
    (given / "data" / "tfrecords" / "fold2-0.tfr").unlink()
    (given / "data" / "tfrecords" / "fold2-1.tfr").unlink()
    with pytest.raises(DataError, match=r"no file matches 'fold2-\*.tfr'; there are: fold0"):
        _set_up(given)
    assert not (given / "out").exists()
    statistics = json.loads((given / "data" / "statistics.json").read_text()) | {"fold2_seqs": 0}
    (given / "data" / "statistics.json").write_text(json.dumps(statistics))
    with pytest.raises(DataError, match="there are no valid windows, for fold 2 holds none"):
        _set_up(given)
    _set_up(given, folds=(3, 4))  # an empty fold to train on takes nothing away


@pytest.mark.parametrize("missing", ["fold0", "fold1"])
def test_a_fold_that_statistics_leave_out(given: Path, missing: str) -> None:
    file = next(given.rglob("statistics.json"))
    values = json.loads(file.read_text())
    del values[f"{missing}_seqs"]
    file.write_text(json.dumps(values))
    with pytest.raises(DataError, match=f"{missing} is missing; statistics.json counts"):
        read_fold_data(file.parent)


def test_labels_that_are_no_folds(given: Path) -> None:
    bed = given / "data" / "sequences.bed"
    lines = bed.read_text().splitlines()
    bed.write_text("\n".join([*lines[:4], lines[4].replace("fold1", "train"), *lines[5:]]))
    with pytest.raises(DataError, match=r"line 5: expected a fold, .* got 'train'"):
        _set_up(given)


def test_genomes_with_other_numbers_of_folds(given: Path, shared_folds: Path) -> None:
    both = [given / "data", shared_folds]
    with pytest.raises(FoldsError, match="different numbers of folds: 5 in .*, 4 in "):
        set_up_folds(given / "params.json", both, given / "out")
