"""Data sets from data directories and from arrays."""

import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd

from whelp.data.dataset import Dataset, DatasetInfo, make_augmentation
from whelp.data.directory import Statistics, find_files, read_bed, read_statistics
from whelp.data.errors import DataError
from whelp.data.locate import locate_windows
from whelp.data.options import BatchOptions, resolved
from whelp.data.records import Window
from whelp.data.stores import FileStore, MemoryStore, WindowReader, count_files
from whelp.data.targets import read_targets
from whelp.genome import dna

_logger = logging.getLogger(__name__)

MEMORY_BUDGET = 1 << 30
"""Bytes of windows that are held in memory, unless told otherwise."""


def open_dataset(
    data_dir: str | Path,
    split: str = "train",
    *,
    pattern: str | None = None,
    targets_file: str | Path | None = None,
    seq_length: int | None = None,
    memory_budget: int = MEMORY_BUDGET,
    **options: Unpack[BatchOptions],
) -> Dataset:
    """Open a split of a Baskerville data directory.

    Windows that fit the memory budget are read now; others are read from the files in every
    epoch, several files at a time and ahead of the training.

    Args:
        data_dir: Directory with statistics.json, targets.txt, sequences.bed and tfrecords/.
        split: Split, such as "train", "valid" or "test".
        pattern: Shell pattern of record files in tfrecords/ to take in place of the split's.
        targets_file: Targets table of the tracks to take; its first column holds their numbers in
            the records.
        seq_length: Length in bp to which sequences are cropped around their middle; targets stay
            as they are.
        memory_budget: Bytes of windows to hold in memory; with shuffling from files also the
            limit of the buffer.
        **options: Batch size, shuffling, augmentation, seed; see `Batching`. Those left out are
            off here and filled from the specification by `whelp.train`.

    Returns:
        The data set. For training on it with `model.fit`, see `EpochDataset`.

    Raises:
        DataError: If a part of the directory is missing or contradicts another.
        RecordError: If a record file is missing, empty, cut short or damaged.
        TypeError: If there is no such option.
        ValueError: If an option has an impossible value.
    """
    data_dir = Path(data_dir)
    batching = resolved(options)
    statistics = read_statistics(data_dir)
    files = find_files(data_dir, split, pattern)
    targets, columns = _targets(data_dir, targets_file, statistics)
    crop = _crop(data_dir, statistics, seq_length)
    reader = WindowReader(statistics.form, crop, columns)
    counts: list[int] = []
    info = DatasetInfo(
        name=f"{data_dir} ({pattern or split})",
        seq_length=statistics.seq_length - 2 * crop,
        target_length=statistics.target_length,
        targets=targets,
        pool_width=statistics.pool_width,
        crop_bp=statistics.crop_bp - crop,
        locate=partial(locate_windows, data_dir, files, counts),
    )
    make_augmentation(batching, info)  # before much is read
    expected = None if pattern else _expected_windows(data_dir, split, statistics)
    store = _store(files, reader, expected, memory_budget)
    counts.extend(store.counts)
    if not store.num_windows:
        raise DataError(f"{info.name}: the {len(files)} record files hold no windows")
    if expected is not None and expected != store.num_windows:
        _logger.info("%s: %d windows, not %d", info.name, store.num_windows, expected)
    return Dataset(store, info, options)


def _targets(
    data_dir: Path, targets_file: str | Path | None, statistics: Statistics
) -> tuple[pd.DataFrame, npt.NDArray[np.int64] | None]:
    """Read the targets table; give it and the columns of the records that it takes."""
    if targets_file is None:
        table = read_targets(data_dir / "targets.txt")
        if len(table) != statistics.num_targets:
            raise DataError(
                f"{data_dir}: targets.txt has {len(table)} tracks, but num_targets in "
                f"statistics.json is {statistics.num_targets}. Give the table that the records "
                "were made from"
            )
        return table, None
    table = read_targets(targets_file)
    outside = table.index[(table.index < 0) | (table.index >= statistics.num_targets)]
    if len(outside):
        raise DataError(
            f"{targets_file}: track number {outside[0]} is not in {data_dir}, which has tracks "
            f"0 to {statistics.num_targets - 1}"
        )
    return table, table.index.to_numpy(np.int64)


