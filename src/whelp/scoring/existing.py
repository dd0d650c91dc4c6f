"""Scores that are in a folder already: gone on with, replaced, or refused."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import h5py

from whelp.scoring.errors import ScoreError

SCORES = "scores.h5"
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
