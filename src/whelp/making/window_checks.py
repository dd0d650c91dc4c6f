"""Whether tracks have the chromosomes of a genome, and which windows a model has seen."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from whelp.genome.fasta import chromosome_lengths
from whelp.genome.intervals import Spans
from whelp.making.findings import Findings
from whelp.making.names import contig_name
from whelp.making.overlaps import united, within
from whelp.making.totals import TrackTotals
from whelp.making.windows import LabeledWindow, read_windows_bed
from whelp.wording import listed

_HELD_OUT = ("test", "valid")
_HELD_OUT_FOLDS = ("fold3", "fold4")
"""What Borzoi's released models were tested and validated on."""

_JUDGED = ("test", "valid")


@dataclass(frozen=True)
class Overlap:
    """How many windows of a label a pretrained model has seen.

    Attributes:
        label: The label.
        windows: Windows that have it.
        seen: Those that share at least one base with a region that was trained on.
        share: Share of the label's bases that were trained on.
    """

    label: str
    windows: int
    seen: int
    share: float


def trained_regions(
    windows: Sequence[LabeledWindow], held_out: Collection[str]
) -> dict[str, Spans]:
    """Find what a model was trained on.

    Args:
        windows: The windows of its data.
        held_out: Labels that it was not trained on.

    Returns:
        Chromosome -> disjoint intervals, sorted.
    """
    by_chrom: dict[str, list[tuple[int, int]]] = {}
    for window in windows:
        if window.label not in held_out:
            by_chrom.setdefault(window.chrom, []).append((window.start, window.end))
    return {chrom: united(Spans(*np.array(pairs).T)) for chrom, pairs in by_chrom.items()}


def window_overlaps(
    windows: Sequence[LabeledWindow], trained: Mapping[str, Spans]
) -> tuple[Overlap, ...]:
    """Count, for each label, the windows that overlap with regions that were trained on."""
    numbers: dict[str, list[int]] = {}
    for window in windows:
        spans = trained.get(window.chrom)
        hits = [] if spans is None else within(spans, window.start, window.end)
        counts = numbers.setdefault(window.label, [0, 0, 0, 0])
        covered = sum(end - start for start, end in hits)
        counts[0] += 1
        counts[1] += covered > 0
        counts[2] += covered
        counts[3] += window.end - window.start
    return tuple(
        Overlap(label, count, seen, covered / max(bases, 1))
        for label, (count, seen, covered, bases) in numbers.items()
    )


def check_overlaps(
    sequences: Path | None,
    pretrained: Path | None,
    found: Findings,
    *,
    held_out: Sequence[str] = (),
) -> tuple[Overlap, ...]:
    """Compare the windows of a data set with those that a model was pretrained on.

    Raises:
        whelp.genome.intervals.BedError: A file holds no windows.
        OSError: A file cannot be read.
    """
    if pretrained is None:
        return ()
    known = read_windows_bed(pretrained)
    left_out = held_out_labels(known, held_out, pretrained, found)
    if sequences is None:
        found.warnings.append(
            "the windows of pretraining were given, but none to compare with; --sequences takes "
            "the sequences.bed of the data set"
        )
        return ()
    windows = read_windows_bed(sequences)
    if not {w.chrom for w in windows} & {w.chrom for w in known}:
        found.faults.append(
            f"{pretrained}: no chromosome ({listed(sorted({w.chrom for w in known}))}) is one of "
            f"those of {sequences} ({listed(sorted({w.chrom for w in windows}))}); expected "
            "windows on the same genome"
        )
        return ()
    overlaps = window_overlaps(windows, trained_regions(known, left_out))
    for overlap in overlaps:
        if overlap.seen and overlap.label in _JUDGED:
            found.warnings.append(
                f"{overlap.seen} of {overlap.windows} {overlap.label} windows overlap with regions "
                f"that the pretrained model was trained on ({overlap.share:.0%} of their bases): "
                "accuracy on them is too good. Take windows and labels of "
                f"{pretrained} (whelp fit --pretrained-split)"
            )
    return overlaps


