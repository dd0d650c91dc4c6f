"""A data set from a genome and tracks: records that whelp and Baskerville train on."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whelp.genome.fasta import Fasta
from whelp.making.folder import COVERAGE, RECORDS, UNMAPPABLE, DataFolder, identity_of
from whelp.making.inputs import check_contigs, plan_tracks, with_keys
from whelp.making.options import (
    DataSettings,
    DataSummary,
    MakingError,
    Progress,
    ProgressHook,
    TrackSummary,
)
from whelp.making.plan import WindowPlan, plan_windows
from whelp.making.records import RecordJob, RecordWriter, record_jobs
from whelp.making.tracks import TrackJob, TrackReader, finished_track
from whelp.specs import TargetsTable
from whelp.wording import listed
from whelp.workers import Failure, Processes

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
    progress: ProgressHook | None = None,
) -> DataSummary:
    """Make a data set: lay windows, read tracks over them, write records.

    All input is checked before anything is written. Tracks are read in parallel, each into a file
    of its own in `seqs_cov/`, then record files are written in parallel. Every file appears whole
    or not at all, and statistics.json last: a run that was stopped goes on with `resume`, and
    leaves the same bytes as one that was not.

    Args:
        genome: FASTA file, plain or packed with bgzip.
        targets: Table of the tracks, or its path. Coverage is BigWig, .w5, BED or narrowPeak.
        out_dir: Folder of the data set; new, empty, or begun earlier.
        settings: How; None for windows of 131,072 bp in bins of 32 bp, without a crop.
        resume: Go on with what was begun in `out_dir`; what is done is not done again. A track
            whose file has changed since is read anew.
        progress: Called at the start of each stage and after each track and record file.

    Returns:
        What the data set holds.

    Raises:
        MakingError: Settings contradict one another, the folder holds something else, tracks
            cannot be used, or some could not be read: each is named.
        whelp.making.windows.WindowError: Windows cannot be laid as asked.
        whelp.specs.SpecError: The table is wrong.
        whelp.genome.fasta.FastaError: The genome cannot be used.
        whelp.genome.intervals.BedError: A BED file cannot be used.
        OSError: A file cannot be read or written.
    """
    began = time.monotonic()
    work = _check(Path(genome), targets, settings or DataSettings())
    settings, plan = work.settings, work.plan
    folder = DataFolder(Path(out_dir), identity_of(work.genome, plan, work.jobs, settings))
    records = record_jobs(folder.path / RECORDS, plan.windows, settings.seqs_per_tfr)
    folder.open(resume=resume)
    summaries = folder.finished_tracks(work.jobs, [job.path for job in records])
    if summaries is None:
        summaries = _make(work, folder, records, progress or (lambda _: None))
    counts = Counter(window.label for window in plan.windows)
    return DataSummary(
        path=folder.path,
        windows={label: counts[label] for label in plan.labels},
        tracks=summaries,
        seq_length=settings.windows.seq_length,
        target_length=settings.windows.target_length,
        notes=(*work.notes, *_negative(summaries)),
        seconds=time.monotonic() - began,
    )


@dataclass(frozen=True)
class _Work:
    """What there is to do, checked."""

    genome: Path
    table: TargetsTable
    settings: DataSettings
    plan: WindowPlan
    jobs: list[TrackJob]
    notes: tuple[str, ...]


def _check(genome: Path, targets: Path | TargetsTable, settings: DataSettings) -> _Work:
    """Read all input but the coverage itself, and check that it fits together."""
    settings.check()
    table = targets if isinstance(targets, TargetsTable) else TargetsTable.read(targets)
    tracks = plan_tracks(table, settings)
    with Fasta(genome) as fasta:
        lengths = fasta.lengths
    plan = plan_windows(genome, table, settings.windows)
    notes = check_contigs(tracks.jobs, plan.windows, lengths, settings)
    jobs = with_keys(tracks.jobs, plan.windows, settings)
    return _Work(genome, table, settings, plan, jobs, (*plan.notes, *tracks.notes, *notes))


def _make(
    work: _Work, folder: DataFolder, records: Sequence[RecordJob], tell: ProgressHook
) -> tuple[TrackSummary, ...]:
    """Make what is not there yet."""
    settings = work.settings
    try:
        folder.write_plan(work.plan, work.table)
        summaries = _read_tracks(work, folder, tell)
        _write_records(_writer(work, folder), records, settings.process_count, tell)
    finally:
        folder.clean()
    statistics = _statistics(work)
    folder.finish(statistics, work.jobs, summaries, keep_coverage=settings.keep_coverage)
    return summaries


def _read_tracks(work: _Work, folder: DataFolder, tell: ProgressHook) -> tuple[TrackSummary, ...]:
    """Read the tracks that were not read earlier."""
    reader = _reader(work, folder)
    done = {job.place: finished_track(reader.folder, job) for job in work.jobs}
    todo = [job for job in work.jobs if done[job.place] is None]
    # Long jobs first: then no process works on alone at the end.
    todo.sort(key=lambda job: job.file.stat().st_size, reverse=True)
    if todo:
        folder.drop_records()
    finished, total = len(work.jobs) - len(todo), len(work.jobs)
    tell(Progress("tracks", finished, total))
    failures: list[str] = []
    with closing(Processes(work.settings.process_count).run(reader, todo)) as results:
        for at, result in results:
            job = todo[at]
            if isinstance(result, Failure):
                failures.append(f"{job.identifier} ({job.named}): {result.message}")
                if result.is_system:
                    break
                continue
            done[job.place] = result
            finished += 1
            tell(Progress("tracks", finished, total, job.identifier))
    if failures:
        raise MakingError(
            f"{len(failures)} of {total} tracks could not be read. Those that were are kept: "
            "repair the others, and go on with the same command (--resume; hound_data.py takes "
            "--restart):\n  " + "\n  ".join(failures)
        )
    return tuple(summary for summary in done.values() if summary is not None)


def _negative(tracks: Sequence[TrackSummary]) -> list[str]:
    """Say which tracks have targets below 0."""
    names = [f"{track.identifier} (down to {track.min:.4g})" for track in tracks if track.min < 0]
    if not names:
        return []
    return [f"there are negative targets; Poisson losses want none: {listed(names)}"]


def _reader(work: _Work, folder: DataFolder) -> TrackReader:
    return TrackReader(
        windows=work.plan.windows,
        folder=folder.path / COVERAGE,
        blacklist=work.settings.blacklist,
        as_reference=work.settings.windows.as_reference,
        chr_prepend=work.settings.chr_prepend,
        chr_strip=work.settings.chr_strip,
    )


def _writer(work: _Work, folder: DataFolder) -> RecordWriter:
    settings = work.settings
    return RecordWriter(
        genome=work.genome,
        windows=work.plan.windows,
        folder=folder.path / COVERAGE,
        tracks=len(work.jobs),
        crop_bp=settings.windows.crop_bp,
        decimals=settings.decimals,
        unmappable=folder.path / UNMAPPABLE if work.plan.unmappable is not None else None,
        umap_clip=settings.umap_clip,
        umap_tfr=settings.umap_tfr,
    )


def _write_records(
    writer: RecordWriter, jobs: Sequence[RecordJob], processes: int, tell: ProgressHook
) -> None:
    """Write the record files that are not there."""
    todo = [job for job in jobs if not job.path.is_file()]
    total = len(writer.windows)
    written = total - sum(job.last - job.first for job in todo)
    tell(Progress("records", written, total))
    with closing(Processes(processes).run(writer, todo)) as results:
        for at, result in results:
            job = todo[at]
            if isinstance(result, Failure):
                raise MakingError(f"{job.path} could not be written: {result.message}")
            written += result
            tell(Progress("records", written, total, job.path.name))


def _statistics(work: _Work) -> dict[str, Any]:
    """Give what statistics.json holds: Baskerville's keys, and how the targets were squashed.

    The windows are those that are in the records.
    """
    windows = work.settings.windows
    statistics: dict[str, Any] = {
        "num_targets": len(work.jobs),
        "seq_length": windows.seq_length,
        "seq_1hot": True,
        "pool_width": windows.pool_width,
        "crop_bp": windows.crop_bp,
        "target_length": windows.target_length,
        "target_transform": "old" if work.settings.transform_old else "new",
    }
    for label in work.plan.labels:
        statistics[f"{label}_seqs"] = sum(w.label == label for w in work.plan.windows)
    return statistics
