"""A file of variants scored by several: workers of a runner, or jobs that know nothing of others.

What they make are the pieces of one run; `whelp.scoring.run.score_to_file` puts them together, and
makes what is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from whelp.files import exclusive
from whelp.scoring.census import VariantFile, count_rows
from whelp.scoring.errors import ScoreError
from whelp.scoring.existing import UNFINISHED, Existing, is_finished, unfinished_rows
from whelp.scoring.pieces import Piece, PieceFolder, ScorePieces, in_pieces
from whelp.scoring.rows import RowFolder
from whelp.scoring.run import Progress, Scorer, note_of
from whelp.wording import listed
from whelp.workers import Failure, Runner


@dataclass(frozen=True)
class Division:
    """What is scored in pieces.

    Attributes:
        scorer: Lays variants into windows, here.
        variants: The variants.
        out_dir: Folder of the results.
        run: What the scores depend on, from `describe_run`.
    """

    scorer: Scorer
    variants: VariantFile
    out_dir: Path
    run: Mapping[str, Any]

    @property
    def folder(self) -> Path:
        """Where unfinished scores are."""
        return self.out_dir / UNFINISHED

    def pieces(self) -> Iterator[Piece]:
        """Lay out all pieces, as variants are read."""
        return in_pieces(self.scorer, self.variants.variants())

    def rows(self, *, strict: bool) -> int:
        """Count all rows of scores; with `strict`, refuse variants that cannot be scored."""
        windows, count = self.scorer.windows, self.scorer.count
        return count_rows(self.variants, windows=windows, count=count, strict=strict)

    def is_finished(self, existing: Existing) -> bool:
        """Whether nothing is left to do, see `whelp.scoring.existing.is_finished`."""
        note = note_of(self.run)
        return is_finished(self.out_dir, existing, note, name=self.scorer.file_name)


def score_on(
    runner: Runner,
    division: Division,
    load: Callable[[], Scorer],
    *,
    existing: Existing = "continue",
    strict: bool = False,
    progress: Progress | None = None,
) -> int:
    """Make the pieces that are missing by a runner's workers.

    Args:
        runner: Does pieces, each in a process that sees `division.out_dir`.
        division: What is scored.
        load: Loads the scorer in a worker; it is pickled.
        existing: What to do with scores that are in the folder, see `is_finished`.
        strict: Stop at a variant that cannot be scored, before any is.
        progress: Called with the number of rows that are done, and of all.

    Returns:
        Rows that were there before.

    Raises:
        VariantError: The variants cannot be read, or with `strict` one cannot be scored.
        ScoreError: A piece could not be made; those that could are kept. Or the folder holds
            scores that are not to be replaced, or another process writes into it.
        OSError: Something cannot be read or written.
    """
    if division.is_finished(existing):
        return 0
    layout = division.scorer.layout()
    with unfinished_rows(division.folder, layout, division.run, existing) as rows:
        total = division.rows(strict=strict)
        found = sum(piece.rows for piece in division.pieces() if rows.has(piece))
        todo = (piece for piece in division.pieces() if not rows.has(piece))
        done = found
        if (first := next(todo, None)) is None:
            return found
        task = ScorePieces(load, PieceFolder(rows.pieces.path.absolute()))
        with closing(runner.run(task, chain([first], todo))) as results:
            for _, result in results:
                if isinstance(result, Failure):
                    raise ScoreError(
                        f"variants could not be scored: {result.message}. What is done is kept: "
                        "mend this, and go on with --resume"
                    )
                done += result
                if progress is not None:
                    progress(done, total)
    return found


def score_part(
    division: Division,
    part: tuple[int, int],
    *,
    strict: bool = False,
    progress: Progress | None = None,
) -> int:
    """Make the pieces of one job of several in this process, beside others that make theirs.

    Args:
        division: What is scored.
        part: Number of this job, from 1, and how many there are.
        strict: Stop at a variant that cannot be scored, before any is.
        progress: Called with how many rows of the file have been passed, and how many there are.

    Returns:
        Rows that this call has made.

    Raises:
        BusyError: The same part is being made.
        VariantError, ScoreError, OSError: As `score_on`.
    """
    if division.is_finished("resume"):
        return 0
    number, parts = part
    name, made = f"part {number} of {parts}", 0
    busy = f"{division.out_dir}: {name} is being made by another process; let it end"
    with (
        RowFolder(division.folder, division.scorer.layout(), division.run, shared=True) as rows,
        exclusive(division.folder / f"{name.replace(' ', '-')}.lock", busy),
    ):
        total = division.rows(strict=strict)
        for piece in division.pieces():
            if piece.number % parts == number - 1 and not rows.has(piece):
                rows.pieces.make(piece, division.scorer)
                made += piece.rows
            if progress is not None:
                progress(piece.first + piece.rows, total)
    return made


def check_gathered(division: Division, parts: int) -> None:
    """Refuse to put together what is not whole.

    Args:
        division: What was scored.
        parts: Of how many jobs.

    Raises:
        ScoreError: Pieces are missing; or a job is still at work, or it is another run.
    """
    if division.is_finished("resume"):
        return
    layout = division.scorer.layout()
    with unfinished_rows(division.folder, layout, division.run, "resume") as rows:
        missing = [piece.number for piece in division.pieces() if not rows.has(piece)]
    if missing:
        jobs = sorted({number % parts for number in missing})
        raise ScoreError(
            f"{division.out_dir}: {len(missing)} pieces of the scores are missing. Run these again "
            f"and then gather: {listed(f'--part {job + 1}/{parts}' for job in jobs)}"
        )