def _crop(data_dir: Path, statistics: Statistics, seq_length: int | None) -> int:
    """Give the bp to cut off at each side."""
    if seq_length is None:
        return 0
    crop, odd = divmod(statistics.seq_length - seq_length, 2)
    if odd or not 0 <= crop <= statistics.crop_bp:
        raise DataError(
            f"{data_dir}: sequences of {statistics.seq_length:,} bp cannot be cropped to "
            f"{seq_length:,} bp. Expected an even number of bp to lose and at least the "
            f"{statistics.seq_length - 2 * statistics.crop_bp:,} bp that have targets"
        )
    return crop


def _expected_windows(data_dir: Path, split: str, statistics: Statistics) -> int | None:
    """Give the number of windows of a split by sequences.bed, else by statistics.json."""
    bed = read_bed(data_dir)
    if bed is not None and (bed["split"] == split).any():
        return int((bed["split"] == split).sum())
    return statistics.split_sizes.get(split)


def _store(
    files: Sequence[Path], reader: WindowReader, expected: int | None, memory_budget: int
) -> MemoryStore | FileStore:
    counts = None if expected is not None else count_files(files, None)
    num_windows = expected if counts is None else sum(counts)
    if num_windows is None or num_windows * reader.window_bytes <= memory_budget:
        return MemoryStore.from_files(files, reader)
    if counts is None:
        counts = count_files(files, expected)
    return FileStore(files, counts, reader, memory_budget)


def from_arrays(
    x: Any,
    y: Any,
    *,
    targets: pd.DataFrame | None = None,
    strand_pair: Sequence[int] | None = None,
    **options: Unpack[BatchOptions],
) -> Dataset:
    """Make a data set of arrays, with the same batches and random changes as one from files.

    Args:
        x: Base indexes `(num_seqs, seq_length)`, 0 to 4 (N), or one-hot rows `(num_seqs,
            seq_length, 4)`.
        y: Targets `(num_seqs, target_length, num_targets)`.
        targets: Targets table; by default tracks are numbered.
        strand_pair: For every track the number of that of the other strand, its own for one
            without strands; in place of the table's column.
        **options: Batch size, shuffling, augmentation, seed; see `Batching`.

    Returns:
        The data set. It holds on to the arrays of targets, without a copy.

    Raises:
        DataError: If the arrays do not fit each other or the table.
    """
    sequences, values = _sequences(np.asarray(x)), np.asarray(y)
    if values.ndim < 2 or len(values) != len(sequences) or not len(values):
        raise DataError(
            "arrays: x and y hold one window an entry, y of shape (num_seqs, target_length, "
            f"num_targets); received x {np.shape(x)} and y {values.shape}"
        )
    table = _table(values.shape[-1], targets, strand_pair)
    info = DatasetInfo(
        name="arrays",
        seq_length=sequences.shape[1],
        target_length=values.shape[1] if values.ndim > 2 else 1,
        targets=table,
        pool_width=None,
        crop_bp=None,
        locate=_no_coordinates,
    )
    store = MemoryStore([Window(*pair) for pair in zip(sequences, values, strict=True)])
    return Dataset(store, info, options)


def _sequences(x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Give index form where there is one, else the rows as they are."""
    if x.ndim == 3 and x.shape[-1] == len(dna.BASES):
        try:
            return dna.from_one_hot(x)
        except ValueError:
            return x  # mixtures of bases
    if x.ndim == 2 and np.issubdtype(x.dtype, np.integer):
        if x.size and (x.min() < 0 or x.max() > dna.UNKNOWN):
            raise DataError(f"arrays: base indexes are 0 to 4, received {x.min()} to {x.max()}")
        return x.astype(np.uint8, copy=False)
    raise DataError(
        "arrays: x holds base indexes (num_seqs, seq_length) or one-hot rows (num_seqs, "
        f"seq_length, 4); received {x.dtype} of shape {x.shape}"
    )


def _table(
    num_targets: int, targets: pd.DataFrame | None, strand_pair: Sequence[int] | None
) -> pd.DataFrame:
    if targets is None:
        names = [f"track {number}" for number in range(num_targets)]
        targets = pd.DataFrame({"identifier": names, "description": names})
    if len(targets) != num_targets:
        raise DataError(f"arrays: the targets table has {len(targets)} tracks, y has {num_targets}")
    if strand_pair is None:
        return targets
    if len(strand_pair) != num_targets:
        raise DataError(
            f"arrays: strand_pair has {len(strand_pair)} entries, y has {num_targets} tracks"
        )
    return targets.reset_index(drop=True).assign(strand_pair=list(strand_pair))


def _no_coordinates() -> pd.DataFrame:
    raise DataError("arrays have no coordinates")
