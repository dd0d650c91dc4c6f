"""Running models over sequences: both strands, shifts and replicates, in batches of one size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Self

import keras
import numpy as np
import numpy.typing as npt

from whelp.genome import dna
from whelp.models import SequenceModel, ensemble
from whelp.predicting.errors import PredictError
from whelp.predicting.settings import PredictSettings
from whelp.predicting.tiles import Extent
from whelp.predicting.tracks import OutputTracks
from whelp.scoring.predictor import track_model

Bases = npt.NDArray[np.uint8]
Floats = npt.NDArray[Any]


class Averaged(NamedTuple):
    """Predictions of sequences, averaged over strands, shifts and models.

    Attributes:
        mean: The averages, float32 of shape `(sequences, bins, tracks)`.
        spread: Sample standard deviation over the models, `sqrt(sum((x - mean)^2) / (models - 1))`,
            of the same shape; None of one model.
    """

    mean: Floats
    spread: Floats | None


class Forward:
    """Predicts sequences by one or several models, and averages.

    Predictions of both strands are averaged as the model makes them, squashed, as in Baskerville;
    those of shifts and of models after `output`.

    Args:
        models: Replicates: models from one-hot DNA to the same `(batch, bins, tracks)`.
        length: Length of their sequences, bp.
        output: Makes what is wanted of predictions `(..., tracks)`, bin by bin.
        swap: For each track that of the other strand; None to take the model's own word.
        rc: Average with the prediction of the reverse complement, strands swapped.
        shifts: Shifts to average over, bp.
        batch_size: Sequences that are run at a time. Fewer are filled up.

    Attributes:
        several: Whether there are several models, and so a spread.

    Raises:
        PredictError: The batch size or a shift is out of its range.
    """

    def __init__(
        self,
        models: Sequence[keras.Model],
        length: int,
        *,
        output: Callable[[Floats], Floats],
        swap: Sequence[int] | None = None,
        rc: bool = False,
        shifts: Sequence[int] = (0,),
        batch_size: int = 1,
    ) -> None:
        if batch_size < 1 or not shifts or max(map(abs, shifts)) > length // 2:
            raise PredictError(
                f"expected a batch size of at least 1, and shifts of a few of the model's "
                f"{length:,} bp; received {batch_size} and {list(shifts)}"
            )
        self._models = [ensemble(model, rc=rc, strand_pair=swap) for model in models]
        self.several = len(self._models) > 1
        self._output = output
        self._shifts = tuple(shifts)
        self.batch_size = batch_size

    @classmethod
    def of_tracks(
        cls, models: Sequence[SequenceModel], tracks: OutputTracks, settings: PredictSettings
    ) -> Self:
        """Predict the tracks that are written.

        Args:
            models: Replicates: models of the same windows and tracks, with one head.
            tracks: What is written.
            settings: How.

        Raises:
            PredictError: The models differ, or a setting is out of its range.
            ScoreError: A model predicts maps, or the table has tracks that the head has not.
        """
        targets = tracks.targets
        return cls(
            [track_model(model, targets) for model in models],
            common_extent(models).length,
            output=tracks,
            swap=targets.strand_pair or range(len(targets)),
            rc=settings.rc,
            shifts=settings.shifts,
            batch_size=settings.batch_size,
        )

    def predict(self, bases: Bases) -> Averaged:
        """Predict sequences.

        Args:
            bases: Indexes of shape `(sequences, length)`, at most `batch_size` of them.

        Returns:
            What `output` makes, averaged.
        """
        missing = self.batch_size - len(bases)
        filled = np.concatenate([bases, np.repeat(bases[-1:], missing, axis=0)])
        totals: list[Any] = [0.0] * len(self._models)
        for shift in self._shifts:
            sequences = dna.one_hot(dna.shift(filled, shift))
            for at, model in enumerate(self._models):
                predicted = np.asarray(model.predict_on_batch(sequences))
                totals[at] = totals[at] + self._output(predicted[: len(bases)])
        each = np.stack(totals) / len(self._shifts)
        mean = each.mean(axis=0).astype(np.float32)
        return Averaged(mean, each.std(axis=0, ddof=1).astype(np.float32) if self.several else None)


def common_extent(models: Sequence[SequenceModel]) -> Extent:
    """Say what models see and predict.

    Raises:
        PredictError: They differ in it.
    """
    if not models:
        raise PredictError("expected at least one model, received none")
    extents = [Extent.of(model) for model in models]
    if len(set(extents)) > 1:
        raise PredictError(
            f"replicates must be models of the same windows; received {extents[0]} and "
            f"{next(extent for extent in extents if extent != extents[0])}"
        )
    return extents[0]
