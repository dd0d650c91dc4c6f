"""Scores of variants, track by track."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from whelp.genome.fasta import Fasta
from whelp.genome.variant_windows import Window
from whelp.models import SequenceModel
from whelp.scoring.alleles import AlleleCoverage, Pair
from whelp.scoring.predictor import Floats
from whelp.scoring.settings import ScoreSettings
from whelp.scoring.statistics import STATISTICS, score
from whelp.scoring.strands import Strands
from whelp.scoring.untransform import Untransform, is_old
from whelp.specs import Target, TargetsTable


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

    Raises:
        ScoreError: Model, targets and settings do not go together.
        SpecError: The targets table lacks what is needed to undo the squashing or to merge strands.
    """

    def __init__(
        self, model: SequenceModel, targets: TargetsTable, fasta: Fasta, *, settings: ScoreSettings
    ) -> None:
        self._targets = targets
        self.settings = settings
        self._strands = Strands.of(targets)
        self._untransform = Untransform(targets, old=is_old(model.spec, settings.old))
        self.alleles = AlleleCoverage(
            model, targets, fasta, settings=settings, coverage=self._coverage
        )

    def tracks(self) -> list[Target]:
        """Give the row of the targets table that names each scored track."""
        return self._strands.rows(self._targets)

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

    def scores(self, windows: Sequence[Window]) -> Iterator[Mapping[str, Floats]]:
        """Score the variants of some windows.

        Args:
            windows: Windows of the model's length with variants that were checked against the
                genome.

        Yields:
            For each variant, in the order of the windows and their variants, a mapping from
            statistic to float64 scores.
        """
        for pair in self.alleles.pairs(windows):
            yield self._compare(pair)

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
