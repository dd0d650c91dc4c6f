"""Windows of a store, in the order of an epoch, changed and put into batches."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import Protocol

import numpy as np
import numpy.typing as npt

from whelp.data.augment import Augmentation, Draws, epoch_rng
from whelp.data.options import Batching
from whelp.data.prefetch import Prefetcher
from whelp.data.records import Window
from whelp.data.stores import FileStore, MemoryStore, num_threads

Batch = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
"""One-hot sequences `(batch, seq_length, 4)` and targets `(batch, target_length, num_targets)`."""


class BatchSource(Protocol):
    """Gives the batches of every epoch, as a function of (epoch, number) alone."""

    def batch(self, epoch: int, number: int) -> Batch:
        """Give batch `number` of `epoch`."""


class MemoryBatches:
    """Batches of windows in memory, in any order and from any thread."""

    def __init__(self, store: MemoryStore, batching: Batching, augmentation: Augmentation) -> None:
        self._store = store
        self._batching = batching
        self._augmentation = augmentation
        self._plan = (-1, np.arange(0), Draws(np.zeros(0, bool), np.arange(0)))

    def batch(self, epoch: int, number: int) -> Batch:
        """Give batch `number` of `epoch`."""
        planned, order, draws = self._plan
        if planned != epoch:
            planned, order, draws = self._plan = self._new_plan(epoch)
        start = number * self._batching.batch_size
        places = slice(start, start + self._batching.batch_size)
        windows = [self._store[window] for window in order[places]]
        return assemble(windows, draws, start, self._augmentation)

    def _new_plan(self, epoch: int) -> tuple[int, npt.NDArray[np.int64], Draws]:
        count, seed = self._store.num_windows, self._batching.seed
        order = np.arange(count)
        if self._batching.shuffle:
            order = epoch_rng(seed, epoch).permutation(count)
        return epoch, order, self._augmentation.draw(seed, epoch, count)


class FileBatches:
    """Batches of windows that are read from files, made ahead of time."""

    def __init__(self, store: FileStore, batching: Batching, augmentation: Augmentation) -> None:
        self._prefetcher = Prefetcher(partial(_file_batches, store, batching, augmentation))

    def batch(self, epoch: int, number: int) -> Batch:
        """Give batch `number` of `epoch`; cheap where numbers rise by one."""
        return self._prefetcher.get(epoch, number)


def _file_batches(
    store: FileStore, batching: Batching, augmentation: Augmentation, epoch: int
) -> Iterator[Batch]:
    windows = store.in_order()
    if batching.shuffle:
        windows = store.shuffled(batching.shuffle_buffer, epoch_rng(batching.seed, epoch))
    draws = augmentation.draw(batching.seed, epoch, store.num_windows)
    with ThreadPoolExecutor(num_threads()) as pool:
        for number in range(batching.num_batches(store.num_windows)):
            members = list(islice(windows, batching.batch_size))
            yield assemble(members, draws, number * batching.batch_size, augmentation, pool)
        # Reads to the end, also where the last batch is dropped, so that every file is checked.
        for _ in windows:
            pass


def assemble(
    windows: Sequence[Window],
    draws: Draws,
    start: int,
    augmentation: Augmentation,
    pool: ThreadPoolExecutor | None = None,
) -> Batch:
    """Change windows and put them into a batch.

    Args:
        windows: The windows of the batch, at least one.
        draws: What happens to the windows of the epoch.
        start: Place of the first of these windows in the epoch.
        augmentation: How to change them.
        pool: Threads that work on several windows at once; None to do without.
    """
    first = windows[0]
    x = np.empty((len(windows), len(first.sequence), 4), dtype=np.float32)
    y = np.empty((len(windows), *first.target.shape), dtype=np.float32)

    def put(place: int) -> None:
        reverse, shift = bool(draws.reverse[start + place]), int(draws.shift[start + place])
        augmentation.put(windows[place], reverse=reverse, shift=shift, x=x[place], y=y[place])

    places = range(len(windows))
    for _ in pool.map(put, places) if pool else map(put, places):
        pass
    return x, y
