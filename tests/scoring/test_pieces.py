"""Pieces of a run: the same whoever lays them out, and no more memory for more of them."""

import tracemalloc
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from whelp.genome.variant_windows import Window, cluster_variants
from whelp.genome.variants import Variant
from whelp.scoring.errors import ScoreError
from whelp.scoring.pieces import Piece, PieceFolder, in_pieces


class Places:
    """Scores a variant by its place: two rows each."""

    file_name = "scores.h5"

    def layout(self) -> np.dtype:
        return np.dtype([("place", "i8"), ("double", "f4", (3,))])

    def windows(self, variants: Iterable[Variant]) -> Iterator[Window]:
        return cluster_variants(variants, length=1000, share=0.1)

    def count(self, windows: Sequence[Window]) -> int:
        return 2 * sum(len(window.variants) for window in windows)

    def rows(self, windows: Sequence[Window]) -> np.ndarray:
        made = np.empty(self.count(windows), self.layout())
        places = [variant.start for window in windows for variant in window.variants]
        made["place"] = np.repeat(places, 2)
        made["double"] = 2.0 * made["place"][:, None]
        return made


def variants(number: int) -> Iterator[Variant]:
    """Close ones and far ones; of the last many share a window."""
    for row in range(number):
        start = 70 * row if row < number - 90 else 70 * number + row % 90
        yield Variant("chr1", start, "A", "C", f"v{row}", row)


def test_every_variant_is_in_one_piece() -> None:
    pieces = list(in_pieces(Places(), variants(500)))
    assert [piece.number for piece in pieces] == list(range(len(pieces)))
    assert [piece.first for piece in pieces] == np.cumsum(
        [0, *(piece.rows for piece in pieces[:-1])]
    ).tolist()
    scored = [
        variant.name
        for piece in pieces
        for windows, rows in piece.chunks
        for window in windows
        for variant in window.variants
    ]
    assert scored == [variant.name for variant in variants(500)]
    assert pieces == list(in_pieces(Places(), variants(500)))
    assert max(piece.rows for piece in pieces) <= 2 * 2 * 32


def test_memory_does_not_grow_with_variants() -> None:
    peaks = []
    for number in (5000, 50_000):
        tracemalloc.start()
        assert sum(piece.rows for piece in in_pieces(Places(), variants(number))) == 2 * number
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 100_000 < 1_000_000, peaks


def test_a_piece_is_read_as_it_was_made(tmp_path: Path) -> None:
    folder, scorer = PieceFolder(tmp_path / "pieces"), Places()
    first, second, *_ = in_pieces(scorer, variants(300))
    assert not folder.has(first)
    folder.make(first, scorer)
    assert folder.has(first) and not folder.has(second)
    rows = folder.read(first, scorer.layout())
    assert rows["place"].tolist()[:4] == [0, 0, 70, 70] and len(rows) == first.rows
    with pytest.raises(ScoreError, match="the variants have changed since it was made"):
        folder.read(first._replace(rows=3), scorer.layout())
    file = tmp_path / "pieces" / "piece-0.npy"
    file.write_bytes(file.read_bytes()[:40])
    with pytest.raises(ScoreError, match="piece-0.npy is damaged"):
        folder.read(first, scorer.layout())


def test_a_piece_without_rows(tmp_path: Path) -> None:
    """Of a window whose genes have no bins, say."""
    folder = PieceFolder(tmp_path)
    nothing = Piece(0, 0, 0, (([], 0),))
    folder.make(nothing, Places())
    assert len(folder.read(nothing, Places().layout())) == 0
