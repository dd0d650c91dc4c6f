"""Scoring in pieces: each is made anywhere, and is a file that appears whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from whelp.files import atomic_path
from whelp.genome.variant_windows import Window
from whelp.genome.variants import Variant
from whelp.scoring.errors import ScoreError

if TYPE_CHECKING:
    from whelp.scoring.run import Scorer

_CHUNK = 32
_CHUNK_BYTES = 1 << 28
# Two chunks: half a minute of a large model on a GPU is what a lost worker costs.
_CHUNKS = 2


class Piece(NamedTuple):
    """Chunks that follow one another.

    Attributes:
        number: Its place among the pieces.
        first: Rows of scores before it.
        rows: Its rows.
        chunks: Its chunks, and how many rows each has.
    """

    number: int
    first: int
    rows: int
    chunks: tuple[tuple[list[Window], int], ...]


def in_pieces(scorer: Scorer, variants: Iterable[Variant]) -> Iterator[Piece]:
    """Divide variants into pieces, which depend on them and on the scorer's settings alone.

    Args:
        scorer: Scores.
        variants: Variants that match the genome.

    Yields:
        The pieces, in the order of the variants, as these are read.
    """
    windows = (item for item in scorer.windows(variants) if isinstance(item, Window))
    # Whole predictions of many tracks are large: fewer of them are held at a time.
    most = max(1, min(_CHUNK, _CHUNK_BYTES // max(1, scorer.layout().itemsize)))
    number = first = rows = 0
    chunks: list[tuple[list[Window], int]] = []
    for chunk in in_chunks(windows, variants=most):
        chunks.append((chunk, scorer.count(chunk)))
        rows += chunks[-1][1]
        if len(chunks) == _CHUNKS:
            yield Piece(number, first, rows, tuple(chunks))
            number, first, rows, chunks = number + 1, first + rows, 0, []
    if chunks:
        yield Piece(number, first, rows, tuple(chunks))


def in_chunks(windows: Iterable[Window], *, variants: int = _CHUNK) -> Iterator[list[Window]]:
    """Divide windows into chunks that are scored together.

    What is computed together depends on the variants alone, so that a run that was stopped ends
    with the same bytes as one that was not. So a window with many variants comes in pieces, each
    alone: its reference does not depend on the piece that it is predicted for.

    Args:
        windows: Windows with variants.
        variants: The most variants of a chunk.

    Yields:
        Windows that are scored together.
    """
    chunk: list[Window] = []
    number = 0
    for window in windows:
        size = len(window.variants)
        if chunk and number + size > variants:
            yield chunk
            chunk, number = [], 0
        if size > variants:
            for first in range(0, size, variants):
                yield [window._replace(variants=window.variants[first : first + variants])]
            continue
        chunk.append(window)
        number += size
    if chunk:
        yield chunk


class PieceFolder:
    """Where finished pieces are.

    Args:
        path: The folder; it is made with the first piece.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def has(self, piece: Piece) -> bool:
        """Whether a piece is finished."""
        return self._file(piece).exists()

    def make(self, piece: Piece, scorer: Scorer) -> None:
        """Score a piece, a chunk at a time."""
        layout = scorer.layout()
        with atomic_path(self._file(piece)) as new:
            made = np.lib.format.open_memmap(new, mode="w+", dtype=layout, shape=(piece.rows,))
            row = 0
            for chunk, rows in piece.chunks:
                made[row : row + rows] = scorer.rows(chunk)
                row += rows
            made.flush()

    def read(self, piece: Piece, layout: np.dtype) -> npt.NDArray[Any]:
        """Give the rows of a finished piece, as they lie on the disk.

        Raises:
            ScoreError: The file is not what it should be.
        """
        path = self._file(piece)
        try:
            rows: npt.NDArray[Any] = np.load(path, mmap_mode="r")
        except ValueError as error:
            raise ScoreError(f"{path} is damaged ({error}); delete it, and run again") from None
        if rows.dtype != layout or rows.shape != (piece.rows,):
            raise ScoreError(
                f"{path} has {rows.shape} rows of {rows.dtype} and not {piece.rows} of {layout}: "
                "the variants have changed since it was made; delete it, and run again"
            )
        return rows

    def remove(self, piece: Piece) -> None:
        """Delete a piece."""
        self._file(piece).unlink()

    def _file(self, piece: Piece) -> Path:
        return self.path / f"piece-{piece.number}.npy"


class ScorePieces:
    """Makes pieces where it is called; a `whelp.workers.Task`.

    Args:
        load: Loads the scorer, once in each process.
        folder: Where pieces go.
    """

    def __init__(self, load: Callable[[], Scorer], folder: PieceFolder) -> None:
        self._load = load
        self._folder = folder
        self._scorer: Scorer | None = None

    def __call__(self, piece: Piece) -> int:
        """Make a piece; give how many rows it has."""
        if self._scorer is None:
            self._scorer = self._load()
        self._folder.make(piece, self._scorer)
        return piece.rows
