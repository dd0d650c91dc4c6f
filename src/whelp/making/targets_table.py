"""A targets table from coverage files: names, strand pairs, pooling and scales."""

from __future__ import annotations

import csv
import fnmatch
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from whelp.files import atomic_path
from whelp.genome.genes import read_genes, strand_exons
from whelp.making.assays import ASSAYS, guess_assay, is_signal
from whelp.making.samples import Sample, assign_samples, check_assay, read_samples
from whelp.making.sense import PairShare, sense_share
from whelp.making.strands import StrandError, Track, pair_strands
from whelp.making.totals import TrackTotals, read_totals
from whelp.making.track_plan import TrackPlan, assumptions, coverage_faults
from whelp.specs import TargetsTable
from whelp.specs.targets import Target


class TargetsError(ValueError):
    """Coverage files of which no targets table can be made; the message says what to do."""


@dataclass(frozen=True)
class TargetsSettings:
    """How a targets table is made.

    Attributes:
        assay: Assay of all tracks, a name of `ASSAYS`; None to tell it from the names.
        depth: Fragments of every track, in place of 30 million; samples of a table go before it.
        samples: Table of samples; see `whelp.making.samples`.
        groups: Patterns of track names, as `PDL20*`, and the groups of tracks that match.
        unstranded: Whether to take each file by itself, whatever its name.
        signal: Whether the files are no coverage but fold changes, p-values and the like.
        genes: Annotation, GTF or GFF3, by which strand pairs are checked.
        flip_strands: Whether to exchange the files of pairs: of all, or with `genes` of those that
            have less than half of their coverage on the sense strand.
    """

    assay: str | None = None
    depth: float | None = None
    samples: Path | None = None
    groups: Sequence[tuple[str, str]] = ()
    unstranded: bool = False
    signal: bool = False
    genes: Path | None = None
    flip_strands: bool = False


@dataclass(frozen=True)
class TargetsDraft:
    """A targets table, and how it came about.

    Attributes:
        table: The table; its files are absolute paths.
        notes: What was assumed, for the user.
        shares: Sense share of each strand pair; empty without an annotation.
        totals: Summed coverage of each file, in the order of the table.
    """

    table: TargetsTable
    notes: tuple[str, ...]
    shares: tuple[PairShare, ...]
    totals: tuple[TrackTotals, ...]


def write_targets(
    files: Iterable[str | Path],
    path: str | Path,
    settings: TargetsSettings | None = None,
    *,
    force: bool = False,
) -> TargetsDraft:
    """Make a targets table of coverage files and write it.

    Args:
        files: BigWig, w5 or BED files.
        path: File to write.
        settings: How.
        force: Whether to replace a file that is there.

    Raises:
        TargetsError: There is a file already, or the tracks cannot be used. Nothing is written
            then, nor after the other errors of `make_targets`.
        OSError: A file cannot be read or written.
    """
    path = Path(path)
    if path.exists() and not force:
        raise TargetsError(
            f"{path}: the file is there already; expected a new one. Use --force to replace it"
        )
    draft = make_targets(files, settings)
    with atomic_path(path) as partial:
        partial.write_text(targets_text(draft.table), encoding="utf-8")
    return replace(draft, table=TargetsTable.read(path))


def make_targets(
    files: Iterable[str | Path], settings: TargetsSettings | None = None
) -> TargetsDraft:
    """Make a targets table of coverage files.

    The scale of a track is its depth over its summed coverage, that of a pair its depth over the
    coverage of both strands: one fragment then counts one, however the file was normalised.

    Raises:
        TargetsError: Files are missing (all are listed), an assay is unknown, or a track has no
            coverage or a negative one.
        whelp.making.strands.StrandError: Names give no pairs, or a pair looks flipped.
        whelp.making.samples.SampleError: The table of samples is wrong.
        OSError: A file cannot be read.
    """
    settings = settings or TargetsSettings()
    paths = [Path(file) for file in files]
    check_files(paths)
    tracks, notes = pair_strands(paths, unstranded=_without_strands(paths, settings))
    samples = {} if settings.samples is None else read_samples(settings.samples)
    plans, grouping = _plans(tracks, assign_samples(samples, tracks), settings)
    faults = coverage_faults(plans)
    if faults:
        raise TargetsError("\n".join(faults))
    plans, shares, turned = _straightened(plans, settings)
    table = TargetsTable.model_construct(rows=_rows(plans), path="")
    totals = tuple(total for plan in plans for total in plan.totals)
    said = (*assumptions(plans), *notes, *grouping, *turned)
    return TargetsDraft(table, said, tuple(shares), totals)


def check_files(paths: Sequence[Path]) -> None:
    """Check that there are files, and that all of them are there.

    Raises:
        TargetsError: It lists all that are missing.
    """
    if not paths:
        raise TargetsError("there are no coverage files; expected BigWig, w5 or BED files")
    missing = [path for path in paths if not path.is_file()]
    if missing:
        listed = "\n  ".join(map(str, missing))
        raise TargetsError(f"{len(missing)} of {len(paths)} files are not there:\n  {listed}")


