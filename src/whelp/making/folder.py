"""The folder of a data set: what is in it, for which settings, and how far it is.

OUT/making.json         what the data set is made of; "complete" when all of it is there
OUT/contigs.bed, sequences.bed, mseqs_unmap.npy, targets.txt, statistics.json, tfrecords/
OUT/seqs_cov/           binned tracks, while the records are not written
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from whelp.files import atomic_path, exclusive
from whelp.making.options import DataSettings, MakingError, TrackSummary
from whelp.making.pieces import TrackJob, remove_pieces
from whelp.making.plan import WindowPlan
from whelp.making.windows import read_windows_bed, sorted_labels, write_windows_bed
from whelp.specs import TargetsTable

STATE = "making.json"
COVERAGE = "seqs_cov"
RECORDS = "tfrecords"
UNMAPPABLE = "mseqs_unmap.npy"
STATISTICS = "statistics.json"
ORDER = "parts.json"
"""What parts of a data set are made of, until they are gathered."""

_FORMAT = 1
_NOT_IDENTITY = ("processes", "keep_coverage", "missing_contigs")


def identity_of(
    genome: Path, plan: WindowPlan, jobs: Sequence[TrackJob], settings: DataSettings
) -> dict[str, Any]:
    """Describe all that decides what a data set holds, but for the contents of large files."""
    chosen = {key: value for key, value in asdict(settings).items() if key not in _NOT_IDENTITY}
    chosen["windows"] = {
        "seq_length": settings.windows.seq_length,
        "crop_bp": settings.windows.crop_bp,
        "pool_width": settings.windows.pool_width,
        "as_reference": settings.windows.as_reference,
    }
    mask = plan.unmappable
    return {
        "format": _FORMAT,
        "genome": {"file": genome.name, "bytes": genome.stat().st_size},
        "sequences": _digest(repr(plan.windows).encode()),
        "unmappable": None if mask is None else _digest(np.packbits(mask).tobytes()),
        "settings": json.loads(json.dumps(chosen, default=str)),
        "tracks": [[job.identifier, job.named, asdict(job.settings)] for job in jobs],
    }


def is_data_folder(path: Path) -> bool:
    """Say whether a data set was made, or begun, in a folder."""
    return (path / STATE).is_file()


class DataFolder:
    """The folder of a data set that is being made.

    Attributes:
        path: The folder.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any]) -> None:
        self.path = path
        self._identity = dict(identity)

    def open(self, *, resume: bool) -> None:
        """Begin in an empty folder, or go on in one that was begun with the same identity.

        Raises:
            MakingError: The folder holds something else.
            OSError: It cannot be written to.
        """
        if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            self._check_same(resume=resume)
        else:
            self._write_state(complete=False)

    def join(self) -> None:
        """Begin, or go on beside other processes that are busy in the same folder.

        Raises:
            MakingError: The folder holds something else.
            OSError: It cannot be written to.
        """
        there = self.path.is_dir() and any(
            not path.name.startswith(".") for path in self.path.iterdir()
        )
        if there or (self.path.exists() and not self.path.is_dir()):
            self._check_same(resume=True)
        else:
            self._write_state(complete=False)

    @contextmanager
    def held(self, *, shared: bool = False) -> Iterator[None]:
        """Keep others out of the folder for a while; the parts of a data set share it.

        Raises:
            BusyError: Another process is busy in it.
        """
        lock = self.path / COVERAGE / "lock"
        busy = (
            f"{self.path}: another process makes a data set there; let it end, or choose another "
            "folder"
        )
        with exclusive(lock, busy, shared=shared):
            yield

    def finished_tracks(
        self, jobs: Sequence[TrackJob], records: Sequence[Path]
    ) -> tuple[TrackSummary, ...] | None:
        """Return what came of the tracks if the whole data set is there, and as they are now."""
        state = self._state()
        is_whole = state.get("complete") and state["keys"] == [job.key for job in jobs]
        if not is_whole or not all(path.is_file() for path in (self.path / STATISTICS, *records)):
            return None
        return tuple(TrackSummary(**track) for track in state["summary"])

    def write_plan(self, plan: WindowPlan, table: TargetsTable) -> None:
        """Write contigs, windows, unmappable bins and the table of tracks."""
        write_windows_bed(self.path / "contigs.bed", plan.contigs)
        write_windows_bed(self.path / "sequences.bed", plan.windows)
        if plan.unmappable is not None:
            with atomic_path(self.path / UNMAPPABLE) as partial:
                np.save(partial, plan.unmappable)
        with atomic_path(self.path / "targets.txt") as partial:
            if table.path:
                shutil.copyfile(table.path, partial)
            else:
                partial.write_text(_table_text(table), encoding="utf-8")

    def drop_records(self) -> None:
        """Remove records: a track that they hold is read anew."""
        (self.path / STATISTICS).unlink(missing_ok=True)
        shutil.rmtree(self.path / RECORDS, ignore_errors=True)

    def finish(
        self,
        statistics: Mapping[str, Any],
        jobs: Sequence[TrackJob],
        tracks: Sequence[TrackSummary],
        *,
        keep_coverage: bool,
    ) -> None:
        """Write statistics.json last: with it, the data set is complete."""
        keys = [job.key for job in jobs]
        self._write_state(complete=True, keys=keys, summary=[asdict(track) for track in tracks])
        with atomic_path(self.path / STATISTICS) as partial:
            partial.write_text(json.dumps(statistics, indent=4), encoding="utf-8")
        (self.path / ORDER).unlink(missing_ok=True)
        (self.path / COVERAGE / "lock").unlink(missing_ok=True)
        remove_pieces(self.path / COVERAGE)
        if not keep_coverage:
            shutil.rmtree(self.path / COVERAGE, ignore_errors=True)

    def clean(self) -> None:
        """Remove what stopped workers left half-written."""
        for folder in (self.path, self.path / COVERAGE, self.path / RECORDS):
            for left in folder.glob(".*.part.*"):
                left.unlink(missing_ok=True)

    def _state(self) -> dict[str, Any]:
        try:
            state = json.loads((self.path / STATE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return state if isinstance(state, dict) else {}

    def _write_state(self, *, complete: bool, **more: Any) -> None:
        state = {**self._identity, "complete": complete, **more}
        with atomic_path(self.path / STATE) as partial:
            partial.write_text(json.dumps(state, indent=1), encoding="utf-8")

    def _check_same(self, *, resume: bool) -> None:
        state = self._state()
        if not state and resume and self._holds_windows_only():
            self._write_state(complete=False)
            return
        if not state:
            what = "a data set" if (self.path / STATISTICS).exists() else "files"
            raise MakingError(
                f"{self.path}: the folder holds {what} that whelp did not begin to make. Choose "
                "another folder"
            )
        other = [key for key, value in self._identity.items() if state.get(key) != value]
        if other:
            raise MakingError(
                f"{self.path}: the folder holds another data set: it differs in "
                f"{', '.join(_differences(state, self._identity, other))}. Choose another folder, "
                "or remove this one"
            )
        if not resume:
            whole = "is complete" if state.get("complete") else "was begun earlier"
            raise MakingError(
                f"{self.path}: this data set {whole}; go on with it (--resume; hound_data.py takes "
                "--restart), choose another folder, or remove this one"
            )

    def _holds_windows_only(self) -> bool:
        """Whether someone put these very windows into the folder, and there is no data set yet.

        That is how Baskerville's `hound_data.py --restart` is given windows.
        """
        given = self.path / "sequences.bed"
        begun = (STATISTICS, RECORDS, COVERAGE)
        if not given.is_file() or any((self.path / name).exists() for name in begun):
            return False
        windows = read_windows_bed(given)
        labels = sorted_labels(window.label for window in windows)
        windows.sort(key=lambda window: labels.index(window.label))
        return bool(_digest(repr(windows).encode()) == self._identity["sequences"])


def _differences(
    state: Mapping[str, Any], identity: Mapping[str, Any], keys: Sequence[str]
) -> Iterator[str]:
    for key in keys:
        if key == "settings" and isinstance(state.get(key), dict):
            yield from (
                name for name, value in identity[key].items() if state[key].get(name) != value
            )
        else:
            yield "windows" if key == "sequences" else key


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _table_text(table: TargetsTable) -> str:
    names = [name for name in type(table.rows[0]).model_fields if name != "index"]
    used = [name for name in names if any(getattr(row, name) is not None for row in table.rows)]
    lines = ["\t".join(["", *used])]
    for row in table.rows:
        values = (getattr(row, name) for name in used)
        lines.append("\t".join([str(row.index), *("" if v is None else str(v) for v in values)]))
    return "\n".join(lines) + "\n"
