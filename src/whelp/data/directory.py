"""The data directory of Baskerville: which windows, tracks and record files there are.

DIR/statistics.json     lengths, number of tracks, number of windows of every split
DIR/targets.txt         the tracks
DIR/sequences.bed       the windows of every split, in the order of their records
DIR/tfrecords/SPLIT-NUMBER.tfr
"""

import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import pandas as pd

from whelp.data.errors import DataError
from whelp.data.records import WindowFormat
from whelp.specs import Transform

_COUNT_SUFFIX = "_seqs"


@dataclass(frozen=True)
class Statistics:
    """What statistics.json says.

    Attributes:
        seq_length: Length of a window's sequence in bp.
        target_length: Length of its tracks in bins.
        num_targets: Number of tracks.
        pool_width: Length of a bin in bp.
        crop_bp: Sequence at each side of a window for which there are no tracks, in bp.
        index: Whether sequences are stored as one index a base.
        split_sizes: Split -> number of windows. Baskerville counts before it drops unmappable
            windows, so this is an estimate, from above.
        transform: How the targets were squashed; None if the file does not say, as Baskerville's.
    """

    seq_length: int
    target_length: int
    num_targets: int
    pool_width: int
    crop_bp: int
    index: bool
    split_sizes: dict[str, int]
    transform: Transform | None = None

    @property
    def form(self) -> WindowFormat:
        """Form of the records."""
        return WindowFormat(self.seq_length, self.target_length, self.num_targets, self.index)


def read_statistics(data_dir: str | Path) -> Statistics:
    """Read statistics.json of a data directory.

    Raises:
        DataError: If the directory or the file is missing, the file is not JSON, or a value is
            missing or wrong.
    """
    path = Path(data_dir) / "statistics.json"
    values = _json_object(path)
    seq_length = _count(path, values, "seq_length", 1)
    target_length = _count(path, values, "target_length", 1)
    pool_width = _count(path, values, "pool_width", 1)
    depth = values.get("seq_depth", 4)
    if depth != 4:
        raise DataError(
            f"{path}: seq_depth is {depth!r}; whelp reads sequences of depth 4 (A, C, G, T)"
        )
    values.setdefault("crop_bp", max(0, seq_length - target_length * pool_width) // 2)
    return Statistics(
        seq_length=seq_length,
        target_length=target_length,
        num_targets=_count(path, values, "num_targets", 1),
        pool_width=pool_width,
        crop_bp=_count(path, values, "crop_bp", 0),
        index=bool(values.get("seq_1hot", False)),
        split_sizes={
            key.removesuffix(_COUNT_SUFFIX): _count(path, values, key, 0)
            for key in values
            if key.endswith(_COUNT_SUFFIX)
        },
        transform=_transform(path, values),
    )


def _json_object(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError) as error:
        problem = (
            "there is no statistics.json" if path.parent.is_dir() else "there is no such directory"
        )
        raise DataError(
            f"{path.parent}: {problem}. Expected a data directory with statistics.json, "
            "targets.txt, sequences.bed and tfrecords/"
        ) from error
    except ValueError as error:
        raise DataError(f"{path}: this is not JSON: {error}") from error
    if not isinstance(values, dict):
        raise DataError(f"{path}: expected a JSON object, received {type(values).__name__}")
    return values


def _count(path: Path, values: dict[str, Any], key: str, least: int) -> int:
    if key not in values:
        raise DataError(f"{path}: the key {key!r} is missing; keys here: {', '.join(values)}")
    value = values[key]
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise DataError(f"{path}: {key} is {value!r}, expected a whole number of at least {least}")
    return value


def _transform(path: Path, values: dict[str, Any]) -> Transform | None:
    transform: Transform | None = values.get("target_transform")
    if transform not in (None, *get_args(Transform)):
        raise DataError(f"{path}: target_transform is {transform!r}, expected 'old' or 'new'")
    return transform


def find_files(data_dir: str | Path, split: str, pattern: str | None = None) -> list[Path]:
    """List the record files of a split or pattern, in natural order (2 before 10).

    Args:
        data_dir: Data directory.
        split: Split, such as "train"; its files are `tfrecords/SPLIT-*.tfr`.
        pattern: Shell pattern of files in `tfrecords/`, instead of the split.

    Raises:
        DataError: If there is no such file; it lists what there is.
    """
    folder = Path(data_dir) / "tfrecords"
    if not folder.is_dir():
        raise DataError(f"{data_dir}: there is no directory tfrecords/ with the record files")
    pattern = pattern if pattern is not None else f"{split}-*.tfr"
    files = sorted(_visible(folder, pattern), key=natural_key)
    if files:
        return files
    groups = Counter(split_of(file) for file in _visible(folder, "*.tfr"))
    there = ", ".join(f"{name}-*.tfr ({count})" for name, count in sorted(groups.items()))
    raise DataError(f"{folder}: no file matches {pattern!r}; there are: {there or 'no .tfr files'}")


def _visible(folder: Path, pattern: str) -> list[Path]:
    """List files but for hidden ones, which an interrupted writer may have left."""
    return [file for file in folder.glob(pattern) if not file.name.startswith(".")]


def natural_key(path: Path) -> list[tuple[int, str]]:
    """Sort key of a path by which numbers count as numbers."""
    parts = re.split(r"(\d+)", path.name)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]


def split_of(file: Path) -> str:
    """Give the split that a record file's name begins with: "train" of `train-12.tfr`."""
    return file.stem.rpartition("-")[0] or file.stem


def read_bed(data_dir: str | Path) -> pd.DataFrame | None:
    """Read sequences.bed of a data directory.

    The intervals are those of the tracks: the model's sequence reaches `crop_bp` further at both
    sides.

    Returns:
        Columns chrom, start, end (bp, 0-based half-open) and split; rows of a split in the order
        of its records. None if there is no such file.

    Raises:
        DataError: If the file does not have four columns.
    """
    path = Path(data_dir) / "sequences.bed"
    if not path.is_file():
        return None
    names = ["chrom", "start", "end", "split"]
    try:
        return pd.read_csv(
            path,
            sep="\t",
            header=None,
            names=names,
            usecols=range(4),
            dtype={"chrom": str, "start": int, "end": int, "split": str},
        )
    except ValueError as error:
        raise DataError(
            f"{path}: expected tab-separated chrom, start, end and split in every line: {error}"
        ) from error
