"""Where windows come from: the memory, or record files that are read again in every epoch."""

import logging
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from whelp.data.errors import RecordError
from whelp.data.records import Window, WindowFormat, count_windows, read_windows

_T = TypeVar("_T")
_logger = logging.getLogger(__name__)


def num_threads() -> int:
    """Give the number of threads for reading: zlib works outside Python's lock."""
    return min(
        8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )


class Store(Protocol):
    """Windows in a fixed order."""

    @property
    def num_windows(self) -> int:
        """Number of windows."""

    def in_order(self) -> Iterator[Window]:
        """Give all windows in the order of their files."""


@dataclass(frozen=True)
class WindowReader:
    """How to read windows of a file, and which part of them.

    Attributes:
        form: Form of the windows in the files.
        crop: Sequence to cut off at each side, in bp.
        columns: Tracks to take, in this order; None for all.
    """

    form: WindowFormat
    crop: int = 0
    columns: npt.NDArray[np.int64] | None = None

    @property
    def window_bytes(self) -> int:
        """Size of a window in memory, in bytes."""
        tracks = self.form.num_targets if self.columns is None else len(self.columns)
        return self.form.seq_length + 2 * self.form.target_length * tracks

    def read(self, path: Path) -> Iterator[Window]:
        """Read the windows of a file."""
        for window in read_windows(path, self.form):
            yield self._part(window)

    def _part(self, window: Window) -> Window:
        sequence, target = window
        if self.columns is not None:
            # Copies, so that the memory of the whole record is free again.
            sequence, target = sequence.copy(), target[:, self.columns]
        return Window(sequence[self.crop : len(sequence) - self.crop], target)


class MemoryStore:
    """Windows held in memory: sequences as one byte a base, tracks as they were stored.

    Args:
        windows: The windows, in order.
        counts: Number of windows of every file that they come from.
    """

    def __init__(self, windows: Sequence[Window], counts: Sequence[int] = ()) -> None:
        self._windows = windows
        self.counts = list(counts)

    @classmethod
    def from_files(cls, files: Sequence[Path], reader: WindowReader) -> "MemoryStore":
        """Read files, several at a time.

        Raises:
            RecordError: If a file is missing, empty, cut short or damaged.
        """
        with ThreadPoolExecutor(num_threads()) as pool:
            parts = list(pool.map(lambda file: list(reader.read(file)), files))
        windows = [window for part in parts for window in part]
        return cls(windows, [len(part) for part in parts])

    @property
    def num_windows(self) -> int:
        """Number of windows."""
        return len(self._windows)

    def __getitem__(self, number: int) -> Window:
        return self._windows[number]

    def in_order(self) -> Iterator[Window]:
        """Give all windows in the order of their files."""
        return iter(self._windows)


class FileStore:
    """Windows read from their files again in every epoch, for data that memory cannot hold.

    Args:
        files: Record files, in order.
        counts: Number of windows of every file.
        reader: How to read them.
        memory_budget: Bytes that the buffer of the shuffled windows may take.
    """

    def __init__(
        self,
        files: Sequence[Path],
        counts: Sequence[int],
        reader: WindowReader,
        memory_budget: int,
    ) -> None:
        self._counts = dict(zip(files, counts, strict=True))
        self._reader = reader
        self._most_buffered = max(1, memory_budget // reader.window_bytes)

    @property
    def counts(self) -> list[int]:
        """Number of windows of every file."""
        return list(self._counts.values())

    @property
    def num_windows(self) -> int:
        """Number of windows."""
        return sum(self._counts.values())

    def in_order(self) -> Iterator[Window]:
        """Give all windows in the order of their files."""
        return read_ahead((self._read(file) for file in self._counts), at_once=1)

    def shuffled(self, buffer_size: int, rng: np.random.Generator) -> Iterator[Window]:
        """Give every window once, in an order that the generator decides.

        Files come in random order, several at a time take turns, and each window is drawn from a
        buffer.

        Args:
            buffer_size: Windows in the buffer, fewer if they exceed the memory budget.
            rng: Source of the order.
        """
        files = list(self._counts)
        order = (files[number] for number in rng.permutation(len(files)))
        turns = read_ahead((self._read(file) for file in order), at_once=num_threads())
        return draw_from_buffer(turns, min(buffer_size, self._most_buffered), rng)

    def _read(self, file: Path) -> Iterator[Window]:
        count = 0
        for window in self._reader.read(file):
            count += 1
            yield window
        if count != self._counts[file]:
            raise RecordError(
                file,
                None,
                f"the file holds {count} windows, expected {self._counts[file]} by "
                "sequences.bed and its sister files. Was it written as a whole, and do the "
                "files belong to this sequences.bed?",
            )


def read_ahead(sources: Iterable[Iterator[_T]], at_once: int) -> Iterator[_T]:
    """Let iterators take turns, each one item ahead in a thread of its own.

    Args:
        sources: Iterators; when one ends the next takes its turn.
        at_once: How many take turns. With 1 they follow each other.

    Yields:
        Items, in an order that does not depend on the speed of the threads.
    """
    waiting = iter(sources)
    with ThreadPoolExecutor(at_once) as pool:

        def ask(source: Iterator[_T]) -> tuple[Iterator[_T], Future[list[_T]]]:
            return source, pool.submit(lambda: list(islice(source, 1)))

        turns = deque(ask(source) for source in islice(waiting, at_once))
        while turns:
            source, future = turns.popleft()
            item = future.result()
            if item:
                turns.append(ask(source))
                yield item[0]
            else:
                turns.extendleft(ask(source) for source in islice(waiting, 1))


def draw_from_buffer(items: Iterable[_T], size: int, rng: np.random.Generator) -> Iterator[_T]:
    """Shuffle a stream: each item is drawn at random from the next `size` ones."""
    buffer: list[_T] = []
    for item in items:
        if len(buffer) < size:
            buffer.append(item)
            continue
        place = int(rng.integers(size))
        drawn, buffer[place] = buffer[place], item
        yield drawn
    for place in rng.permutation(len(buffer)):
        yield buffer[place]


def count_files(files: Sequence[Path], num_windows: int | None) -> list[int]:
    """Find out how many windows each file holds.

    Args:
        files: Files in natural order.
        num_windows: Number of windows of all files, if known. Files are written with an equal
            number of windows but for the last, so counting the first and the last then tells the
            rest.

    Returns:
        Number of windows of every file.

    Raises:
        RecordError: If a file that was read is missing, empty, cut short or damaged.
    """
    if num_windows is not None and len(files) > 2:
        first, last = count_files([files[0], files[-1]], None)
        if first * (len(files) - 1) + last == num_windows:
            return [first] * (len(files) - 1) + [last]
        _logger.info("%s: sequences.bed does not fit the files; counting", files[0].parent)
    with ThreadPoolExecutor(num_threads()) as pool:
        return list(pool.map(count_windows, files))
