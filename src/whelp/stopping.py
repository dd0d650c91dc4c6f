"""The end that the system asks for: SIGTERM, as batch systems send it at a job's time limit."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

REQUEUE = 75
"""Exit code after SIGTERM: call it again, as `sysexits.h` has it (EX_TEMPFAIL)."""


class Terminated(KeyboardInterrupt):
    """The system asked the process to end. What was done is kept; the message says how to go on."""


class StopRequest:
    """Whether the system has asked the process to end.

    Attributes:
        made: Whether it has.
    """

    made = False


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """Lets SIGTERM raise `Terminated`, so that what a program does at its end is done.

    Where that cannot be, outside the main thread, or where the program has a handler of its own,
    nothing is changed.

    Raises:
        Terminated: From within, at SIGTERM.
    """
    with _handler(_terminate):
        yield


@contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """Notes SIGTERM in place of obeying it, for work that is to end at a place of its own choice.

    A request that came and was not answered by an exception is made again at the end. Where it
    cannot be noted (see `ended_by_sigterm`), none is ever made.

    Yields:
        What tells whether a request was made.
    """
    request = StopRequest()

    def note(_: int, __: FrameType | None) -> None:
        request.made = True

    with _handler(note):
        yield request
    if request.made:
        signal.raise_signal(signal.SIGTERM)


@contextmanager
def _handler(handler: Any) -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    mine = before in (signal.SIG_DFL, signal.SIG_IGN, _terminate)
    if not mine or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGTERM, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminate(_: int, __: FrameType | None) -> None:
    raise Terminated(
        "the system asked for an end (SIGTERM), as batch systems do at the time limit. What was "
        "done is kept: go on with the same command and --resume"
    )
