"""The data of a replicate: folds of a data set as training, validation and test windows.

FOLDER/f3c0/data0/statistics.json    with train_seqs, valid_seqs and test_seqs
FOLDER/f3c0/data0/sequences.bed      with train, valid and test in place of folds
FOLDER/f3c0/data0/targets.txt
FOLDER/f3c0/data0/tfrecords/         links such as train-0.tfr to the records of the data set

So lay it out `setup_folds.py` of Baskerville and, of TFRecords, `westminster_train_folds.py`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whelp.data.directory import find_files, read_statistics
from whelp.data.errors import DataError
from whelp.folds.errors import FoldsError

_FOLD = re.compile(r"fold(\d+)")
_STATISTICS, _WINDOWS, _TARGETS, _RECORDS = (
    "statistics.json",
    "sequences.bed",
    "targets.txt",
    "tfrecords",
)


@dataclass(frozen=True)
class FoldData:
    """A data set with folds.

    Attributes:
        folder: Its directory, absolute.
        statistics: What its `statistics.json` says, in the file's order.
        sizes: Number of windows of each fold.
    """

    folder: Path
    statistics: Mapping[str, Any]
    sizes: Sequence[int]


@dataclass(frozen=True)
class ReplicateData:
    """The data directory of a replicate, before it is written.

    Attributes:
        texts: Name -> contents of the files.
        links: Name in `tfrecords/` -> record file of the data set.
        targets: Targets table, which is copied.
    """

    texts: Mapping[str, str]
    links: Mapping[str, Path]
    targets: Path


def read_fold_data(folder: str | Path) -> FoldData:
    """Reads which folds a data set has.

    Raises:
        DataError: There is no data set, it has no folds, or one between others is missing.
    """
    folder = Path(os.path.abspath(folder))
    known = read_statistics(folder).split_sizes
    statistics = json.loads((folder / _STATISTICS).read_text(encoding="utf-8"))
    sizes: list[int] = []
    while (label := f"fold{len(sizes)}") in known:
        sizes.append(known[label])
    if sum(_FOLD.fullmatch(each) is not None for each in known) > len(sizes):
        raise DataError(
            f"{folder}: {label} is missing; statistics.json counts {', '.join(known)}. Copy the "
            "data again, or make them again"
        )
    if not sizes:
        raise DataError(
            f"{folder}: the data have no folds; statistics.json counts {', '.join(known) or 'none'}"
            ". Make them with folds (whelp data --folds 8), or train on them as they are (whelp "
            "train, whelp transfer)"
        )
    return FoldData(folder, statistics, tuple(sizes))


def replicate_data(data: FoldData, *, test: int, valid: int) -> ReplicateData:
    """Says what the data directory of a replicate is to hold.

    Args:
        data: The data set.
        test: Fold of the test windows.
        valid: Fold of the validation windows; the others are trained on.

    Raises:
        DataError: A fold has no windows or no record files, or `sequences.bed` has other labels.
    """
    train = [fold for fold in range(len(data.sizes)) if fold not in (test, valid)]
    parts = {"test": [test], "valid": [valid], "train": train}
    links: dict[str, Path] = {}
    for split, folds in parts.items():
        if not sum(data.sizes[fold] for fold in folds):
            raise DataError(
                f"{data.folder}: there are no {split} windows, for {_named(folds)} holds none of "
                f"{', '.join(map(str, data.sizes))}. Choose other folds"
            )
        files = [
            file
            for fold in folds
            if data.sizes[fold]
            for file in find_files(data.folder, f"fold{fold}")
        ]
        links |= {f"{split}-{number}.tfr": file for number, file in enumerate(files)}
    texts = {_STATISTICS: _statistics(data, parts)}
    if (windows := data.folder / _WINDOWS).exists():
        texts[_WINDOWS] = _windows(windows, test=test, valid=valid)
    return ReplicateData(texts, links, data.folder / _TARGETS)


def _named(folds: Sequence[int]) -> str:
    return f"fold {', '.join(map(str, folds))}" if folds else "no fold"


def _statistics(data: FoldData, parts: Mapping[str, Sequence[int]]) -> str:
    counted = {f"fold{fold}_seqs" for fold in range(len(data.sizes))}
    values = {key: value for key, value in data.statistics.items() if key not in counted}
    for split, folds in parts.items():
        values[f"{split}_seqs"] = sum(data.sizes[fold] for fold in folds)
    # To the byte what Baskerville writes.
    return json.dumps(values, indent=4)


def _windows(path: Path, *, test: int, valid: int) -> str:
    names = {test: "test", valid: "valid"}
    lines = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        *place, label = line.split() or [""]
        fold = _FOLD.fullmatch(label)
        if fold is None:
            raise DataError(
                f"{path}, line {number}: expected a fold, such as fold0, in the last column; got "
                f"{label!r}"
            )
        lines.append("\t".join([*place, names.get(int(fold[1]), "train")]) + "\n")
    return "".join(lines)


def write_replicate_data(data: ReplicateData, folder: Path) -> None:
    """Writes the data directory of a replicate in one step, or checks the one that is there.

    Raises:
        FoldsError: The folder is there and holds something else.
        OSError: It cannot be written.
    """
    if folder.exists():
        _check(data, folder)
        return
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    try:
        (partial / _RECORDS).mkdir(parents=True)
        for name, text in data.texts.items():
            (partial / name).write_text(text, encoding="utf-8")
        shutil.copy(data.targets, partial / _TARGETS)
        for name, file in data.links.items():
            (partial / _RECORDS / name).symlink_to(file)
        partial.rename(folder)
    except OSError:
        if not folder.exists():
            raise
        _check(data, folder)  # another process of the same run was quicker
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _check(data: ReplicateData, folder: Path) -> None:
    """Refuses a directory that was made of other data, or of other folds."""
    links = {path.name: path.resolve() for path in (folder / _RECORDS).glob("*.tfr")}
    different = [
        name
        for name, text in data.texts.items()
        if not (folder / name).is_file() or _values(folder / name) != _parsed(name, text)
    ]
    if links != {name: file.resolve() for name, file in data.links.items()}:
        different.append(_RECORDS)
    if different:
        raise FoldsError(
            f"{folder} is there and differs in {', '.join(different)} from what these data and "
            "folds give. Choose another folder, or the data and folds that it was made of"
        )


def _values(path: Path) -> Any:
    return _parsed(path.name, path.read_text(encoding="utf-8"))


def _parsed(name: str, text: str) -> Any:
    return json.loads(text) if name == _STATISTICS else text
