"""Predictions of a window of the genome, and of sequences that differ from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import numpy.typing as npt

from whelp.genome import dna
from whelp.genome.alternates import changed_stretch
from whelp.models import SequenceModel
from whelp.models.averaging import view
from whelp.scoring.errors import ScoreError
from whelp.scoring.incremental import IncrementalModel, Reference
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


class Predictor:
    """Predicts the tracks of a targets table, squashed as the model was trained.

    Args:
        model: A model with one head.
        targets: The tracks; their indexes are places among the head's outputs.
        rc: Average with the prediction of the reverse complement, strands swapped.
        batch_size: Sequences that are run at a time, at most.

    Attributes:
        length: Length of a window, bp.
        stride: Width of a bin, bp.
        crop: What the model leaves out on either side, bp.
        bins: Bins of a prediction.

    Raises:
        ScoreError: The table has tracks that the head has not, or the model predicts maps.
    """

    def __init__(
        self, model: SequenceModel, targets: TargetsTable, *, rc: bool = False, batch_size: int = 1
    ) -> None:
        self.length = int(model.spec.seq_length)
        self.stride = model.stride
        self.crop = model.crop * model.stride
        self.bins = model.target_length
        self._engine = IncrementalModel(track_model(model, targets), batch_size=batch_size)
        self._swap = targets.strand_pair or list(range(len(targets)))
        self._rc = rc

    def describe(self) -> str:
        """Say in a sentence what an alternate takes."""
        return self._engine.describe()

    def window(self, bases: Bases) -> PredictedWindow:
        """Give a window, of which nothing is predicted yet.

        Args:
            bases: Indexes of shape `(length,)`.
        """
        return PredictedWindow(self._engine, bases, swap=self._swap, rc=self._rc)


class PredictedWindow:
    """A window of the genome; what its predictions share is computed once and kept.

    Args:
        engine: Predicts.
        bases: The window, indexes of shape `(length,)`.
        swap: For each track that of the other strand.
        rc: Average with the prediction of the reverse complement.
    """

    def __init__(
        self, engine: IncrementalModel, bases: Bases, *, swap: Sequence[int], rc: bool
    ) -> None:
        self._engine = engine
        self._bases = bases
        self._swap = np.array(swap)
        self._strands = (False, True) if rc else (False,)
        self._known: dict[tuple[int, bool], tuple[Bases, Reference]] = {}

    def predict(self, sequences: Sequence[Moved]) -> Floats:
        """Predict sequences.

        Args:
            sequences: At least one.

        Returns:
            Squashed predictions, float32 of shape `(sequences, bins, tracks)`.
        """
        by_shift: dict[int, list[int]] = {}
        for place, sequence in enumerate(sequences):
            by_shift.setdefault(sequence.near, []).append(place)
        found: list[Any] = [None] * len(sequences)
        for near, places in by_shift.items():
            group = [sequences[place].bases for place in places]
            strands = [self._one_strand(near, group, reverse=r) for r in self._strands]
            values = strands[0] if len(strands) == 1 else (strands[0] + strands[1]) / 2
            for place, prediction in zip(places, values, strict=True):
                found[place] = prediction
        return np.stack(found)

    def _one_strand(self, near: int, sequences: Sequence[Bases], *, reverse: bool) -> Floats:
        base, reference = self._reference(near, reverse=reverse)
        changes = []
        for sequence in sequences:
            bases = dna.reverse_complement(sequence) if reverse else sequence
            start, end = changed_stretch(base, bases)
            changes.append((start, end, dna.one_hot(bases[start:end])))
        values: Floats = self._engine.alternates(reference, changes)
        return values[:, ::-1][..., self._swap] if reverse else values

    def _reference(self, near: int, *, reverse: bool) -> tuple[Bases, Reference]:
        key = (near, reverse)
        if key not in self._known:
            bases = dna.shift(self._bases, near)
            bases = dna.reverse_complement(bases) if reverse else bases
            self._known[key] = bases, self._engine.reference(dna.one_hot(bases))
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
