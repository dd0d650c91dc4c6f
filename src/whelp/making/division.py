"""From a genome to contigs with labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from whelp.genome.intervals import Interval, check_chromosomes, read_bed
from whelp.making.contigs import (
    break_contigs,
    genome_contigs,
    limit_contigs,
    peak_files,
    peak_regions,
)
from whelp.making.settings import LONGEST_CONTIG, WindowSettings
from whelp.making.splits import (
    SPLITS,
    Part,
    balance_folds,
    fill_splits,
    split_by_chromosome,
    split_by_fraction,
    split_into_folds,
)
from whelp.making.windows import LabeledWindow, WindowError
from whelp.specs import TargetsTable


@dataclass(frozen=True)
class Division:
    """A genome's contigs, shared out.

    Attributes:
        parts: The contigs of each label; a part may be empty.
        longest: Length of the longest contig before neighbours were joined, bp.
        notes: What a user should be told.
    """

    parts: list[Part]
    longest: int
    notes: list[str] = field(default_factory=list)

    @property
    def contigs(self) -> list[LabeledWindow]:
        """All contigs with their labels, those of a label after one another."""
        return [
            LabeledWindow(*contig, part.label) for part in self.parts for contig in part.contigs
        ]


def divide_genome(
    lengths: Mapping[str, int], targets: TargetsTable, settings: WindowSettings
) -> Division:
    """Find the contigs of a genome and share them out.

    Args:
        lengths: Chromosome -> length, bp.
        targets: The tracks; their files are read for `peaks_only` only.
        settings: How.

    Raises:
        WindowError: No contig is long enough, or chromosomes for validation or test are missing.
        whelp.genome.intervals.BedError: A BED file cannot be used.
    """
    notes: list[str] = []
    contigs = find_contigs(lengths, targets, settings)
    pieces, longest = break_contigs(contigs, _break_length(contigs, settings))
    if settings.as_reference:
        notes += [_lost(contig) for contig in longest]
    else:
        pieces += longest
    if not pieces:
        raise WindowError(
            "no contig is left but the longest, which the reference loses; break contigs into "
            "shorter pieces"
        )
    parts = _share_out(pieces, lengths, settings, notes)
    return Division(parts, max(end - start for _, start, end in pieces), notes)


def find_contigs(
    lengths: Mapping[str, int], targets: TargetsTable, settings: WindowSettings
) -> list[Interval]:
    """Return the stretches that windows may lie in: between gaps, in what they are limited to.

    Raises:
        WindowError: None is as long as a window.
        whelp.genome.intervals.BedError: A BED file cannot be used.
    """
    gaps = _intervals(settings.gaps, lengths) if settings.gaps is not None else []
    contigs = genome_contigs(lengths, gaps)
    if settings.limit is not None:
        limit = _intervals(settings.limit, lengths)
        contigs = limit_contigs(contigs, limit, as_reference=settings.as_reference)
    if settings.peaks_only:
        files = peak_files(targets)
        regions = peak_regions(
            (peak for file in files for peak in _intervals(file, lengths)),
            pool_width=settings.pool_width,
            crop_bp=settings.crop_bp,
            least=0 if settings.as_reference else settings.target_bp,
        )
        contigs = limit_contigs(contigs, regions, as_reference=settings.as_reference)
    long_enough = [contig for contig in contigs if contig.end - contig.start >= settings.target_bp]
    if not long_enough:
        longest = max((end - start for _, start, end in contigs), default=0)
        raise WindowError(
            f"no contig is long enough for a window: the longest of {len(contigs):,} has "
            f"{longest:,} bp, and the targets of a window cover {settings.target_bp:,} bp"
        )
    return long_enough


def fits(contig: Interval, settings: WindowSettings) -> bool:
    """Say whether a window fits into a contig."""
    return len(window_starts(contig, settings, step=settings.seq_length)) > 0


def window_starts(contig: Interval, settings: WindowSettings, *, step: int) -> range:
    """Return where the windows of a contig start, bp."""
    first = -(-contig.start // settings.snap) * settings.snap
    end = contig.end - settings.target_bp
    return range(first, end if settings.as_reference else end + 1, step)


def _intervals(path: Path, lengths: Mapping[str, int]) -> list[Interval]:
    found = [row.interval for row in read_bed(path)]
    check_chromosomes((interval.chrom for interval in found), lengths, what=str(path))
    return found


def _break_length(contigs: Sequence[Interval], settings: WindowSettings) -> int:
    """Choose where to break: in small genomes, so that a held-out part can take some contigs."""
    if settings.break_length is not None:
        return settings.break_length
    if settings.as_reference:
        return LONGEST_CONTIG
    share = 1.0
    if settings.folds is not None:
        share = 1 / settings.folds
    elif settings.split_names is None:
        share = min((share for share in settings.split_shares if share > 0), default=1.0)
    total = sum(contig.end - contig.start for contig in contigs)
    least = 2 * (settings.target_bp + settings.snap)
    return min(LONGEST_CONTIG, max(least, int(share * total / 5)))


def _share_out(
    pieces: Sequence[Interval],
    lengths: Mapping[str, int],
    settings: WindowSettings,
    notes: list[str],
) -> list[Part]:
    random = np.random.RandomState(settings.seed)
    names = settings.split_names
    if settings.folds is not None:
        parts = split_into_folds(pieces, settings.folds, random=random)
    elif names is not None:
        _check_names(names, lengths, settings)
        return split_by_chromosome(pieces, valid=names[0], test=names[1])
    else:
        valid, test = settings.split_shares
        parts = split_by_fraction(pieces, valid=valid, test=test, random=random)
    if settings.as_reference or not (_lacking(parts, settings) or _too_small(parts, settings)):
        return parts
    usable = [piece for piece in pieces if fits(piece, settings)]
    notes.append(
        f"There are few contigs ({len(usable):,} that hold a window), and chance would leave a "
        "part empty or small: parts were filled one after another"
    )
    if settings.folds is not None:
        return balance_folds(usable, settings.folds)
    return fill_splits(usable, valid=valid, test=test, random=random)


def _lacking(parts: Sequence[Part], settings: WindowSettings) -> list[str]:
    """Return the labels that want windows, and whose contigs hold none."""
    wanted = set(wanted_labels(settings))
    return [
        part.label
        for part in parts
        if part.label in wanted and not any(fits(contig, settings) for contig in part.contigs)
    ]


def _too_small(parts: Sequence[Part], settings: WindowSettings) -> bool:
    """Whether validation or test would have less than half of their share of the genome."""
    if settings.folds is not None:
        return False
    total = sum(part.bp for part in parts)
    shares = dict(zip(SPLITS[1:], settings.split_shares, strict=True))
    return any(2 * part.bp < shares.get(part.label, 0) * total for part in parts)


def wanted_labels(settings: WindowSettings) -> list[str]:
    """Return the labels that must not end up empty: all but those whose share is given as 0."""
    if settings.folds is not None:
        return [f"fold{fold}" for fold in range(settings.folds)]
    if settings.split_names is not None:
        return list(SPLITS)
    shares = (1.0, *settings.split_shares)
    return [label for label, share in zip(SPLITS, shares, strict=True) if share > 0]


def _check_names(
    names: tuple[tuple[str, ...], tuple[str, ...]],
    lengths: Mapping[str, int],
    settings: WindowSettings,
) -> None:
    valid, test = names
    unknown = [name for name in (*valid, *test) if name not in lengths]
    known = ", ".join(list(lengths)[:6]) + (", ..." if len(lengths) > 6 else "")
    if unknown and not settings.as_reference:
        raise WindowError(
            f"chromosomes for validation or test are not in the genome: {', '.join(unknown)}; "
            f"it has {known}"
        )
    if set(valid) & set(test) and not settings.as_reference:
        both = ", ".join(sorted(set(valid) & set(test)))
        raise WindowError(f"{both}: given for validation and for test; choose one of them")


def _lost(contig: Interval) -> str:
    return (
        f"The longest contig, {contig.chrom}:{contig.start:,}-{contig.end:,}, is left out, and "
        "windows that end where their contig does, as in Baskerville; `whelp data` keeps both"
    )
