"""What of a genome a model has been trained on, as far as its provenance says."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from whelp.genome.alleles import genome_name
from whelp.genome.intervals import BedError, Spans
from whelp.making.findings import Findings
from whelp.making.window_checks import held_out_labels, trained_regions
from whelp.making.windows import read_windows_bed
from whelp.specs import ModelSpec
from whelp.wording import listed


@dataclass(frozen=True)
class Exposure:
    """The regions that one training of a model saw.

    Attributes:
        training: Name of the training: "training", "pretraining", or that of a head.
        source: The file of its windows; what the provenance says where there is no file.
        regions: Chromosome -> disjoint intervals, sorted; None where they are not known.
        problem: Why they are not, or what was assumed.
        chroms: Chromosomes of its genome, as far as the file names them: those whose windows were
            all held out, too.
    """

    training: str
    source: str
    regions: Mapping[str, Spans] | None
    problem: str = ""
    chroms: Collection[str] = ()

    def seen(
        self,
        chroms: npt.NDArray[np.str_],
        starts: npt.NDArray[np.int64],
        ends: npt.NDArray[np.int64],
    ) -> npt.NDArray[np.bool_]:
        """Say of intervals whether they share a base with a region.

        Args:
            chroms: Chromosomes, of shape `(intervals,)`, with or without "chr".
            starts: First bases, bp from 0.
            ends: Bases after the last ones, bp.
        """
        found = np.zeros(len(chroms), dtype=bool)
        for chrom in np.unique(chroms):
            regions = self.regions or {}
            spans = regions.get(genome_name(str(chrom), regions))
            if spans is None:
                continue
            own = chroms == chrom
            first = np.searchsorted(spans.ends, starts[own], side="right")
            there = first < len(spans.starts)
            begins = spans.starts[np.minimum(first, len(spans.starts) - 1)]
            found[own] = there & (begins < ends[own])
        return found


def read_exposures(spec: ModelSpec, head: str) -> list[Exposure]:
    """Read what a model was trained on.

    Args:
        spec: The section `model`, whose files were located.
        head: The head that predicts. Windows of other heads are of other genomes, and left out.
    """
    provenance = spec.provenance
    if provenance is None:
        return []
    others = set(spec.heads) - {head}
    return [
        _read(name, file, provenance.held_out or [])
        for name, file in provenance.window_files().items()
        if name not in others
    ]


class ExposureCount:
    """Counts which of some intervals a model was trained on.

    Args:
        exposures: What it was trained on.

    Attributes:
        total: Intervals so far.
        seen: Name of the training -> how many of them it saw; only where that is known.
    """

    def __init__(self, exposures: Sequence[Exposure]) -> None:
        self._exposures = exposures
        self._met: set[str] = set()
        self.total = 0
        self.seen = {each.training: 0 for each in exposures if each.regions is not None}

    def add(
        self,
        chroms: npt.NDArray[np.str_],
        starts: npt.NDArray[np.int64],
        ends: npt.NDArray[np.int64],
    ) -> npt.NDArray[np.bool_]:
        """Count more intervals, as `Exposure.seen` takes them; say which any training saw."""
        self.total += len(chroms)
        self._met.update(str(chrom) for chrom in np.unique(chroms))
        union = np.zeros(len(chroms), dtype=bool)
        for each in self._exposures:
            if each.regions is not None:
                found = each.seen(chroms, starts, ends)
                self.seen[each.training] += int(found.sum())
                union |= found
        return union

    def sentences(self, what: str) -> list[str]:
        """Say how many there are, a sentence for each training.

        Args:
            what: What the intervals are: "variants", "test windows".
        """
        return [self._sentence(each, what) for each in self._exposures]

    def _sentence(self, each: Exposure, what: str) -> str:
        name = f"training of {each.training}" if each.training.startswith("head") else each.training
        unknown = f"Which {what} lie in windows of the model's {name} is not known"
        if each.regions is None:
            return f"{unknown}: its provenance says {each.source!r}; {each.problem}"
        met = {genome_name(chrom, each.chroms) for chrom in self._met}
        if met and not met.intersection(each.chroms):
            return f"{unknown}: {each.source} has other chromosomes ({listed(each.chroms)})"
        assumed = f"; {each.problem}" if each.problem else ""
        return (
            f"{self.seen[each.training]:,} of {self.total:,} {what} lie in windows of the model's "
            f"{name} ({Path(each.source).name}{assumed})"
        )


def _read(training: str, file: str, held_out: Sequence[str]) -> Exposure:
    path = Path(file)
    if not path.is_file():
        return Exposure(training, file, None, "there is no such file")
    try:
        windows = read_windows_bed(path)
    except (BedError, OSError) as error:
        return Exposure(training, file, None, str(error))
    labels = {window.label for window in windows}
    left_out = [label for label in held_out if label in labels]
    assumed = ""
    if not left_out:
        left_out = list(held_out_labels(windows, (), path, Findings()))
        if "train" not in labels:
            assumed = f"{' and '.join(left_out) or 'nothing'} taken to be held out"
    chroms = dict.fromkeys(window.chrom for window in windows)
    return Exposure(training, file, trained_regions(windows, left_out), assumed, chroms)
