"""Writing files so that a reader never sees half of one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
