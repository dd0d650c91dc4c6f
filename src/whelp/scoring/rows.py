"""Rows of scores on disk, as they are finished: a run that was stopped goes on behind them."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from whelp.files import BusyError, atomic_path, hold
from whelp.scoring.errors import ScoreError
from whelp.scoring.pieces import Piece, PieceFolder

_MOST_SECONDS = 1.0
_MOST_BYTES = 1 << 26


class RowFolder:
    """A folder that holds the rows that are finished, and which run they belong to.

    Whoever opens it, locks it. What a killed process left half written is cut off. Beside the rows
    there may be pieces of those that come behind them, which several processes make.

    Args:
        path: The folder; it is made where there is none.
        layout: Structure of a row.
        run: What the rows depend on.
        other: What to do with rows of another run: "replace" or "refuse".
        shared: Only add pieces, as others do that open it so, and refuse other runs.

    Attributes:
        finished: Rows that are there, of this run.
        layout: Structure of a row.
        pieces: The pieces.

    Raises:
        ScoreError: Another process writes to it, or it holds rows of another run.
        OSError: It cannot be written.
    """

    def __init__(
        self,
        path: Path,
        layout: np.dtype,
        run: Mapping[str, Any],
        *,
        other: str = "replace",
        shared: bool = False,
    ) -> None:
        self.path = path
        self.layout = layout
        self.pieces = PieceFolder(path / "pieces")
        self._shared = shared
        path.mkdir(parents=True, exist_ok=True)
        self._file = (path / "rows").open("a+b")
        busy = (
            f"{path.parent}: another process writes scores there; let it end, or choose another "
            "folder"
        )
        try:
            hold(self._file, busy, shared=shared)
            self._begin(run, "refuse" if shared else other)
        except BusyError as error:
            self._file.close()
            raise ScoreError(str(error)) from None
        except BaseException:
            self._file.close()
            raise
        self._waiting: list[bytes] = []
        self._bytes = 0
        self._written = time.monotonic()

    def _begin(self, run: Mapping[str, Any], other: str) -> None:
        record = self.path / "run.json"
        text = json.dumps(dict(run), indent=1, sort_keys=True)
        known = record.read_text(encoding="utf-8") if record.exists() else None
        if known != text:
            if known is not None and other == "refuse":
                raise ScoreError(
                    f"{self.path.parent}: holds the unfinished scores of another run "
                    f"({_difference(json.loads(known), json.loads(text))}); choose another folder, "
                    f"or delete {self.path}"
                )
            if known is not None:
                self.clear()
            with atomic_path(record) as new:
                new.write_text(text, encoding="utf-8")
        self.finished = os.fstat(self._file.fileno()).st_size // self.layout.itemsize
        if not self._shared:
            self.keep(self.finished)

    def keep(self, rows: int) -> None:
        """Forget all rows but the first so many."""
        self._file.truncate(rows * self.layout.itemsize)
        self.finished = rows

    def clear(self) -> None:
        """Forget all rows and pieces."""
        self.keep(0)
        shutil.rmtree(self.pieces.path, ignore_errors=True)

    def has(self, piece: Piece) -> bool:
        """Whether the rows of a piece are finished."""
        return piece.first + piece.rows <= self.finished or self.pieces.has(piece)

    def take(self, piece: Piece) -> None:
        """Add the rows of a finished piece, whose file then goes."""
        made = self.pieces.read(piece, self.layout)
        step = max(1, _MOST_BYTES // max(1, self.layout.itemsize))
        for first in range(0, piece.rows, step):
            self.append(made[first : first + step])
        self.flush()
        self.pieces.remove(piece)

    def append(self, rows: npt.NDArray[Any]) -> None:
        """Add rows; they are on the disk after a few seconds, or after `flush`."""
        self._waiting.append(rows.tobytes())
        self._bytes += len(self._waiting[-1])
        self.finished += len(rows)
        if self._bytes > _MOST_BYTES or time.monotonic() - self._written > _MOST_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what was added."""
        for data in self._waiting:
            self._file.write(data)
        self._waiting, self._bytes = [], 0
        self._file.flush()
        os.fsync(self._file.fileno())
        self._written = time.monotonic()

    def read(self) -> npt.NDArray[Any]:
        """Give all rows, as they lie on the disk."""
        self.flush()
        if not self.finished:
            return np.empty(0, self.layout)
        return np.memmap(self.path / "rows", dtype=self.layout, mode="r", shape=(self.finished,))

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if not self._shared and not isinstance(error, OSError) and self.path.exists():
                self.flush()
                if not self.finished and not self.pieces.path.exists():
                    self.remove()
        finally:
            self._file.close()


def _difference(known: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    names = sorted(name for name in {*known, *new} if known.get(name) != new.get(name))
    return "it differs in " + ", ".join(names)
