"""Scores that are in a folder already: gone on with, replaced, or refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np

from whelp.scoring.errors import ScoreError
from whelp.scoring.rows import RowFolder

SCORES = "scores.h5"
REJECTED = "rejected.tsv"
UNFINISHED = ".scores.unfinished"

Existing = Literal["refuse", "resume", "continue", "replace"]


def is_finished(out_dir: Path, existing: Existing, note: str, *, name: str = SCORES) -> bool:
    """Refuse scores that are not to be replaced.

    Args:
        out_dir: Folder of the results.
        existing: What to do with scores that are in the folder: "refuse" them; "resume" those of
            this run, and refuse others; "continue" unfinished ones of this run, and replace others;
            "replace" all.
        note: What this run's scores depend on; the file has it as the attribute `run`.
        name: Name of the file of scores.

    Returns:
        Whether nothing is left to do: the folder holds all scores of this run, to be resumed.

    Raises:
        ScoreError: There are scores that must not be replaced.
    """
    scores, unfinished = out_dir / name, out_dir / UNFINISHED
    if existing == "refuse" and (scores.exists() or unfinished.exists()):
        what = "scores" if scores.exists() else "scores of a run that was stopped"
        raise ScoreError(
            f"{out_dir} holds {what}. Go on with them (--resume), replace them (--overwrite), or "
            f"choose another folder."
        )
    if existing != "resume" or unfinished.exists() or not scores.exists():
        return False
    try:
        with h5py.File(scores) as file:
            known = file.attrs.get("run")
    except OSError as error:
        raise ScoreError(
            f"{scores}: this is no file of scores, or a damaged one ({error}). Replace it "
            f"(--overwrite), or choose another folder."
        ) from None
    if known != note:
        raise ScoreError(
            f"{scores} is of another run, with other files or settings. Replace it (--overwrite), "
            f"or choose another folder."
        )
    return True


def unfinished_rows(
    folder: Path, layout: np.dtype, run: Mapping[str, Any], existing: Existing
) -> RowFolder:
    """Open what an earlier run has finished, and lock it.

    Args:
        folder: Where the rows are.
        layout: Structure of a row.
        run: What the rows depend on.
        existing: What becomes of rows that are there, see `is_finished`.

    Raises:
        ScoreError: Another process writes there, or they are of another run and to be resumed.
        OSError: They cannot be written.
    """
    other = "refuse" if existing == "resume" else "replace"
    rows = RowFolder(folder, layout, run, other=other)
    if existing == "replace":
        rows.clear()
    return rows


def rejected_lines(results: Path) -> int:
    """Count what `rejected.tsv` beside results lists; 0 where there is none."""
    path = results.with_name(REJECTED)
    return sum(1 for _ in path.open(encoding="utf-8")) - 1 if path.exists() else 0
