"""From a file of variants to a file of scores, in steps that can be taken up again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import h5py
import numpy as np
import numpy.typing as npt

from whelp.files import atomic_path, remove_partial
from whelp.genome.variant_windows import Window
from whelp.genome.variants import Rejected, Variant
from whelp.scoring.census import VariantFile, take_census
from whelp.scoring.errors import ScoreError
from whelp.scoring.existing import (
    REJECTED,
    UNFINISHED,
    Existing,
    is_finished,
    rejected_lines,
    unfinished_rows,
)
from whelp.scoring.pieces import in_pieces
from whelp.scoring.rows import RowFolder
from whelp.scoring.table import Sizes

_PIECE = 1 << 20

Progress = Callable[[int, int], None]


class ScoreSummary(NamedTuple):
    """What a run did.

    Attributes:
        path: The file of scores.
        variants: Variants that were scored.
        rejected: Variants that could not be scored; `rejected.tsv` beside it says why.
        rows: Rows of scores: one for each variant, or for each variant and gene.
        resumed: Of the rows, those that an earlier run had made.
    """

    path: Path
    variants: int
    rejected: int
    rows: int
    resumed: int


class Scorer(Protocol):
    """What scores variants: whole tracks, or genes.

    Attributes:
        file_name: Name of the file of scores.
    """

    file_name: str

    def layout(self) -> np.dtype:
        """Give the structure of a row of scores."""

    def windows(self, variants: Iterable[Variant]) -> Iterator[Window | Rejected]:
        """Put variants into windows, or reject them."""

    def count(self, windows: Sequence[Window]) -> int:
        """Count the rows of some windows."""

    def rows(self, windows: Sequence[Window]) -> npt.NDArray[Any]:
        """Score the variants of some windows."""

    def write(
        self,
        file: h5py.File,
        variants: Iterable[Variant],
        rows: npt.NDArray[Any],
        *,
        sizes: Sizes,
    ) -> None:
        """Write rows that are finished."""


def score_to_file(
    scorer: Scorer,
    variants: VariantFile,
    out_dir: Path,
    *,
    run: Mapping[str, Any],
    existing: Existing = "continue",
    strict: bool = False,
    progress: Progress | None = None,
) -> ScoreSummary:
    """Score variants into the scorer's file, and write `rejected.tsv` if some cannot be scored.

    A run that was stopped, however it was, goes on when it is called again with the same `run`, and
    ends with the same scores; the file appears when it is whole. Memory does not grow with the
    number of variants.

    Args:
        scorer: Scores.
        variants: The variants.
        out_dir: Folder of the results.
        run: What the scores depend on, from `describe_run`.
        existing: What to do with scores that are in the folder, see `is_finished`.
        strict: Stop at a variant that cannot be scored, before any is.
        progress: Called with the number of rows that are done, and of all.

    Returns:
        What was done.

    Raises:
        VariantError: The file of variants cannot be read, or with `strict` has one that cannot be
            scored.
        ScoreError: The folder holds scores that are not to be replaced, or another process writes
            into it.
        OSError: Something cannot be read or written.
    """
    note = note_of(run)
    path = out_dir / scorer.file_name
    if is_finished(out_dir, existing, note, name=scorer.file_name):
        return _summary(path)
    with unfinished_rows(out_dir / UNFINISHED, scorer.layout(), run, existing) as rows:
        remove_partial(path)
        remove_partial(out_dir / REJECTED)
        census = take_census(
            variants, out_dir, windows=scorer.windows, count=scorer.count, strict=strict
        )
        before = _score_rest(
            scorer,
            variants.variants(),
            rows,
            lambda done: progress(done, census.rows) if progress is not None else None,
        )
        if rows.finished != census.rows:
            raise ScoreError(f"{variants.path}: the file has changed while it was read; run again")
        with atomic_path(path) as new, h5py.File(new, "w") as file:
            file.attrs["run"] = note
            file.attrs["scored"] = census.scored
            scorer.write(
                file,
                variants,
                rows.read(),
                sizes=census.sizes,
            )
        rows.remove()
    return ScoreSummary(path, census.scored, census.rejected, census.rows, before)


def _summary(path: Path) -> ScoreSummary:
    """What was done in a folder whose scores are finished."""
    with h5py.File(path) as file:
        scored = int(file.attrs["scored"])
        rows = len(file["si" if "si" in file else "pos"])
    return ScoreSummary(path, scored, rejected_lines(path), rows, rows)


def _score_rest(
    scorer: Scorer,
    variants: Iterable[Variant],
    rows: RowFolder,
    progress: Callable[[int], object],
) -> int:
    """Score what is not finished, and take up finished pieces; give how many rows were there."""
    done, before, begun, taken = 0, rows.finished, False, 0
    for piece in in_pieces(scorer, variants):
        if piece.first + piece.rows > before and rows.pieces.has(piece):
            if not begun:
                begun, before = True, done
                rows.keep(done)
            rows.take(piece)
            done, taken = done + piece.rows, taken + piece.rows
            progress(done)
            continue
        for chunk, number in piece.chunks:
            if not begun and done + number > before:
                # A chunk is one piece of work: of one that was begun nothing is taken over.
                begun, before = True, done
                rows.keep(done)
            if begun:
                rows.append(scorer.rows(chunk))
            done += number
            progress(done)
    return min(before, done) + taken


def note_of(run: Mapping[str, Any]) -> str:
    """Write what scores depend on as the attribute `run` of their file."""
    return json.dumps(dict(run), sort_keys=True)


def describe_run(settings: Any, files: Mapping[str, Path], **more: Any) -> dict[str, Any]:
    """Say what scores depend on, so that unfinished ones are taken up by the same run only.

    Args:
        settings: How variants are scored; any data class.
        files: Name -> file whose contents count; that of the genome counts by size and time.
        **more: What else matters.

    Returns:
        What can be written as JSON.
    """
    described: dict[str, Any] = {**asdict(settings), **more}
    for name, path in files.items():
        if name == "genome":
            facts = path.stat()
            described[name] = [str(path.resolve()), facts.st_size, facts.st_mtime_ns]
        else:
            described[name] = _digest(path)
    return described


def _digest(path: Path) -> str:
    sha = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            sha.update(piece)
    return sha.hexdigest()