def targets_text(table: TargetsTable) -> str:
    """A targets table as text: tabs, a header, the index in front; `group` if a track has one."""
    columns = [name for name in Target.model_fields if name != "index"]
    if not any(row.group for row in table.rows):
        columns.remove("group")
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow(["", *columns])
    for row in table.rows:
        writer.writerow([row.index, *(_cell(getattr(row, name)) for name in columns)])
    return text.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    return "" if value is None else value


def _without_strands(paths: Sequence[Path], settings: TargetsSettings) -> list[Path]:
    """Files whose names do not tell strands: those of assays that have none."""
    if settings.unstranded or settings.signal:
        return list(paths)
    given = settings.assay and check_assay(settings.assay)
    assays = {path: given or guess_assay(path) for path in paths}
    return [path for path, assay in assays.items() if assay and not ASSAYS[assay].stranded]


def _plans(
    tracks: Sequence[Track], samples: dict[str, Sample], settings: TargetsSettings
) -> tuple[list[TrackPlan], list[str]]:
    plans, unknown = [], []
    for track in tracks:
        sample = _grouped(track, samples.get(track.name, Sample()), settings)
        assay, source = _assay(track, sample, settings)
        if assay is None:
            unknown += [str(file) for file in track.files]
            continue
        plans.append(
            TrackPlan(
                track,
                assay,
                source,
                sample,
                totals=tuple(read_totals(file) for file in track.files),
                depth=sample.depth or settings.depth,
                signal=settings.signal or is_signal(track.files[0]),
            )
        )
    if unknown:
        raise TargetsError(
            f"the names of {', '.join(unknown)} do not tell the assay; expected a word such as "
            f"{', '.join(ASSAYS)} in them. Give --assay for all, or a table of --samples with the "
            "columns sample and assay"
        )
    loose = [plan.track.name for plan in plans if settings.groups and not plan.sample.group]
    return plans, [f"no group for {', '.join(loose)}"] if loose else []


def _assay(track: Track, sample: Sample, settings: TargetsSettings) -> tuple[str | None, str]:
    given = sample.assay or (settings.assay and check_assay(settings.assay))
    if given:
        return given, "given"
    guessed = guess_assay(track.files[0])
    if guessed is None and track.paired:
        return "RNA", "pair"
    return guessed, "name"


def _grouped(track: Track, sample: Sample, settings: TargetsSettings) -> Sample:
    for pattern, group in () if sample.group else settings.groups:
        if fnmatch.fnmatchcase(track.name, pattern):
            return replace(sample, group=group)
    return sample


def _straightened(
    plans: Sequence[TrackPlan], settings: TargetsSettings
) -> tuple[list[TrackPlan], list[PairShare], list[str]]:
    """Check the strands of pairs, and exchange them where that is asked for."""
    shares: dict[str, PairShare] = {}
    if settings.genes is not None:
        exons = strand_exons(read_genes(settings.genes))
        for plan in plans:
            if plan.track.paired:
                name = plan.track.name
                shares[name] = sense_share(name, *plan.track.files, exons=exons)
    turned = set()
    if settings.flip_strands:
        pairs = [plan.track.name for plan in plans if plan.track.paired]
        turned = {name for name in pairs if name not in shares or shares[name].share < 0.5}
        shares |= {name: shares[name].flipped() for name in turned if name in shares}
    _refuse_flipped(shares.values())
    notes = [f"strands exchanged, as asked: {', '.join(sorted(turned))}"] if turned else []
    notes += [f"{share.name}: {share.renamed}" for share in shares.values() if share.renamed]
    notes += [
        f"{share.name}: {share.share:.0%} of its coverage of exons is on the sense strand, as of a "
        "library without strands"
        for share in shares.values()
        if share.verdict == "unclear"
    ]
    new = [plan.flipped() if plan.track.name in turned else plan for plan in plans]
    return new, list(shares.values()), notes


def _refuse_flipped(shares: Iterable[PairShare]) -> None:
    flipped = [share for share in shares if share.verdict == "flipped"]
    if flipped:
        listed = ", ".join(f"{share.name} ({share.share:.0%})" for share in flipped)
        raise StrandError(
            f"the strands look flipped: little of the coverage of exons is on the strand of their "
            f"genes in {listed}; expected most of it. Use --flip-strands to exchange the files of "
            "these pairs, as 10x data need it where the files were made for dUTP libraries"
        )


def _rows(plans: Sequence[TrackPlan]) -> tuple[Target, ...]:
    rows: list[Target] = []
    for plan in plans:
        rows.extend(plan.rows(len(rows)))
    twice = [name for name, number in Counter(row.identifier for row in rows).items() if number > 1]
    if twice:
        raise TargetsError(
            f"identifiers must differ, but {', '.join(twice)} would stand twice. Rename the files"
        )
    return tuple(rows)
