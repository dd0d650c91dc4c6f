"""Scores of variants, track by track."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from whelp.genome.fasta import Fasta
from whelp.genome.variant_windows import Window, cluster_variants
from whelp.genome.variants import Variant
from whelp.making.exposure import read_exposures
from whelp.models import SequenceModel
from whelp.scoring.alleles import AlleleCoverage, Pair
from whelp.scoring.existing import SCORES
from whelp.scoring.exposure import write_exposure
from whelp.scoring.group_table import write_groups
from whelp.scoring.groups import Groups
from whelp.scoring.predictor import Floats
from whelp.scoring.settings import ScoreSettings
from whelp.scoring.statistics import STATISTICS, as_half, score
from whelp.scoring.strands import Strands
from whelp.scoring.table import Sizes, write_scores
from whelp.scoring.untransform import Untransform, is_old
from whelp.specs import TargetsTable


class VariantScorer:
    """Scores variants by a model.

    Args:
        model: A model with one head.
        targets: The tracks.
        fasta: The genome.
        settings: How.

    Attributes:
        alleles: Predicts the alleles.
        settings: As given.
        groups: Groups of the merged tracks.
        file_name: Name of the file of scores.

    Raises:
        ScoreError: Model, targets and settings do not go together.
        SpecError: The targets table lacks what is needed to undo the squashing or to merge strands.
    """

    file_name = SCORES

    def __init__(
        self, model: SequenceModel, targets: TargetsTable, fasta: Fasta, *, settings: ScoreSettings
    ) -> None:
        self._targets = targets
        self.settings = settings
        self._strands = Strands.of(targets)
        # Baskerville's file has none.
        self.groups = Groups.of(targets, self._strands) if settings.merge_first else Groups({})
        self._exposures = read_exposures(model.spec, model.head)
        self._untransform = Untransform(targets, old=is_old(model.spec, settings.old))
        self.alleles = AlleleCoverage(
            model, targets, fasta, settings=settings, coverage=self._coverage
        )

    def layout(self) -> np.dtype:
        """Give the structure of a variant's scores.

        Returns:
            One field a statistic, of shape `(tracks,)`; REF and ALT `(shifts, bins, tracks)`.
        """
        tracks = (len(self._strands),)
        whole = (len(self.settings.shifts), self.alleles.predictor.bins, *tracks)
        names = self.settings.statistics
        kind = np.float16 if self.settings.half else np.float32
        return np.dtype(
            [(name, kind, whole if STATISTICS[name].is_coverage else tracks) for name in names]
        )

    def windows(self, variants: Iterable[Variant]) -> Iterator[Window]:
        """Put variants that were checked against the genome into windows."""
        length, share = self.alleles.predictor.length, self.settings.cluster
        return cluster_variants(variants, length=length, share=share)

    def count(self, windows: Sequence[Window]) -> int:
        """Count the variants of some windows: each has a row."""
        return sum(len(window.variants) for window in windows)

    def rows(self, windows: Sequence[Window]) -> npt.NDArray[Any]:
        """Score the variants of some windows.

        Args:
            windows: From `windows`.

        Returns:
            Rows in the order of the windows and their variants, of the structure `layout`.
        """
        made = np.empty(self.count(windows), self.layout())
        for row, pair in enumerate(self.alleles.pairs(windows)):
            for name, values in self._compare(pair).items():
                made[name][row] = as_half(values) if self.settings.half else values
        return made

    def write(
        self,
        file: h5py.File,
        variants: Iterable[Variant],
        rows: npt.NDArray[Any],
        *,
        sizes: Sizes,
    ) -> None:
        """Write scores as `hound_snp.py` does; those of groups, and what was trained on, besides.

        Args:
            file: An empty file.
            variants: The variants, in the order of the rows.
            rows: What `rows` made.
            sizes: How many variants there are, and how long.
        """
        write_scores(file, variants, rows, sizes=sizes, tracks=self._strands.rows(self._targets))
        for name in self.settings.statistics:
            write_groups(file, name, rows[name], self.groups)
        write_exposure(file, self._exposures)

    def shown(self, coverage: Floats, window: Window) -> Floats:
        """Make of an allele's coverage `(shifts, bins, tracks)` what scores are of, to be drawn.

        Returns:
            The mean over shifts, `(bins, merged tracks)`.
        """
        merged = coverage if self.settings.merge_first else self._strands.merge(coverage)
        return np.asarray(merged.mean(axis=0))

    def _compare(self, pair: Pair) -> dict[str, Floats]:
        strands = None if self.settings.merge_first else self._strands
        scores = score(pair.ref, pair.alt, self.settings.statistics, strands=strands)
        for name, values in scores.items():
            if STATISTICS[name].is_coverage and len(values) > len(self.settings.shifts):
                # Of the two predictions of an indel that are not joined, the one in place.
                scores[name] = values[0::2]
        return scores

    def _coverage(self, predictions: Floats) -> Floats:
        values = self._untransform(predictions)
        return self._strands.merge(values) if self.settings.merge_first else values