def held_out_labels(
    windows: Sequence[LabeledWindow], asked: Sequence[str], path: Path, found: Findings
) -> tuple[str, ...]:
    """Say which labels of a pretraining were not trained on: first of test, then of validation.

    Args:
        windows: The windows of its data.
        asked: The labels, if they are known.
        path: The file of the windows.
        found: Takes what is assumed, and labels that are not there.
    """
    labels = {window.label for window in windows}
    if asked:
        if strange := [label for label in asked if label not in labels]:
            found.faults.append(
                f"{path}: there are no windows with the label {listed(strange)}; it has "
                f"{listed(sorted(labels), most=12)}"
            )
        return tuple(asked)
    if "train" in labels:
        return _HELD_OUT
    if labels.issuperset(_HELD_OUT_FOLDS):
        found.notes.append(
            f"{path}: fold3 and fold4 are taken to be held out, as for Borzoi's released models; "
            "--held-out names others"
        )
        return _HELD_OUT_FOLDS
    found.warnings.append(
        f"{path}: no label says what was held out ({listed(sorted(labels), most=12)}), so all is "
        "taken to be trained on; --held-out names labels"
    )
    return ()


def check_contigs(
    totals: Mapping[str, TrackTotals],
    found: Findings,
    *,
    genome: Path | None,
    sequences: Path | None,
    peaks: Collection[str] = (),
) -> None:
    """Check that tracks have the chromosomes of a genome, of the same lengths, or of windows.

    Args:
        totals: Identifier -> what its file holds.
        found: Takes what is found.
        genome: FASTA file or table of chromosome lengths.
        sequences: Windows of the data set.
        peaks: Identifiers of lists of intervals, whose chromosomes end with their last.

    Raises:
        whelp.genome.fasta.FastaError: The genome cannot be read.
        whelp.genome.intervals.BedError: The windows cannot be read.
        OSError: A file cannot be read.
    """
    lengths = {} if genome is None else chromosome_lengths(genome)
    windows = [] if sequences is None else read_windows_bed(sequences)
    used = {window.chrom for window in windows}
    if lengths and (strange := sorted(used - set(lengths))):
        found.faults.append(f"{sequences}: {listed(strange)} is not in {genome}")
    wanted = used or set(lengths)
    groups: dict[str, list[str]] = {}
    for name, total in totals.items():
        fault = _contig_fault(total.lengths, wanted, {} if name in peaks else lengths)
        if fault:
            groups.setdefault(fault, []).append(name)
    for fault, names in groups.items():
        found.faults.append(f"{listed(names)}: {fault}")
    if not used and lengths:
        _note_lacking(totals, lengths, found, peaks)


def _contig_fault(
    own: Mapping[str, int], wanted: Collection[str], lengths: Mapping[str, int]
) -> str:
    """Say why a track does not fit; tracks with the same fault are told together."""
    if wanted and not set(own) & set(wanted):
        hint = "Is it of another assembly?"
        if any(contig_name(chrom, own, prepend=True) for chrom in wanted):
            hint = 'They lack the "chr" of the genome\'s: `whelp data` and `fit` take --chr-prepend'
        elif any(contig_name(chrom, own, strip=True) for chrom in wanted):
            hint = 'They have a "chr" that the genome\'s lack: `whelp data` takes --chr-strip'
        return (
            f"its chromosomes, {listed(own) or 'none'}, are not those that are wanted, "
            f"{listed(sorted(wanted))}. {hint}"
        )
    other = [
        f"{chrom} ({own[chrom]:,} bp, {lengths[chrom]:,} in the genome)"
        for chrom in own
        if chrom in lengths and own[chrom] != lengths[chrom]
    ]
    if other:
        return f"chromosomes of other lengths: {listed(other, most=2)}. Is it of another assembly?"
    return ""


def _note_lacking(
    totals: Mapping[str, TrackTotals],
    lengths: Mapping[str, int],
    found: Findings,
    peaks: Collection[str],
) -> None:
    groups: dict[tuple[str, ...], list[str]] = {}
    for name, total in totals.items():
        lacking = tuple(chrom for chrom in lengths if chrom not in total.lengths)
        if lacking and len(lacking) < len(lengths) and name not in peaks:
            groups.setdefault(lacking, []).append(name)
    for chroms, names in groups.items():
        found.notes.append(f"{listed(names)}: there is no {listed(chroms)} of the genome")
