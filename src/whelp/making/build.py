"""A data set from a genome and tracks: records that whelp and Baskerville train on."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from whelp.making.folder import DataFolder
from whelp.making.options import (
    DataSettings,
    DataSummary,
    MakingError,
    Progress,
    ProgressHook,
    TrackSummary,
)
from whelp.making.work import Work, read_tracks, write_records
from whelp.specs import TargetsTable
from whelp.wording import listed
from whelp.workers import Processes, Runner

__all__ = [
    "DataSettings",
    "DataSummary",
    "MakingError",
    "Progress",
    "ProgressHook",
    "TrackSummary",
    "make_data",
]


def make_data(
    genome: Path,
    targets: Path | TargetsTable,
    out_dir: Path,
    settings: DataSettings | None = None,
    *,
    resume: bool = False,
    runner: Runner | None = None,
    progress: ProgressHook | None = None,
) -> DataSummary:
    """Make a data set: lay windows, read tracks over them, write records.

    All input is checked before anything is written. Tracks are read in parallel, each into a file
    of its own in `seqs_cov/` (a few tracks over many windows part by part), then record files are
    written in parallel. Every file appears whole or not at all, and statistics.json last: a run
    that was stopped goes on with `resume`, and leaves the same bytes as one that was not.

    Args:
        genome: FASTA file, plain or packed with bgzip.
        targets: Table of the tracks, or its path. Coverage is BigWig, .w5, BED or narrowPeak.
        out_dir: Folder of the data set; new, empty, or begun earlier.
        settings: How; None for windows of 131,072 bp in bins of 32 bp, without a crop.
        resume: Go on with what was begun in `out_dir`; what is done is not done again. A track
            whose file has changed since is read anew.
        runner: Who reads tracks and writes records; they need to see the same files. None for
            processes of this machine, as many as the settings say.
        progress: Called at the start of each stage and after each track (or part of one) and
            record file.

    Returns:
        What the data set holds.

    Raises:
        MakingError: Settings contradict one another, the folder holds something else, tracks
            cannot be used, or some could not be read: each is named.
        whelp.files.BusyError: Another process makes a data set in the folder.
        whelp.making.windows.WindowError: Windows cannot be laid as asked.
        whelp.specs.SpecError: The table is wrong.
        whelp.genome.fasta.FastaError: The genome cannot be used.
        whelp.genome.intervals.BedError: A BED file cannot be used.
        OSError: A file cannot be read or written.
    """
    began = time.monotonic()
    work = Work.check(Path(genome), targets, settings, Path(out_dir))
    runner = runner or Processes(work.settings.process_count)
    tracks = complete(work, runner, resume=resume, tell=progress or (lambda _: None))
    return summary_of(work, Path(out_dir), tracks, seconds=time.monotonic() - began)


def complete(
    work: Work, runner: Runner, *, resume: bool, tell: ProgressHook
) -> tuple[TrackSummary, ...]:
    """Make what is not there yet of a data set, and say what came of its tracks.

    Raises:
        MakingError: The folder holds something else, or a track could not be read.
        BusyError: Another process is busy in it.
        OSError: A file cannot be written.
    """
    folder = work.data_folder
    folder.open(resume=resume)
    summaries = folder.finished_tracks(work.jobs, [job.path for job in work.records])
    if summaries is not None:
        return summaries
    with folder.held():
        folder.clean()
        return _make(work, folder, runner, tell)


def summary_of(
    work: Work, path: Path, tracks: Sequence[TrackSummary], *, seconds: float
) -> DataSummary:
    """Say what a finished data set holds."""
    counts = Counter(window.label for window in work.plan.windows)
    return DataSummary(
        path=path,
        windows={label: counts[label] for label in work.plan.labels},
        tracks=tuple(tracks),
        seq_length=work.settings.windows.seq_length,
        target_length=work.settings.windows.target_length,
        notes=(*work.notes, *_negative(tracks)),
        seconds=seconds,
    )


def _make(
    work: Work, folder: DataFolder, runner: Runner, tell: ProgressHook
) -> tuple[TrackSummary, ...]:
    try:
        folder.write_plan(work.plan, work.table)
        done = work.finished()
        todo = [part for part in work.parts if part.track.place not in done]
        if todo:
            folder.drop_records()
        earlier = len(work.parts) - len(todo)
        done |= read_tracks(work.reader, todo, runner, tell=tell, done=earlier)
        done = work.joined(done)
        write_records(work.writer, work.records, runner, tell=tell)
    finally:
        folder.clean()
    summaries = tuple(done[job.place] for job in work.jobs)
    keep = work.settings.keep_coverage
    folder.finish(work.statistics(), work.jobs, summaries, keep_coverage=keep)
    return summaries


def _negative(tracks: Sequence[TrackSummary]) -> list[str]:
    """Say which tracks have targets below 0."""
    names = [f"{track.identifier} (down to {track.min:.4g})" for track in tracks if track.min < 0]
    if not names:
        return []
    return [f"there are negative targets; Poisson losses want none: {listed(names)}"]
