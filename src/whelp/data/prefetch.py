"""Batches made ahead of time by a thread."""

import queue
import threading
import warnings
import weakref
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

_T = TypeVar("_T")
_AHEAD = 2
"""Batches that wait to be taken."""

_HELD = 2
"""First batches of an epoch that are kept for a while: Keras looks at them before it begins."""

_PATIENCE_S = 0.1


class _End:
    """Marks the end of an epoch in the queue."""


class Prefetcher(Generic[_T]):
    """Gives the batches of an epoch by number; a thread makes the next ones meanwhile.

    Made for rising numbers. Going back begins the epoch anew, which is right but slow.

    Args:
        produce: Function of the epoch that gives all its batches in order.
    """

    def __init__(self, produce: Callable[[int], Iterator[_T]]) -> None:
        self._produce = produce
        self._lock = threading.Lock()
        self._epoch: int | None = None
        self._position = 0
        self._held: dict[int, _T] = {}
        self._restarts = 0
        self._stop = threading.Event()
        self._queue: queue.Queue[_T | _End | BaseException] = queue.Queue()
        weakref.finalize(self, _stop_latest, latest := [self._stop])
        self._latest = latest

    def get(self, epoch: int, number: int) -> _T:
        """Give a batch.

        Args:
            epoch: Number of the epoch.
            number: Number of the batch in it.

        Raises:
            IndexError: If the epoch ends before this batch.
        """
        with self._lock:
            if epoch == self._epoch and number in self._held:
                return self._held[number]
            if epoch != self._epoch or number < self._position:
                self._begin(epoch, number)
            while True:
                batch, position = self._next()
                if position == number:
                    return batch

    def _next(self) -> tuple[_T, int]:
        item = self._queue.get()
        if isinstance(item, BaseException):
            self._epoch = None
            raise item
        if isinstance(item, _End):
            self._epoch = None
            raise IndexError(f"the epoch has only {self._position} batches")
        position = self._position
        self._position += 1
        if position < _HELD:
            self._held[position] = item
        else:
            self._held.clear()
        return item, position

    def _begin(self, epoch: int, number: int) -> None:
        """Stop the running epoch and begin one."""
        self._count_restarts(epoch, number)
        self._stop.set()
        self._stop = self._latest[0] = threading.Event()
        self._queue = queue.Queue(_AHEAD)
        self._epoch, self._position = epoch, 0
        self._held.clear()
        arguments = (self._produce, epoch, self._queue, self._stop)
        threading.Thread(target=_fill, args=arguments, daemon=True).start()

    def _count_restarts(self, epoch: int, number: int) -> None:
        self._restarts = self._restarts + 1 if epoch == self._epoch and number else 0
        if self._restarts == 3:
            warnings.warn(
                "batches of data that are read from files are asked for out of order, and each "
                "step back reads them anew. Pass shuffle=False to fit: the windows are in "
                "random order already",
                stacklevel=4,
            )


def _stop_latest(latest: list[threading.Event]) -> None:
    latest[0].set()


def _fill(
    produce: Callable[[int], Iterator[_T]],
    epoch: int,
    out: "queue.Queue[_T | _End | BaseException]",
    stop: threading.Event,
) -> None:
    """Put the batches of an epoch, and what goes wrong, into a queue until told to stop."""
    last: _End | BaseException = _End()
    try:
        for batch in produce(epoch):
            if not _put(out, batch, stop):
                return
    except BaseException as error:  # the consumer raises it
        last = error
    _put(out, last, stop)


def _put(
    out: "queue.Queue[_T | _End | BaseException]",
    item: _T | _End | BaseException,
    stop: threading.Event,
) -> bool:
    while not stop.is_set():
        try:
            out.put(item, timeout=_PATIENCE_S)
            return True
        except queue.Full:
            continue
    return False
