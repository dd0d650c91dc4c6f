"""The folder of predictions: whose they are, and whether they are whole."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whelp.files import atomic_path
from whelp.predicting.errors import PredictError
from whelp.scoring.existing import Existing, unfinished_rows
from whelp.scoring.rows import RowFolder

RECORD = "predictions.json"
_UNFINISHED = ".predictions.unfinished"


@dataclass(frozen=True)
class PredictSummary:
    """What a run did.

    Attributes:
        folder: Where the files are.
        files: Names of the files in it.
        predicted: Windows, or variants.
        rejected: Regions or variants that cannot be predicted; `rejected.tsv` says why.
        resumed: Of what was predicted, what an earlier run had.
    """

    folder: Path
    files: tuple[str, ...]
    predicted: int
    rejected: int
    resumed: int


class OutputFolder:
    """A folder of predictions.

    `predictions.json` in it says what they depend on; it is written last. Until then there is a
    hidden folder of what is finished.

    Args:
        path: The folder.
        run: What the predictions depend on.
        existing: What to do with predictions that are in it, as with scores (see
            `whelp.scoring.existing.is_finished`).
    """

    def __init__(self, path: Path, run: Mapping[str, Any], existing: Existing) -> None:
        self.path = path
        self.note = json.dumps(dict(run), sort_keys=True)
        self._run = run
        self._existing = existing

    def finished(self) -> PredictSummary | None:
        """Give what was done where nothing is left to do.

        Raises:
            PredictError: There are predictions that are not to be replaced.
        """
        record, unfinished = self.path / RECORD, self.path / _UNFINISHED
        if self._existing == "refuse" and (record.exists() or unfinished.exists()):
            what = "predictions" if record.exists() else "predictions of a run that was stopped"
            raise PredictError(
                f"{self.path} holds {what}. Go on with them (--resume), replace them "
                f"(--overwrite), or choose another folder."
            )
        if self._existing != "resume" or unfinished.exists() or not record.exists():
            return None
        known = self._record()
        if known.get("run") != self.note:
            raise PredictError(
                f"{self.path} holds predictions of another run, with other files or settings. "
                f"Replace them (--overwrite), or choose another folder."
            )
        number = int(known["predicted"])
        return PredictSummary(
            self.path, tuple(known["files"]), number, int(known["rejected"]), number
        )

    def rows(self, layout: Any, number: int) -> RowFolder:
        """Open what is finished.

        Args:
            layout: Structure of a row.
            number: How many there will be.

        Raises:
            ScoreError: Another process writes there, or they are of another run.
            PredictError: The disk has not the room.
            OSError: It cannot be written.
        """
        rows = unfinished_rows(self.path / _UNFINISHED, layout, self._run, self._existing)
        needed = (number - rows.finished) * layout.itemsize
        free = shutil.disk_usage(self.path).free
        if needed > free:
            with rows:
                raise PredictError(
                    f"{self.path}: the predictions take {needed / 1e9:,.1f} GB, and "
                    f"{free / 1e9:,.1f} GB are free on the disk. Choose fewer tracks (--tracks), "
                    f"or another disk"
                )
        return rows

    def finish(
        self, files: Sequence[str], *, predicted: int, rejected: int, resumed: int
    ) -> PredictSummary:
        """Write down that all is there, and remove files of the run that was replaced.

        Args:
            files: Names of the files, below the folder.
            predicted: As in `PredictSummary`.
            rejected: As in `PredictSummary`.
            resumed: As in `PredictSummary`.
        """
        before = self._record().get("files", []) if (self.path / RECORD).exists() else []
        record = {"run": self.note, "files": list(files), "predicted": predicted}
        with atomic_path(self.path / RECORD) as new:
            new.write_text(json.dumps({**record, "rejected": rejected}, indent=1) + "\n")
        for name in set(before) - set(files):
            (self.path / name).unlink(missing_ok=True)
        return PredictSummary(self.path, tuple(files), predicted, rejected, resumed)

    def _record(self) -> dict[str, Any]:
        path = self.path / RECORD
        try:
            known = json.loads(path.read_text(encoding="utf-8"))
            if isinstance(known, dict) and {"run", "files", "predicted", "rejected"} <= set(known):
                return known
        except ValueError:
            pass
        raise PredictError(f"{path}: this is no record of predictions; choose another folder")
