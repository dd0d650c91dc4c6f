"""Labelled windows as a Keras data set."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd

from whelp.data.augment import Augmentation, triangle_order
from whelp.data.batches import Batch, BatchSource, FileBatches, MemoryBatches
from whelp.data.epochs import EpochDataset
from whelp.data.errors import DataError
from whelp.data.options import Batching, BatchOptions, resolved, set_only
from whelp.data.stores import FileStore, MemoryStore
from whelp.data.targets import strand_pairs


@dataclass(frozen=True)
class DatasetInfo:
    """What is known of a data set besides its windows.

    Attributes:
        name: For messages, such as its directory and split.
        seq_length: Length of the sequences in bp.
        target_length: Length of the targets in bins.
        targets: Targets table, one row a track, in the order of the tracks.
        pool_width: Length of a bin in bp, if known.
        crop_bp: Sequence at each side without targets in bp, if known.
        locate: Function that gives the windows' coordinates; raises DataError if nobody knows them.
    """

    name: str
    seq_length: int
    target_length: int
    targets: pd.DataFrame
    pool_width: int | None
    crop_bp: int | None
    locate: Callable[[], pd.DataFrame]


class Dataset(EpochDataset):
    """Batches of windows: one-hot DNA and the tracks measured over it.

    An item is `(x, y)`: x float32 `(batch, seq_length, 4)`, y float32 `(batch, target_length,
    num_targets)`. Every epoch gives each window at most once; its order and random changes are a
    function of (seed, epoch) alone.

    Made by `open_dataset` or `from_arrays`. Sequences become one-hot batch by batch, so windows
    in memory take one byte a base and two a value.

    Args:
        store: The windows.
        info: What is known of them.
        options: How they become batches; see `Batching`.

    Raises:
        DataError: If reverse complements are asked for and the targets table cannot say which
            tracks swap.
    """

    def __init__(
        self, store: MemoryStore | FileStore, info: DatasetInfo, options: BatchOptions
    ) -> None:
        super().__init__()
        self._store = store
        self._info = info
        self._options: BatchOptions = options
        self._batching = resolved(options)
        augmentation = make_augmentation(self._batching, info)
        self._source: BatchSource
        if isinstance(store, MemoryStore):
            self._source = MemoryBatches(store, self._batching, augmentation)
        else:
            self._source = FileBatches(store, self._batching, augmentation)

    def __len__(self) -> int:
        """Number of batches in an epoch."""
        return self._batching.num_batches(self.num_seqs)

    def batch(self, number: int) -> Batch:
        """Give batch `number` of the current epoch."""
        return self._source.batch(self.epoch, number)

    @property
    def name(self) -> str:
        """Where the data come from, for messages."""
        return self._info.name

    @property
    def batching(self) -> Batching:
        """How windows become batches."""
        return self._batching

    @property
    def batch_size(self) -> int:
        """Windows in a batch."""
        return self._batching.batch_size

    @property
    def num_seqs(self) -> int:
        """Number of windows, counted in the files."""
        return self._store.num_windows

    @property
    def seq_length(self) -> int:
        """Length of the sequences in bp."""
        return self._info.seq_length

    @property
    def target_length(self) -> int:
        """Length of the targets in bins."""
        return self._info.target_length

    @property
    def num_targets(self) -> int:
        """Number of tracks."""
        return len(self._info.targets)

    @property
    def pool_width(self) -> int | None:
        """Length of a bin in bp; None if it is not known."""
        return self._info.pool_width

    @property
    def crop_bp(self) -> int | None:
        """Sequence at each side without targets, in bp; None if it is not known."""
        return self._info.crop_bp

    @property
    def targets(self) -> pd.DataFrame:
        """Targets table, one row a track."""
        return self._info.targets

    @property
    def strand_pair(self) -> npt.NDArray[np.int64] | None:
        """Row of the opposite strand of every track; None if the targets table does not say.

        Raises:
            DataError: If the table's strand pairs are broken.
        """
        return _strand_pair(self._info)

    @property
    def windows(self) -> pd.DataFrame:
        """Coordinates of the targets of every window, in the order of the files.

        Columns chrom, start, end (bp, 0-based half-open) and split. The sequence reaches
        `crop_bp` further at both sides.

        Raises:
            DataError: If there is no sequences.bed, or it does not fit the files.
        """
        return self._info.locate()

    @property
    def in_memory(self) -> bool:
        """Whether the windows are in memory, and not read from files in every epoch."""
        return isinstance(self._store, MemoryStore)

    @property
    def window_bytes(self) -> int:
        """Size of a window as it is stored: one byte a base and two a value."""
        return self.seq_length + 2 * self.target_length * self.num_targets

    def check(self) -> None:
        """Read all windows once, and keep none.

        Raises:
            RecordError: If a record file is cut short or damaged, or holds another number of
                windows than it should.
        """
        for _ in self._store.in_order():
            pass

    def with_options(self, **options: Unpack[BatchOptions]) -> Self:
        """Give the same windows, sharing memory, with `options` in place of those that are set."""
        merged: Any = {**self._options, **options}
        return type(self)(self._store, self._info, merged)

    def with_defaults(self, **options: Unpack[BatchOptions]) -> Self:
        """Give the same windows with `options` where none were set when the data were opened."""
        merged: Any = {**options, **set_only(self._options)}
        return type(self)(self._store, self._info, merged)

    def arrays(
        self, *, step: int = 1, dtype: npt.DTypeLike = np.float16
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Give all windows as they are in the files, without random changes.

        Args:
            step: Take every how many-th bin of the targets.
            dtype: Type of the targets.

        Returns:
            Base indexes, uint8 `(num_seqs, seq_length)` (of arrays that hold no index form: as
            they were given), and targets `(num_seqs, bins, num_targets)`.
        """
        sequences, targets = [], []
        for window in self._store.in_order():
            sequences.append(window.sequence)
            targets.append(window.target[::step].astype(dtype))
        return np.stack(sequences), np.stack(targets)


def make_augmentation(batching: Batching, info: DatasetInfo) -> Augmentation:
    """Decide how the windows of a data set are changed.

    Raises:
        DataError: If reverse complements are asked for and the targets table cannot say which
            tracks swap, or the targets are no upper triangle although `diagonal_offset` says so.
    """
    pairs = _strand_pair(info) if batching.augment_rc else None
    if batching.augment_rc and pairs is None:
        raise DataError(
            f"{info.name}: augment_rc swaps the strands of tracks, but the targets table has no "
            "column strand_pair. Add it (the number of the track of the other strand; its own "
            "number for a track without strands), or turn augment_rc off"
        )
    if batching.diagonal_offset is not None:
        try:
            triangle_order(info.target_length, batching.diagonal_offset)
        except ValueError as error:
            raise DataError(f"{info.name}: {error}") from error
    return Augmentation(batching.augment_rc, batching.shifts, pairs, batching.diagonal_offset)


def _strand_pair(info: DatasetInfo) -> npt.NDArray[np.int64] | None:
    try:
        return strand_pairs(info.targets)
    except DataError as error:
        raise DataError(f"{info.name}: {error}") from error
