"""Data sets made part by part, each by a process, or a machine, that knows nothing of the others.

Every part goes by what the files say: the same jobs follow from the same data set, and part I of N
does every N-th of them. Tracks come first, and records when all tracks are there, whoever read
them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from whelp.files import atomic_path
from whelp.making.build import complete, summary_of
from whelp.making.folder import ORDER
from whelp.making.options import DataSettings, DataSummary, MakingError, ProgressHook
from whelp.making.pieces import TrackPart, has_piece
from whelp.making.work import Work, read_tracks, write_records
from whelp.wording import listed
from whelp.workers import Processes, Runner


@dataclass(frozen=True)
class PartSummary:
    """What a part did.

    Attributes:
        path: Folder of the data set.
        tracks: Tracks, or parts of tracks, that it has read.
        records: Record files that it has written.
        waiting: Tracks that others have not read yet; while there are some, no records are written.
        notes: What a user should be told.
        seconds: What it took.
    """

    path: Path
    tracks: int
    records: int
    waiting: tuple[str, ...]
    notes: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class PartsOrder:
    """What parts were asked for, for whoever gathers them.

    Attributes:
        genome: FASTA file.
        targets: Table of the tracks.
        settings: How.
        folder: Folder from which relative paths are meant.
        parts: How many parts there are.
    """

    genome: Path
    targets: Path
    settings: DataSettings
    folder: Path
    parts: int


def make_part(
    genome: Path,
    targets: Path,
    out_dir: Path,
    settings: DataSettings | None = None,
    *,
    part: tuple[int, int],
    runner: Runner | None = None,
    progress: ProgressHook | None = None,
) -> PartSummary:
    """Make a part of a data set: its share of the tracks, and of the records if it can.

    Parts may be made at the same time, on machines that see the same files; what is done is not
    done again. Records need all tracks: a part that finds some lacking leaves its share of records
    to a second call, or to `gather_data`, which ends the data set in any case.

    Args:
        genome: FASTA file, plain or packed with bgzip.
        targets: Path of the table of the tracks.
        out_dir: Folder of the data set; new, or that of the other parts.
        settings: How; see `make_data`.
        part: Number of the part, from 1, and of all parts.
        runner: Who reads tracks and writes records; None for processes of this machine.
        progress: As for `make_data`.

    Returns:
        What was done.

    Raises:
        MakingError: There is no such part; and as `make_data`.
        whelp.files.BusyError: The whole data set is being made or gathered.
        ValueError: As `make_data`.
        OSError: A file cannot be read or written.
    """
    began = time.monotonic()
    number, parts = part
    if not 1 <= number <= parts:
        raise MakingError(f"part {number} of {parts}: expected a number from 1 to {parts}")
    settings = settings or DataSettings()
    work = Work.check(Path(genome), Path(targets), settings, Path(out_dir))
    tell = progress or (lambda _: None)
    runner = runner or Processes(settings.process_count)
    read = written = 0
    waiting: list[str] = []
    folder = work.data_folder
    folder.join()
    if folder.finished_tracks(work.jobs, [job.path for job in work.records]) is None:
        with folder.held(shared=True):
            folder.write_plan(work.plan, work.table)
            _write_order(work, Path(targets), parts)
            read = _read_share(work, work.parts[number - 1 :: parts], runner, tell=tell)
            done = work.joined(work.finished())
            waiting = [job.identifier for job in work.jobs if job.place not in done]
            if not waiting:
                share = work.records[number - 1 :: parts]
                written = write_records(work.writer, share, runner, tell=tell)
    seconds = time.monotonic() - began
    return PartSummary(Path(out_dir), read, written, tuple(waiting), work.notes, seconds)


def gather_data(
    out_dir: Path, *, runner: Runner | None = None, progress: ProgressHook | None = None
) -> DataSummary:
    """End a data set whose parts were made: write what records are lacking, and statistics.json.

    The folder is then the same as if the data set had been made in one. Parts must have ended.

    Args:
        out_dir: Folder of the data set.
        runner: Who writes records; None for processes of this machine.
        progress: As for `make_data`.

    Returns:
        What the data set holds.

    Raises:
        MakingError: No parts were made there, or tracks are lacking: it says of which parts.
        whelp.files.BusyError: A part is still being made.
        ValueError: The input has changed; see `make_data`.
        OSError: A file cannot be read or written.
    """
    began = time.monotonic()
    order = read_order(Path(out_dir))
    path = Path(os.path.abspath(out_dir))
    with chdir(order.folder):
        work = Work.check(order.genome, order.targets, order.settings, path)
    done = work.joined(work.finished())
    if lacking := [job.identifier for job in work.jobs if job.place not in done]:
        raise MakingError(_lacking(work, lacking, order.parts))
    runner = runner or Processes(order.settings.process_count)
    tracks = complete(work, runner, resume=True, tell=progress or (lambda _: None))
    (path / ORDER).unlink(missing_ok=True)
    return summary_of(work, Path(out_dir), tracks, seconds=time.monotonic() - began)


def _read_share(
    work: Work, share: Sequence[TrackPart], runner: Runner, *, tell: ProgressHook
) -> int:
    """Read what is lacking of a share of the tracks."""
    there = work.finished()
    todo = [
        part
        for part in share
        if part.track.place not in there and not has_piece(work.coverage, part)
    ]
    if todo:
        # Nobody has all tracks, so nobody writes records: these are of tracks as they were.
        work.data_folder.drop_records()
    read_tracks(work.reader, todo, runner, tell=tell, done=len(share) - len(todo))
    return len(todo)


def _lacking(work: Work, tracks: Sequence[str], parts: int) -> str:
    """Say which parts are to be made before all can be gathered."""
    numbers = [
        str(at % parts + 1)
        for at, part in enumerate(work.parts)
        if part.track.identifier in tracks and not has_piece(work.coverage, part)
    ]
    several = sorted(set(numbers), key=int)
    return (
        f"{work.folder}: {len(tracks)} of {len(work.jobs)} tracks are not read yet "
        f"({listed(tracks)}). Make the parts that lack, or make them again: --part "
        f"{listed([f'{number}/{parts}' for number in several], most=20)}"
    )


def _write_order(work: Work, targets: Path, parts: int) -> None:
    order = PartsOrder(
        genome=work.genome,
        targets=Path(os.path.abspath(targets)),
        settings=work.settings,
        folder=Path.cwd(),
        parts=parts,
    )
    text = TypeAdapter(PartsOrder).dump_json(order, indent=1)
    with atomic_path(work.folder / ORDER) as partial:
        partial.write_bytes(text)


def read_order(out_dir: Path) -> PartsOrder:
    """Read what the parts of a data set were made of.

    Raises:
        MakingError: There are none in the folder, or the file is damaged.
    """
    path = out_dir / ORDER
    try:
        return TypeAdapter(PartsOrder).validate_json(path.read_bytes())
    except FileNotFoundError:
        raise MakingError(
            f"{out_dir}: there are no parts of a data set to be gathered: either all is done, or "
            "none was made with --part"
        ) from None
    except ValidationError as error:
        raise MakingError(f"{path} is damaged; make a part again to repair it ({error})") from None
