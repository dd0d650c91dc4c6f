"""What there is to do for a data set, checked; and how it is done, stage by stage."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from whelp.genome.fasta import Fasta
from whelp.making.folder import COVERAGE, RECORDS, UNMAPPABLE, DataFolder, identity_of
from whelp.making.inputs import check_contigs, plan_tracks, with_keys
from whelp.making.options import (
    DataSettings,
    MakingError,
    Progress,
    ProgressHook,
    TrackSummary,
)
from whelp.making.pieces import TrackJob, TrackPart, share_out
from whelp.making.plan import WindowPlan, plan_windows
from whelp.making.records import RecordJob, RecordWriter, record_jobs
from whelp.making.tracks import TrackReader, finished_track
from whelp.specs import TargetsTable
from whelp.workers import Failure, Runner


@dataclass(frozen=True)
class Work:
    """What there is to do.

    Attributes:
        genome: FASTA file.
        table: The tracks.
        settings: How.
        plan: The windows.
        jobs: The tracks to be read, in the order of the table.
        notes: What a user should be told.
        folder: Folder of the data set; absolute, for workers elsewhere.
    """

    genome: Path
    table: TargetsTable
    settings: DataSettings
    plan: WindowPlan
    jobs: list[TrackJob]
    notes: tuple[str, ...]
    folder: Path

    @classmethod
    def check(
        cls,
        genome: Path,
        targets: Path | TargetsTable,
        settings: DataSettings | None,
        folder: Path,
    ) -> Work:
        """Read all input but the coverage itself, and check that it fits together.

        Raises:
            ValueError: It does not.
            OSError: A file cannot be read.
        """
        settings = settings or DataSettings()
        settings.check()
        if settings.blacklist is not None:
            settings = replace(settings, blacklist=_absolute(settings.blacklist))
        table = targets if isinstance(targets, TargetsTable) else TargetsTable.read(targets)
        tracks = plan_tracks(table, settings)
        with Fasta(genome) as fasta:
            lengths = fasta.lengths
        plan = plan_windows(genome, table, settings.windows)
        told = check_contigs(tracks.jobs, plan.windows, lengths, settings)
        jobs = with_keys(tracks.jobs, plan.windows, settings)
        jobs = [replace(job, file=_absolute(job.file)) for job in jobs]
        notes = (*plan.notes, *tracks.notes, *told)
        here = _absolute(folder)
        return cls(_absolute(genome), table, settings, plan, jobs, notes, folder=here)

    @property
    def data_folder(self) -> DataFolder:
        """The folder of the data set, and what must be the same in it."""
        identity = identity_of(self.genome, self.plan, self.jobs, self.settings)
        return DataFolder(self.folder, identity)

    @property
    def coverage(self) -> Path:
        """Folder of the tracks that were read."""
        return self.folder / COVERAGE

    @property
    def reader(self) -> TrackReader:
        """What reads tracks."""
        settings = self.settings
        return TrackReader(
            windows=self.plan.windows,
            folder=self.coverage,
            blacklist=settings.blacklist,
            as_reference=settings.windows.as_reference,
            chr_prepend=settings.chr_prepend,
            chr_strip=settings.chr_strip,
        )

    @property
    def writer(self) -> RecordWriter:
        """What writes records."""
        settings = self.settings
        return RecordWriter(
            genome=self.genome,
            windows=self.plan.windows,
            folder=self.coverage,
            tracks=len(self.jobs),
            crop_bp=settings.windows.crop_bp,
            decimals=settings.decimals,
            unmappable=self.folder / UNMAPPABLE if self.plan.unmappable is not None else None,
            umap_clip=settings.umap_clip,
            umap_tfr=settings.umap_tfr,
        )

    @property
    def parts(self) -> list[TrackPart]:
        """The tracks as jobs."""
        return share_out(self.jobs, len(self.plan.windows))

    @property
    def records(self) -> list[RecordJob]:
        """The record files."""
        return record_jobs(self.folder / RECORDS, self.plan.windows, self.settings.seqs_per_tfr)

    def finished(self) -> dict[int, TrackSummary]:
        """Place -> what came of a track, of those that were read; their files are looked at."""
        found = {job.place: finished_track(self.coverage, job) for job in self.jobs}
        return {place: summary for place, summary in found.items() if summary is not None}

    def joined(self, done: Mapping[int, TrackSummary]) -> dict[int, TrackSummary]:
        """Join tracks whose parts are all there, and that nobody has joined.

        A worker may not see at once what others have written.

        Args:
            done: What came of the tracks that are whole, by place.

        Returns:
            The same for these and for those that are whole now.
        """
        lacking = [job for job in self.jobs if job.place not in done]
        made = {job.place: self.reader.join(job, self.parts[0].of) for job in lacking}
        return {**done, **{place: each for place, each in made.items() if each is not None}}

    def statistics(self) -> dict[str, Any]:
        """Give what statistics.json holds: Baskerville's keys, and how the targets were squashed.

        The windows are those that are in the records.
        """
        windows = self.settings.windows
        statistics: dict[str, Any] = {
            "num_targets": len(self.jobs),
            "seq_length": windows.seq_length,
            "seq_1hot": True,
            "pool_width": windows.pool_width,
            "crop_bp": windows.crop_bp,
            "target_length": windows.target_length,
            "target_transform": "old" if self.settings.transform_old else "new",
        }
        for label in self.plan.labels:
            statistics[f"{label}_seqs"] = sum(w.label == label for w in self.plan.windows)
        return statistics


def read_tracks(
    reader: TrackReader,
    parts: Sequence[TrackPart],
    runner: Runner,
    *,
    tell: ProgressHook,
    done: int,
) -> dict[int, TrackSummary]:
    """Read tracks, or parts of them, that were not read earlier.

    Args:
        reader: What reads them.
        parts: What is to be read.
        runner: Who does it.
        tell: Called at the start and after each.
        done: How many others were read earlier.

    Returns:
        Place -> what came of a track, of those that are whole now.

    Raises:
        MakingError: Some could not be read: each is named.
    """
    total = done + len(parts)
    tell(Progress("tracks", done, total))
    failures: dict[str, str] = {}
    whole: dict[int, TrackSummary] = {}
    with closing(runner.run(reader, parts)) as results:
        for at, result in results:
            track = parts[at].track
            if isinstance(result, Failure):
                failures[track.identifier] = f"({track.named}): {result.message}"
                if result.is_system:
                    break
                continue
            if result is not None:
                whole[track.place] = result
            done += 1
            tell(Progress("tracks", done, total, track.identifier))
    if failures:
        tracks = len({part.track.place for part in parts})
        words = [f"{name} {why}" for name, why in failures.items()]
        raise MakingError(
            f"{len(failures)} of {tracks} tracks could not be read. Those that were are kept: "
            "repair the others, and go on with the same command (--resume; hound_data.py takes "
            "--restart):\n  " + "\n  ".join(words)
        )
    return whole


def write_records(
    writer: RecordWriter, jobs: Sequence[RecordJob], runner: Runner, *, tell: ProgressHook
) -> int:
    """Write the record files that are not there.

    Returns:
        How many were written.

    Raises:
        MakingError: One could not be written.
    """
    todo = [job for job in jobs if not job.path.is_file()]
    total = sum(job.last - job.first for job in jobs)
    written = total - sum(job.last - job.first for job in todo)
    tell(Progress("records", written, total))
    with closing(runner.run(writer, todo)) as results:
        for at, result in results:
            job = todo[at]
            if isinstance(result, Failure):
                raise MakingError(f"{job.path} could not be written: {result.message}")
            written += result
            tell(Progress("records", written, total, job.path.name))
    return len(todo)


def _absolute(path: Path) -> Path:
    """Name a file so that workers in other folders find it; links stay as they are."""
    return Path(os.path.abspath(path))
