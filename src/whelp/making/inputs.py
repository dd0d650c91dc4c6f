"""The targets table as work to be done, and whether its files fit the genome."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from whelp.genome.intervals import BedError, check_chromosomes, read_spans
from whelp.making.coverage import Coverage, open_coverage
from whelp.making.locating import locate_track
from whelp.making.names import contig_name
from whelp.making.options import DataSettings, MakingError
from whelp.making.pieces import TrackJob
from whelp.making.pooling import SUM_STATS, TrackSettings
from whelp.making.windows import LabeledWindow
from whelp.specs import Target, TargetsTable
from whelp.wording import listed

_OLD_SUM_STATS = tuple(name for name in SUM_STATS if name != "sum_exp75")
_SHOWN = 4


@dataclass(frozen=True)
class Tracks:
    """What is read for a data set.

    Attributes:
        jobs: The tracks, in the order of the table, without keys.
        notes: What a user should be told.
    """

    jobs: list[TrackJob]
    notes: list[str]


def plan_tracks(table: TargetsTable, settings: DataSettings) -> Tracks:
    """Say how each track of a table is read; files are looked for, and not opened.

    A relative path is meant from the working directory, or else from the folder of the table.

    Raises:
        MakingError: Identifiers stand twice, a statistic is not known, or files are missing; all
            are named.
    """
    _check_identifiers(table)
    found = [(row, locate_track(row, table)) for row in table.rows]
    lost = [f"{row.identifier}: {row.file or 'no file named'}" for row, at in found if at is None]
    if lost:
        raise MakingError(
            f"{_origin(table)}{len(lost)} of {len(table)} files do not exist; paths are taken from "
            "the working directory, and else from the folder of the table:\n  " + "\n  ".join(lost)
        )
    notes = []
    if any(row.sum_stat is None for row in table.rows):
        notes.append("tracks without a sum_stat in the table are summed in each bin")
    jobs = [
        TrackJob(
            place=place,
            identifier=row.identifier,
            file=path,
            named=row.file or "",
            settings=_track_settings(row, settings),
            key="",
        )
        for place, (row, path) in enumerate(found)
        if path is not None
    ]
    if settings.windows.as_reference and settings.blacklist is not None:
        notes.append(
            "blacklisted regions that begin before a window are not brought down in it, as in the "
            "reference; `whelp data` brings them down"
        )
    return Tracks(jobs, notes + _rounded_scales(table, settings))


def check_contigs(
    jobs: Sequence[TrackJob],
    windows: Iterable[LabeledWindow],
    genome: Mapping[str, int],
    settings: DataSettings,
) -> list[str]:
    """Open all files, and check that they have the contigs that windows are on.

    Blacklisted regions are checked, too: that they can be read, and are of the genome.

    Args:
        jobs: The tracks.
        windows: The windows.
        genome: Chromosome -> length in bp.
        settings: Whether names differ, and what a missing contig means.

    Returns:
        What a user should be told.

    Raises:
        MakingError: Files cannot be read, call contigs otherwise, or lack some; each is named.
        whelp.genome.intervals.BedError: The blacklist cannot be read, or is of another genome.
    """
    notes = _check_blacklist(genome, settings)
    ends: dict[str, int] = {}
    for window in windows:
        ends[window.chrom] = max(window.end, ends.get(window.chrom, 0))
    ends = {chrom: min(end, genome.get(chrom, end)) for chrom, end in ends.items()}
    problems: list[str] = []
    for job in jobs:
        try:
            with open_coverage(job.file) as coverage:
                problem, note = _contig_fault(coverage, ends, settings)
        except (ValueError, OSError) as error:
            problem, note = str(error), ""
        if problem:
            problems.append(f"{job.identifier}: {problem}")
        if note:
            notes.append(f"{job.identifier}: {note}")
    if problems:
        raise MakingError(
            f"{len(problems)} of {len(jobs)} tracks cannot be used:\n  " + "\n  ".join(problems)
        )
    return notes


def _check_blacklist(genome: Mapping[str, int], settings: DataSettings) -> list[str]:
    """Read the blacklist once, before any track is; Baskerville takes one of other chromosomes."""
    if settings.blacklist is None:
        return []
    found = read_spans(settings.blacklist)
    try:
        check_chromosomes(found, genome, what=str(settings.blacklist))
    except BedError as error:
        if settings.windows.as_reference:
            return [f"nothing is blacklisted: {error}"]
        raise
    return []


def with_keys(
    jobs: Sequence[TrackJob], windows: Sequence[LabeledWindow], settings: DataSettings
) -> list[TrackJob]:
    """Give each track the digest of all that its targets follow from."""
    shared = hashlib.sha256(repr(list(windows)).encode())
    if settings.blacklist is not None:
        shared.update(settings.blacklist.read_bytes())
    shared.update(
        repr((settings.windows.as_reference, settings.chr_prepend, settings.chr_strip)).encode()
    )
    keyed = []
    for job in jobs:
        digest = shared.copy()
        state = job.file.stat()
        parts = [job.identifier, job.named, asdict(job.settings), state.st_size, state.st_mtime_ns]
        digest.update(json.dumps(parts).encode())
        keyed.append(replace(job, key=digest.hexdigest()))
    return keyed


def _origin(table: TargetsTable) -> str:
    return f"{table.path}: " if table.path else ""


def _check_identifiers(table: TargetsTable) -> None:
    counts = Counter(row.identifier for row in table.rows)
    if twice := [name for name, count in counts.items() if count > 1]:
        raise MakingError(
            f"{_origin(table)}identifiers stand more than once: {', '.join(twice)}. Each track "
            "needs its own"
        )


def _track_settings(row: Target, settings: DataSettings) -> TrackSettings:
    known = _OLD_SUM_STATS if settings.transform_old else SUM_STATS
    sum_stat = row.sum_stat or "sum"
    if sum_stat not in known:
        hint = ""
        if sum_stat in SUM_STATS:
            hint = "; among the old targets, sum_sqrt is the sum to the power of 0.75"
        raise MakingError(
            f"{row.identifier}: the sum_stat {sum_stat!r} is not known; expected one of "
            f"{', '.join(known)}{hint}"
        )

    def number(value: float | None) -> float | None:
        # The reference hands numbers on as text with six decimals.
        if value is None or not settings.windows.as_reference:
            return value
        return float(f"{value:f}")

    scale = number(row.scale)
    return TrackSettings(
        sum_stat=sum_stat,
        scale=1.0 if scale is None else float(scale),
        clip=number(row.clip),
        clip_soft=number(row.clip_soft),
        pool_width=settings.windows.pool_width,
        interp_nan=settings.interp_nan,
        transform_old=settings.transform_old,
    )


def _rounded_scales(table: TargetsTable, settings: DataSettings) -> list[str]:
    """Say where six decimals change a scale by more than a thousandth."""
    if not settings.windows.as_reference:
        return []
    names = [
        row.identifier
        for row in table.rows
        if row.scale and abs(float(f"{row.scale:f}") / row.scale - 1) > 1e-3
    ]
    if not names:
        return []
    return [f"scales are rounded to six decimals, as Baskerville does; of note for {listed(names)}"]


def _contig_fault(
    coverage: Coverage, ends: Mapping[str, int], settings: DataSettings
) -> tuple[str, str]:
    """Say what is wrong with the contigs of a file, and what is only to be told."""
    names = {
        chrom: contig_name(
            chrom, coverage.lengths, prepend=settings.chr_prepend, strip=settings.chr_strip
        )
        for chrom in ends
    }
    lost = [chrom for chrom, name in names.items() if name is None]
    if len(lost) == len(ends):
        hint = _names_hint(coverage, lost)
        if hint or settings.missing_contigs == "error":
            return _other_names(coverage, lost, hint or "Is it of another assembly?"), ""
    if coverage.is_peaks:
        return "", f"there are no intervals on {listed(lost)}; its targets are 0 there" * bool(lost)
    short = [
        chrom
        for chrom, name in names.items()
        if name is not None and coverage.lengths[name] < ends[chrom]
    ]
    if not lost and not short:
        return "", ""
    faults = [f"it does not have {listed(lost)}"] if lost else []
    faults += [f"{chrom} ends before the windows on it do" for chrom in short[:_SHOWN]]
    told = f"{coverage.path}: {', and '.join(faults)}"
    like_reference = settings.windows.as_reference and coverage.is_array
    if settings.missing_contigs == "zeros" or like_reference:
        return "", f"{told}; its targets are 0 there"
    return (
        f"{told}. Is it of another assembly? Leave these windows out, or take what is missing "
        "as zeros (missing contigs: zeros)",
        "",
    )


def _names_hint(coverage: Coverage, lost: Sequence[str]) -> str:
    if any(contig_name(chrom, coverage.lengths, prepend=True) for chrom in lost):
        return 'Its names lack the "chr" of the genome\'s: say so (--chr-prepend)'
    if any(contig_name(chrom, coverage.lengths, strip=True) for chrom in lost):
        return 'Its names have a "chr" that the genome\'s lack: say so (--chr-strip)'
    return ""


def _other_names(coverage: Coverage, lost: Sequence[str], hint: str) -> str:
    return (
        f"{coverage.path}: it has none of the contigs that windows are on, {listed(lost)}, but "
        f"{listed(list(coverage.lengths)) or 'no contigs'}. {hint}"
    )
