"""Predictions of a window of the genome, and of sequences that differ from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, Self

import keras
import numpy as np
import numpy.typing as npt

from whelp.genome import dna
from whelp.genome.alternates import changed_stretch
from whelp.models import SequenceModel
from whelp.models.averaging import view
from whelp.scoring.errors import ScoreError
from whelp.scoring.incremental import Asked, Bins, IncrementalModel, Reference
from whelp.scoring.splicing import Change
from whelp.specs import TargetsTable

Bases = npt.NDArray[np.uint8]
Floats = npt.NDArray[Any]


class Moved(NamedTuple):
    """A sequence to predict.

    Attributes:
        bases: Indexes of shape `(length,)`.
        near: By how many bp the window's own sequence is moved to be most like this one.
    """

    bases: Bases
    near: int


class Averaging(Protocol):
    """Settings of what is averaged and how it is run, as `Predictor` and its callers take them."""

    @property
    def shifts(self) -> tuple[int, ...]:
        """Shifts of the ensemble, bp."""

    @property
    def rc(self) -> bool:
        """Average predictions over both strands."""

    @property
    def batch_size(self) -> int | None:
        """Sequences that are run at a time, at most; None for as many as fit."""

    @property
    def unknown(self) -> float:
        """What stands in all four columns of an N."""


class Predictor:
    """Predicts the tracks of a targets table, squashed as the model was trained.

    Args:
        model: A model with one head.
        targets: The tracks; their indexes are places among the head's outputs.
        rc: Average with the prediction of the reverse complement, strands swapped.
        batch_size: Sequences that are run at a time, at most; None for as many as fit (see
            `IncrementalModel`).
        unknown: What stands in all four columns of an N; 0 as in training.

    Attributes:
        length: Length of a window, bp.
        stride: Width of a bin, bp.
        crop: What the model leaves out on either side, bp.
        bins: Bins of a prediction.
        engine: The model, as it is run.

    Raises:
        ScoreError: The table has tracks that the head has not, or the model predicts maps.
    """

    def __init__(
        self,
        model: SequenceModel,
        targets: TargetsTable,
        *,
        rc: bool = False,
        batch_size: int | None = None,
        unknown: float = 0,
    ) -> None:
        self.length = int(model.spec.seq_length)
        self.stride = model.stride
        self.crop = model.crop * model.stride
        self.bins = model.target_length
        self.engine = IncrementalModel(track_model(model, targets), batch_size=batch_size)
        self._swap = np.array(targets.strand_pair or range(len(targets)))
        self._strands = (False, True) if rc else (False,)
        self._unknown = unknown

    @classmethod
    def of(cls, model: SequenceModel, targets: TargetsTable, settings: Averaging) -> Self:
        """Make the predictor that settings ask for.

        Args:
            model: A model with one head.
            targets: The tracks.
            settings: How predictions are averaged.

        Raises:
            ScoreError: As of the class, or a shift is larger than half of the model's window.
        """
        predictor = cls(
            model,
            targets,
            rc=settings.rc,
            batch_size=settings.batch_size,
            unknown=settings.unknown,
        )
        longest = predictor.length // 2
        far = [shift for shift in settings.shifts if abs(shift) > longest]
        if far:
            raise ScoreError(
                f"a shift of {far[0]} bp moves more than half of the model's {longest * 2} bp "
                f"out of sight; expected shifts of a few bp"
            )
        return predictor

    def __len__(self) -> int:
        """Number of tracks."""
        return len(self._swap)

    def describe(self) -> str:
        """Say in a sentence what an alternate takes."""
        return self.engine.describe()

    def window(self, bases: Bases) -> PredictedWindow:
        """Give a window, of which nothing is predicted yet.

        Args:
            bases: Indexes of shape `(length,)`.
        """
        return PredictedWindow(self, bases)

    def predict(
        self, asked: Sequence[tuple[PredictedWindow, Sequence[Moved], Bins | None]]
    ) -> list[Floats]:
        """Predict sequences of several windows together.

        Args:
            asked: Windows, sequences that are like each (at least one), and which bins of them are
                wanted (int64, sorted; None for all).

        Returns:
            For each window what `PredictedWindow.predict` gives.
        """
        queries = [
            self._query(window, one, bins, reverse=reverse)
            for window, sequences, bins in asked
            for one in sequences
            for reverse in self._strands
        ]
        predictions = iter(self.engine.predict(queries))
        return [
            np.stack([self._joined([next(predictions) for _ in self._strands]) for _ in sequences])
            for _, sequences, _ in asked
        ]

    def one_hot(self, bases: Bases) -> Floats:
        """Give bases of shape `(length,)` as the model takes them, `(length, 4)`."""
        return dna.one_hot(bases, unknown=self._unknown)

    def _query(
        self, window: PredictedWindow, moved: Moved, bins: Bins | None, *, reverse: bool
    ) -> Asked:
        base, reference = window.reference(moved.near, reverse=reverse)
        bases = dna.reverse_complement(moved.bases) if reverse else moved.bases
        start, end = changed_stretch(base, bases)
        change = Change(start, end, self.one_hot(bases[start:end]))
        if reverse and bins is not None:
            bins = self.bins - 1 - bins[::-1]
        return Asked(reference, change, bins)

    def _joined(self, strands: Sequence[Floats]) -> Floats:
        """Average the predictions of one strand or of both."""
        if len(strands) == 1:
            return strands[0]
        forward, reverse = strands
        both: Floats = (forward + reverse[::-1][:, self._swap]) / 2
        return both


class PredictedWindow:
    """A window of the genome; what its predictions share is computed once and kept.

    Args:
        predictor: Predicts.
        bases: The window, indexes of shape `(length,)`.
    """

    def __init__(self, predictor: Predictor, bases: Bases) -> None:
        self._predictor = predictor
        self._bases = bases
        self._known: dict[tuple[int, bool], tuple[Bases, Reference]] = {}

    def predict(self, sequences: Sequence[Moved], *, bins: Bins | None = None) -> Floats:
        """Predict sequences.

        Args:
            sequences: At least one.
            bins: The wanted bins, sorted; None for all.

        Returns:
            Squashed predictions, float32 of shape `(sequences, bins, tracks)`.
        """
        return self._predictor.predict([(self, sequences, bins)])[0]

    def reference(self, near: int, *, reverse: bool) -> tuple[Bases, Reference]:
        """Give the window's own sequence, and what its changes are predicted from.

        Args:
            near: By how many bp it is moved.
            reverse: Whether it is the reverse complement, of the moved sequence.
        """
        key = (near, reverse)
        if key not in self._known:
            bases = dna.shift(self._bases, near)
            bases = dna.reverse_complement(bases) if reverse else bases
            one_hot = self._predictor.one_hot(bases)
            self._known[key] = bases, self._predictor.engine.reference(one_hot)
        return self._known[key]


def track_model(model: SequenceModel, targets: TargetsTable) -> keras.Model:
    """Give a model that predicts the tracks of a table, in its order.

    Args:
        model: A model with one head.
        targets: The tracks; their indexes are places among the head's outputs.

    Raises:
        ScoreError: The table has tracks that the head has not, or the model predicts maps.
    """
    tracks = [row.index for row in targets.rows]
    _check(model, targets)
    whole = tracks == list(range(model.output_shape[-1]))
    return model if whole else view(model, tracks=tracks)


def _check(model: SequenceModel, targets: TargetsTable) -> None:
    if model.upper_triangle:
        raise ScoreError("the model predicts maps of contacts; variants are scored by tracks only")
    head = model.output_shape[-1]
    beyond = [row for row in targets.rows if row.index >= head]
    if beyond:
        raise ScoreError(
            f"{targets.path}: track {beyond[0].index} ({beyond[0].identifier}) is not among the "
            f"{head} tracks of the model's head {model.head!r}, numbered from 0; expected "
            f"the targets table of the data that the model was trained on, or some of its rows"
        )
