"""What is wrong, or doubtful, with a targets table, its files and its windows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from whelp.genome.genes import read_genes, strand_exons
from whelp.making.coverage import BED_ENDINGS
from whelp.making.findings import Findings
from whelp.making.locating import locate_track
from whelp.making.pooling import LARGEST, SUM_STATS
from whelp.making.sense import PairShare, sense_share
from whelp.making.totals import TrackTotals, read_totals
from whelp.making.window_checks import Overlap, check_contigs, check_overlaps
from whelp.specs import Target, TargetsTable
from whelp.wording import listed

_USUAL_FRAGMENTS = (1e5, 2e9)
_SMALL_GENOME = 100e6

Totals = Sequence[TrackTotals | None]


class CheckError(ValueError):
    """A targets table that cannot be used; all that is wrong with it is listed."""


@dataclass(frozen=True)
class CheckSettings:
    """What a table is checked against.

    Attributes:
        genome: FASTA file or table of chromosome lengths.
        sequences: `sequences.bed` of the data set that the table is for.
        pretrained: `sequences.bed` of the data that a model was pretrained on.
        held_out: Labels of `pretrained` that were not trained on; empty for `test` and `valid`, or
            else fold3 and fold4, which Borzoi's released models were tested and validated on.
        genes: Annotation, GTF or GFF3, by which strand pairs are checked.
    """

    genome: Path | None = None
    sequences: Path | None = None
    pretrained: Path | None = None
    held_out: Sequence[str] = ()
    genes: Path | None = None


@dataclass(frozen=True)
class TableCheck:
    """What was found.

    Attributes:
        table: The table.
        totals: What each file holds; None for one that is missing or cannot be read.
        shares: Sense share of each strand pair; empty without an annotation.
        overlaps: Of the data set's windows with regions of pretraining, by label.
        findings: Faults, warnings and notes.
    """

    table: TargetsTable
    totals: tuple[TrackTotals | None, ...]
    shares: tuple[PairShare, ...]
    overlaps: tuple[Overlap, ...]
    findings: Findings


def check_targets(path: str | Path, settings: CheckSettings | None = None) -> TableCheck:
    """Check a targets table, its files, and how they go with a genome, windows and genes.

    Of a BigWig only the header is read, unless it says that there are NaN or infinite values.

    Raises:
        whelp.specs.SpecError: The table cannot be read, or its strand pairs are none.
        ValueError: Genome, windows or genes cannot be read.
        OSError: A file cannot be read.
    """
    settings = settings or CheckSettings()
    table = TargetsTable.read(path)
    found = Findings()
    _check_rows(table, found)
    files = [locate_track(row, table) for row in table.rows]
    _check_missing(table, files, found)
    totals = tuple(
        None if file is None else _totals(row, file, found)
        for row, file in zip(table.rows, files, strict=True)
    )
    _check_values(table, totals, found)
    named = {r.identifier: t for r, t in zip(table.rows, totals, strict=True) if t is not None}
    peaks = {r.identifier for r in table.rows if (r.file or "").lower().endswith(BED_ENDINGS)}
    check_contigs(named, found, genome=settings.genome, sequences=settings.sequences, peaks=peaks)
    overlaps = check_overlaps(
        settings.sequences, settings.pretrained, found, held_out=settings.held_out
    )
    shares = _shares(table, files, settings.genes, found) if settings.genes else ()
    return TableCheck(table, totals, shares, overlaps, found)


def strand_pairs(table: TargetsTable) -> list[tuple[int, int]]:
    """Positions of the + and the - row of each pair; the first row where names do not tell."""
    pairs = []
    for at, other in enumerate(table.strand_pair or range(len(table))):
        if at < other:
            turned = table.rows[at].identifier.endswith("-")
            pairs.append((other, at) if turned else (at, other))
    return pairs


def _check_rows(table: TargetsTable, found: Findings) -> None:
    names = Counter(row.identifier for row in table.rows)
    if twice := [name for name, number in names.items() if number > 1]:
        found.faults.append(f"identifiers stand more than once: {listed(twice)}; they must differ")
    files = Counter(row.file for row in table.rows if row.file)
    if twice := [str(name) for name, number in files.items() if number > 1]:
        found.warnings.append(f"files stand in more than one row: {listed(twice)}")
    if table.strand_pair is None:
        found.warnings.append(
            "there is no column strand_pair: strands cannot be swapped in reverse complements"
        )
    for row in table.rows:
        if row.sum_stat is not None and row.sum_stat not in SUM_STATS:
            found.faults.append(
                f"{row.identifier}: sum_stat {row.sum_stat!r} is not known; expected one of "
                f"{', '.join(SUM_STATS)}"
            )
        if row.scale is not None and row.scale <= 0:
            found.faults.append(f"{row.identifier}: expected a scale above 0; got {row.scale:g}")
        if row.clip is not None and row.clip_soft is not None and row.clip < row.clip_soft:
            found.warnings.append(
                f"{row.identifier}: clip {row.clip:g} is below clip_soft {row.clip_soft:g}"
            )
    _check_pairs(table, found)


def _check_pairs(table: TargetsTable, found: Findings) -> None:
    pairs = strand_pairs(table)
    paired = {at for pair in pairs for at in pair}
    lone = [
        row.identifier
        for at, row in enumerate(table.rows)
        if at not in paired and row.identifier.endswith(("+", "-"))
    ]
    if lone:
        found.warnings.append(f"by name single strands, but without a pair: {listed(lone)}")
    for plus, minus in pairs:
        one, other = table.rows[plus], table.rows[minus]
        both = f"{one.identifier} and {other.identifier}"
        if not (one.identifier.endswith("+") and other.identifier.endswith("-")):
            found.warnings.append(f"{both} are a pair, but do not end in + and -")
        if one.file == other.file and one.file is not None:
            found.faults.append(f"{both} are a strand pair of one file, {one.file}")
        for name in ("scale", "sum_stat", "clip", "clip_soft"):
            if getattr(one, name) != getattr(other, name):
                found.warnings.append(
                    f"{both} are a strand pair with different {name}: {getattr(one, name)} and "
                    f"{getattr(other, name)}"
                )


def _check_missing(table: TargetsTable, files: Sequence[Path | None], found: Findings) -> None:
    missing = [
        f"{row.identifier}: {row.file or 'no file named'}"
        for row, file in zip(table.rows, files, strict=True)
        if file is None
    ]
    if missing:
        found.faults.append(
            f"{len(missing)} of {len(table)} files are not there:\n  " + "\n  ".join(missing)
        )


def _totals(row: Target, file: Path, found: Findings) -> TrackTotals | None:
    try:
        return read_totals(file)
    except (ValueError, OSError) as error:
        found.faults.append(f"{row.identifier}: {error}")
        return None


def _check_values(table: TargetsTable, totals: Totals, found: Findings) -> None:
    known = [(r.identifier, t) for r, t in zip(table.rows, totals, strict=True) if t is not None]
    _warn(found, "there are NaN or infinite values", (n for n, t in known if t.odd))
    _warn(
        found,
        "there are negative values; Poisson losses want none",
        (f"{n} (down to {t.minimum:g})" for n, t in known if t.minimum < 0),
    )
    _warn(found, "there is no coverage", (n for n, t in known if t.total == 0))
    over = [f"{n} (up to {t.maximum:g})" for n, t in known if t.maximum > LARGEST]
    if over:
        found.notes.append(f"values above {LARGEST:,.0f} are cut to it: {listed(over)}")
    _check_fragments(table, totals, found)


def fragments(table: TargetsTable, totals: Totals) -> list[float | None]:
    """Scaled coverage of each track, of a pair that of both strands; None where it is no sum."""
    pairs = table.strand_pair or list(range(len(table)))
    sums: list[float | None] = []
    for at, (row, other) in enumerate(zip(table.rows, pairs, strict=True)):
        parts = [totals[place] for place in {at, other}]
        if any(part is None for part in parts) or not (row.sum_stat or "sum").startswith("sum"):
            sums.append(None)
            continue
        scale = 1.0 if row.scale is None else row.scale
        sums.append(scale * sum(part.total for part in parts if part is not None))
    return sums


def _check_fragments(table: TargetsTable, totals: Totals, found: Findings) -> None:
    low, high = _USUAL_FRAGMENTS
    strange = [
        f"{row.identifier} ({number:.3g})"
        for row, number, total in zip(table.rows, fragments(table, totals), totals, strict=True)
        if number and total and sum(total.lengths.values()) > _SMALL_GENOME
        if not low <= number <= high
    ]
    _warn(
        found,
        f"scaled coverage is the number of fragments, usually {low:,.0f} to {high:,.0f}; look at "
        "the scales",
        strange,
    )


def _warn(found: Findings, words: str, names: Iterable[str]) -> None:
    known = list(names)
    if known:
        found.warnings.append(f"{words}: {listed(known)}")


def _shares(
    table: TargetsTable, files: Sequence[Path | None], genes: Path, found: Findings
) -> tuple[PairShare, ...]:
    exons = strand_exons(read_genes(genes))
    shares = []
    for plus, minus in strand_pairs(table):
        one, other = files[plus], files[minus]
        if one is None or other is None:
            continue
        name = table.rows[plus].identifier.removesuffix("+")
        try:
            share = sense_share(name, one, other, exons=exons)
        except (ValueError, OSError) as error:
            found.faults.append(f"{name}: {error}")
            continue
        shares.append(share)
        if share.renamed:
            found.notes.append(f"{name}: {share.renamed}")
        if share.verdict == "flipped":
            found.warnings.append(
                f"{name}: the strands look flipped, {share.share:.0%} of its coverage of exons is "
                "on the sense strand; `whelp targets --flip-strands` exchanges the files"
            )
        elif share.verdict == "unclear":
            found.notes.append(f"{name}: its strands look like those of an unstranded library")
    return tuple(shares)
