"""Checkpoints: all that a training needs to go on as if it had never stopped.

A checkpoint is a zip of arrays (`numpy.load` opens it): every variable of the model, among them the
seeds of dropout, which Keras' own files leave out; those of the optimiser with its moments,
averages and counters; and a JSON record of the rest. Files are written beside the old one and then
take its place, so that a crash at any moment leaves a whole file.
"""

import json
import shutil
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np

from whelp.files import atomic_path
from whelp.training.errors import CheckpointError, NotFiniteError

FORMAT = 1
RECORD = "record"


def model_variables(model: keras.Model) -> list[keras.Variable]:
    """Return all variables of a model: weights, statistics of norms, and the seeds of dropout."""
    return [*model.trainable_variables, *model.non_trainable_variables]


def save_checkpoint(
    path: Path,
    groups: Mapping[str, Iterable[keras.Variable]],
    record: Mapping[str, Any],
) -> None:
    """Write variables and a record to one file, whole or not at all.

    Args:
        path: file to write or replace.
        groups: variables by group, such as "model" and "optimizer".
        record: what else to keep; JSON values.

    Raises:
        NotFiniteError: if a variable holds a number that is not finite; nothing is written.
        CheckpointError: if the file cannot be written; the one that was there stays.
    """
    groups = {name: list(variables) for name, variables in groups.items()}
    layout = {name: [_describe(v) for v in variables] for name, variables in groups.items()}
    header = {
        "format": FORMAT,
        "backend": keras.backend.backend(),
        "layout": layout,
        **record,
    }
    with writing(path), atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, variables in groups.items():
            for index, variable in enumerate(variables):
                _write(archive, f"{name}/{index}", _finite(variable))
        _write(archive, RECORD, np.array(json.dumps(header)))


def read_record(path: Path) -> dict[str, Any]:
    """Read the record of a checkpoint.

    Raises:
        CheckpointError: if there is no such file, it is damaged, or of a newer format.
    """
    with _reading(path) as arrays:
        record: dict[str, Any] = json.loads(str(arrays[RECORD]))
    if record["format"] > FORMAT:
        raise CheckpointError(
            f"{path} has format {record['format']}; this whelp reads up to {FORMAT}. Update whelp."
        )
    return record


def load_checkpoint(path: Path, groups: Mapping[str, Iterable[keras.Variable]]) -> None:
    """Set variables to what a checkpoint holds.

    Args:
        path: the file.
        groups: variables by group, as when it was written; it may hold further groups.

    Raises:
        CheckpointError: if the file cannot be read, or its variables differ in number or shape.
    """
    layout = read_record(path)["layout"]
    groups = {name: list(variables) for name, variables in groups.items()}
    for name, variables in groups.items():
        _check_layout(path, name, [_describe(v) for v in variables], layout.get(name, []))
    with _reading(path) as arrays:
        for name, variables in groups.items():
            for index, variable in enumerate(variables):
                variable.assign(arrays[f"{name}/{index}"])


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say clearly that a file, or another in its folder, could not be written.

    Raises:
        CheckpointError: in place of an OSError.
    """
    try:
        yield
    except OSError as error:
        folder = path.parent
        free = f"{shutil.disk_usage(folder).free / 2**20:,.0f} MB free" if folder.is_dir() else ""
        raise CheckpointError(
            f"could not write {path}: {error.strerror or error} ({free or 'no such folder'}). "
            "Files written before are whole. Make room, or choose another folder, and resume."
        ) from error


def _write(archive: zipfile.ZipFile, name: str, array: np.ndarray) -> None:
    with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
        np.lib.format.write_array(member, array, allow_pickle=False)


def _finite(variable: keras.Variable) -> np.ndarray:
    array = np.asarray(keras.ops.convert_to_numpy(variable))
    if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
        raise NotFiniteError(f"the variable {variable.path} holds numbers that are not finite")
    return array


def _describe(variable: keras.Variable) -> list[Any]:
    return [variable.path, list(variable.shape), keras.backend.standardize_dtype(variable.dtype)]


def _check_layout(path: Path, group: str, expected: list[Any], found: list[Any]) -> None:
    if len(expected) != len(found):
        raise CheckpointError(
            f"{path} belongs to another training: it has {len(found)} {group} variables, expected "
            f"{len(expected)}. Give the model and the parameters that it was written with."
        )
    for (name, *wanted), (other, *there) in zip(expected, found, strict=True):
        if wanted != there:
            raise CheckpointError(
                f"{path} belongs to another training: {group} variable {name} is {wanted[1]} of "
                f"shape {wanted[0]}, the file has {other}, {there[1]} of shape {there[0]}. Give "
                "the model and the parameters that it was written with."
            )


@contextmanager
def _reading(path: Path) -> Iterator[Any]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            yield arrays
    except FileNotFoundError as error:
        raise CheckpointError(f"there is no checkpoint {path}") from error
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise CheckpointError(
            f"{path} is damaged or no checkpoint of whelp: {error}. Remove it to begin anew."
        ) from error
