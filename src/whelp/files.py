"""Files: written so that a reader never sees half of one, opened packed or plain, closed."""

from __future__ import annotations

import fcntl
import glob
import gzip
import os
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Self, cast

_GZIP = b"\x1f\x8b"


@contextmanager
def atomic_path(path: str | Path, *, durable: bool = True) -> Iterator[Path]:
    """Gives a temporary path beside `path`, which takes its place on success and else is removed.

    A crash leaves the old file or the new one.

    Args:
      path: The file to write. Its folder is made if it is missing.
      durable: Whether the contents reach the disk before the name does, which can take seconds.
        Without, only a crash of the system, and not one of this process, may leave a broken file.

    Yields:
      A path in the same folder, with the same ending, to write to.

    Raises:
      OSError: The folder cannot be written to or the disk is full; `path` is as it was.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(
        prefix=f".{path.stem}.", suffix=f".part{path.suffix}", dir=path.parent
    )
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        if durable:
            with temporary.open("rb") as written:
                os.fsync(written.fileno())
        temporary.chmod(0o666 & ~_umask())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


class BusyError(RuntimeError):
    """Another process holds what this one asked for."""


def hold(file: IO[bytes], busy: str, *, shared: bool = False) -> None:
    """Holds an open file until it is closed, or the process ends, so that no other process does.

    Args:
      file: The file, open to be read, too: some file systems share only what can be read.
      busy: What to say if another process holds it.
      shared: Whether others that say so, too, may hold it beside this one.

    Raises:
      BusyError: Another process holds it.
    """
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        raise BusyError(busy) from None


@contextmanager
def exclusive(path: str | Path, busy: str, *, shared: bool = False) -> Iterator[None]:
    """Holds a file that only one process at a time can hold, also one on another machine.

    It is free again when the process ends, however it ends; the file, which is empty, stays.

    Args:
      path: The file. It and its folder are made if they are missing.
      busy: What to say if another process holds it.
      shared: Whether others that say so, too, may hold it beside this one.

    Raises:
      BusyError: Another process holds it.
      OSError: The file cannot be written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        hold(file, busy, shared=shared)
        yield


def remove_beside(results: Path, names: Iterable[str]) -> None:
    """Remove files that an earlier run wrote beside results that are now replaced.

    Args:
        results: The new results.
        names: Names of files in the same folder, there or not.
    """
    for name in names:
        results.with_name(name).unlink(missing_ok=True)


def remove_partial(path: Path) -> None:
    """Removes what killed processes left half-written of a file; nobody may be writing it."""
    for left in path.parent.glob(f".{glob.escape(path.stem)}.*.part{path.suffix}"):
        left.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def open_text(path: Path, *, encoding: str = "utf-8") -> IO[str]:
    """Opens a text file, plain or gzipped as its first bytes say.

    Raises:
      OSError: The file cannot be read.
    """
    with path.open("rb") as raw:
        packed = raw.read(2) == _GZIP
    if packed:
        return cast("IO[str]", gzip.open(path, "rt", encoding=encoding))
    return path.open(encoding=encoding)


class Closing(ABC):
    """Something open that is also a context manager, at whose end it is closed."""

    @abstractmethod
    def close(self) -> None:
        """Closes it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
