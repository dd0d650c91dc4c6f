"""Scores by gene as those of Borzoi's `borzoi_sed.py`, and its file `sed.h5`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from whelp.genome.fasta import Fasta
from whelp.genome.genes import Gene
from whelp.genome.variant_windows import Window
from whelp.genome.variants import Rejected, Variant
from whelp.models import SequenceModel
from whelp.scoring.alleles import Pair
from whelp.scoring.bedgraphs import write_bedgraphs
from whelp.scoring.gene_scores import GeneScorer, Rows
from whelp.scoring.gene_statistics import Bins
from whelp.scoring.gene_table import NOT_SCORES
from whelp.scoring.gene_windows import GeneSettings, Place
from whelp.scoring.predictor import Floats
from whelp.scoring.sed_statistics import SHAPES, check_sed_statistics, sed_scores
from whelp.scoring.settings import ScoreSettings
from whelp.scoring.statistics import Allele
from whelp.scoring.table import Sizes, row_blocks, write_tracks, write_values, write_variants
from whelp.scoring.untransform import Untransform
from whelp.specs import TargetsTable

_PSEUDOCOUNT_PERCENT = 25


@dataclass(frozen=True)
class SedOptions:
    """What `borzoi_sed.py` has besides.

    Attributes:
        statistics: Names from `whelp.scoring.sed_statistics`.
        untransform: Undo the squashing of targets.
        unclip: Undo their soft clips, too.
        bedgraphs: Folder for the predictions of both alleles and their difference; None for none.

    Raises:
        StatisticError: A statistic is not known.
    """

    statistics: tuple[str, ...] = ("SED",)
    untransform: bool = True
    unclip: bool = True
    bedgraphs: Path | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "statistics", check_sed_statistics(self.statistics))


def sed_settings(**known: Any) -> ScoreSettings:
    """Give the settings of such scores, with an N as a quarter of each base.

    Args:
        **known: Further settings.
    """
    fixed = {
        "statistics": ("SUM",),
        "unknown": 0.25,
        "cluster": 0.0,
        "merge_first": False,
        "half": True,
    }
    return ScoreSettings(**{**known, **fixed})


class SedScorer(GeneScorer):
    """Scores variants by gene in windows that are centred on the variants.

    Predictions are averaged over shifts while they are squashed. The pseudocounts of nD2, nDi and
    JS are lower quartiles of the reference's coverage over all bins of the window.

    Args:
        model: A model with one head.
        targets: The tracks.
        fasta: The genome.
        settings: From `sed_settings`.
        genes: Which genes, and how; centred on variants.
        options: The rest.
    """

    file_name = "sed.h5"

    def __init__(
        self,
        model: SequenceModel,
        targets: TargetsTable,
        fasta: Fasta,
        *,
        settings: ScoreSettings,
        genes: GeneSettings,
        options: SedOptions,
    ) -> None:
        self._options = options
        self._names: dict[int, str] = {}
        self._shapes_too = any(name in SHAPES for name in options.statistics)
        super().__init__(model, targets, fasta, settings=settings, genes=genes)

    def windows(self, variants: Iterable[Variant]) -> Iterator[Window | Rejected]:
        """Put variants into windows; those without a gene are rejected."""
        seen: set[str] = set()
        for item in super().windows(variants):
            if self._options.bedgraphs is not None and isinstance(item, Window):
                self._name_apart(item, seen)
            yield item

    def _name_apart(self, window: Window, seen: set[str]) -> None:
        """Give bedGraph files of a variant with the ID of an earlier one another name."""
        for variant in window.variants:
            if variant.name in seen:
                self._names[variant.row] = f"{variant.name}#{variant.row + 1}"
            seen.add(variant.name)

    def write(
        self, file: h5py.File, variants: Iterable[Variant], rows: Rows, *, sizes: Sizes
    ) -> None:
        """Write scores: see `write_sed`."""
        write_sed(file, variants, rows, sizes=sizes, genes=self.genes)
        write_tracks(file, self._strands.rows(self._targets))

    def _shapes(self) -> Mapping[str, tuple[int, ...]]:
        return {name: (len(self._strands),) for name in self._options.statistics}

    def _undo(self, old: bool) -> Callable[[Floats], Floats]:
        if not self._options.untransform:
            return lambda predictions: predictions
        return Untransform(self._targets, old=old, unclip=self._options.unclip)

    def _coverage(self, predictions: Floats) -> Floats:
        """Leave predictions squashed, to be averaged first."""
        return predictions

    def _averaged(self, allele: Allele) -> Allele:
        return Allele(self._untransform(allele.values.mean(axis=0, keepdims=True)))

    def _pairs(self, windows: Sequence[Window]) -> Iterator[Pair]:
        folder = self._options.bedgraphs
        bins_of = None if self._shapes_too or folder is not None else self._windows.wanted
        for squashed in self.alleles.pairs(windows, bins_of=bins_of):
            ref, alt = self._averaged(squashed.ref), self._averaged(squashed.alt)
            pair = squashed._replace(ref=ref, alt=alt)
            if folder is not None:
                self._write_bedgraphs(folder, pair)
            yield pair

    def _write_bedgraphs(self, folder: Path, pair: Pair) -> None:
        variant, grid = pair.variant, self.alleles.predictor
        name = self._names.get(variant.row, variant.name).replace("/", "|")
        start = pair.window.start + grid.crop
        write_bedgraphs(folder, pair, name=name, start=start, width=grid.stride)

    def _scores(self, pair: Pair, place: Place) -> Mapping[str, Floats]:
        ref, alt = self._cut(pair, place)
        pseudocounts = None
        if self._shapes_too:
            coverage = self._strands.select(pair.ref.values[0], place.gene.strand)
            pseudocounts = np.percentile(coverage, _PSEUDOCOUNT_PERCENT, axis=0)
        return sed_scores(ref, alt, self._options.statistics, pseudocounts=pseudocounts)

    def _places_of(self, window: Window, bins: Bins) -> Bins:
        if self._shapes_too or self._options.bedgraphs is not None:
            return bins
        return super()._places_of(window, bins)


def write_sed(
    file: h5py.File,
    variants: Iterable[Variant],
    rows: npt.NDArray[Any],
    *,
    sizes: Sizes,
    genes: Sequence[Gene],
) -> None:
    """Write scores by variant and gene as `borzoi_sed.py` does: `si` leads from rows to variants.

    Args:
        file: An empty file.
        variants: All variants; those without scores are left out.
        rows: Scores by variant, which is in order, and gene: `variant`, `gene`, and statistics.
        sizes: How many variants there are, and how long.
        genes: All genes.
    """
    numbers = rows["variant"]
    scored = sum(len(found) for found in _distinct(numbers))
    write_variants(file, _chosen(variants, numbers), sizes=sizes._replace(variants=scored))
    _write_ranks(file, numbers)
    names = np.array([gene.identifier.encode() for gene in genes], "S")
    data = file.create_dataset("gene", (len(rows),), names.dtype)
    for part in row_blocks(rows):
        data[part] = names[rows["gene"][part]]
    for name in rows.dtype.names or ():
        if name not in NOT_SCORES:
            write_values(file, name, rows[name])


def _distinct(numbers: npt.NDArray[Any]) -> Iterator[npt.NDArray[Any]]:
    """Give the different ones of sorted numbers, a block at a time."""
    last = -1
    for part in row_blocks(numbers):
        block = numbers[part].astype(np.int64)
        yield block[np.diff(block, prepend=last) > 0]
        last = int(block[-1])


def _chosen(variants: Iterable[Variant], numbers: npt.NDArray[Any]) -> Iterator[Variant]:
    """Give the variants at some places."""
    wanted = (int(number) for block in _distinct(numbers) for number in block)
    chosen = next(wanted, None)
    for number, variant in enumerate(variants):
        if number == chosen:
            yield variant
            chosen = next(wanted, None)


def _write_ranks(file: h5py.File, numbers: npt.NDArray[Any]) -> None:
    """Write which of the scored variants each row is about."""
    data = file.create_dataset("si", numbers.shape, np.int64)
    rank, last = -1, -1
    for part in row_blocks(numbers):
        block = numbers[part].astype(np.int64)
        ranks = rank + np.cumsum(np.diff(block, prepend=last) > 0)
        data[part] = ranks
        rank, last = int(ranks[-1]), int(block[-1])
