"""Models over a model: averaging over strands and shifts, and views of the output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("whelp")
class Ensemble(keras.Model):
    """Averages predictions over shifted and reverse-complemented copies of the input.

    Args:
      model: Takes `(batch, length, 4)`, gives `(batch, bins, tracks)`, `(batch, tracks)` or the
        unrolled upper triangle of a symmetric map.
      rc: Whether to average with the reverse complement; its prediction is reversed and strand
        pairs are swapped.
      shifts: Shifts in bp; positive shifts move the sequence right and pad with N.
      strand_pair: Index of the other strand's track for each track, `[tracks]`; `None` when no
        track is stranded.
      diagonal_offset: For unrolled upper triangles, the first diagonal kept.
      **kwargs: Further arguments of `keras.Model`.
    """

    def __init__(
        self,
        model: keras.Model,
        *,
        rc: bool = False,
        shifts: Sequence[int] = (0,),
        strand_pair: Sequence[int] | None = None,
        diagonal_offset: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.model = model
        self.rc = rc
        self.shifts = [int(shift) for shift in shifts]
        self.strand_pair = None if strand_pair is None else [int(i) for i in strand_pair]
        self.diagonal_offset = diagonal_offset
        tracks = model.output_shape[-1]
        if self.strand_pair is not None and len(self.strand_pair) != tracks:
            raise ValueError(
                f"The model predicts {tracks} tracks, but strand_pair has "
                f"{len(self.strand_pair)} entries. Give the strand pairs of this head's targets."
            )
        self.build(model.input_shape)

    def build(self, input_shape: Any) -> None:
        """Marks the model as built; it has no weights of its own."""
        self.built = True

    def call(self, sequence: Any, training: bool | None = None) -> Any:
        """Predicts `(batch, length, 4)` and averages."""
        predictions = []
        for shift in self.shifts:
            shifted = shift_sequence(sequence, shift)
            predictions.append(self.model(shifted, training=training))
            if self.rc:
                reverse = self.model(_flip(shifted, 1, 2), training=training)
                predictions.append(self._switch_back(reverse))
        return sum(predictions) / len(predictions)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the averaged model's shape."""
        return self.model.compute_output_shape(input_shape)

    def _switch_back(self, prediction: Any) -> Any:
        if self.diagonal_offset is not None:
            order = reverse_triangle(prediction.shape[1], self.diagonal_offset)
            return ops.take(prediction, order, axis=1)
        prediction = _flip(prediction, *range(1, len(prediction.shape) - 1))
        if self.strand_pair is None:
            return prediction
        return ops.take(prediction, np.array(self.strand_pair), axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that rebuild this object."""
        return {
            **super().get_config(),
            "model": keras.saving.serialize_keras_object(self.model),
            "rc": self.rc,
            "shifts": self.shifts,
            "strand_pair": self.strand_pair,
            "diagonal_offset": self.diagonal_offset,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Ensemble:
        """Rebuilds the ensemble and its model."""
        config = dict(config)
        model = keras.saving.deserialize_keras_object(
            config.pop("model"), custom_objects=custom_objects
        )
        return cls(model, **config)


def ensemble(
    model: keras.Model,
    *,
    rc: bool = False,
    shifts: Sequence[int] = (0,),
    strand_pair: Sequence[int] | None = None,
) -> keras.Model:
    """Returns a model that averages over strands and shifts; `model` itself for neither.

    Args:
      model: The model to average.
      rc: Whether to average with the reverse complement.
      shifts: Shifts in bp.
      strand_pair: Index of the other strand's track for each track, `[tracks]`; by default that of
        the model's head in its spec, if the spec has one.

    Raises:
      ValueError: `strand_pair` has not one entry a track.
    """
    if not rc and list(shifts) == [0]:
        return model
    if strand_pair is None:
        strand_pair = _spec_strand_pair(model)
    offset = model.spec.diagonal_offset if getattr(model, "upper_triangle", False) else None
    return Ensemble(model, rc=rc, shifts=shifts, strand_pair=strand_pair, diagonal_offset=offset)


def _spec_strand_pair(model: keras.Model) -> Sequence[int] | None:
    """The strand pairs that the model's own JSON gives for its head."""
    spec = getattr(model, "spec", None)
    if spec is None or model.head not in spec.heads:
        return None
    index = list(spec.heads).index(model.head)
    return spec.strand_pair[index] if index < len(spec.strand_pair) else None


def shift_sequence(sequence: Any, shift: int) -> Any:
    """Shifts `(batch, length, channels)` right by `shift` bp (left if negative), padding with 0."""
    if shift == 0:
        return sequence
    pad = [[0, 0], [max(shift, 0), max(-shift, 0)], [0, 0]]
    kept = sequence[:, :-shift] if shift > 0 else sequence[:, -shift:]
    return ops.pad(kept, pad)


def reverse_triangle(pairs: int, diagonal_offset: int) -> np.ndarray:
    """Order that reverses both axes of a symmetric map given as its unrolled upper triangle.

    Args:
      pairs: Entries of the upper triangle.
      diagonal_offset: First diagonal kept.

    Returns:
      Indexes `[pairs]`: entry (i, j) of the reversed map is entry (n-1-j, n-1-i) of the map.
    """
    size = int(np.sqrt(2 * pairs + 0.25) - 0.5) + diagonal_offset
    rows, columns = np.triu_indices(size, diagonal_offset)
    index = np.zeros((size, size), dtype=np.int64)
    index[rows, columns] = np.arange(pairs)
    return index[size - 1 - columns, size - 1 - rows]


@keras.saving.register_keras_serializable("whelp")
class OutputView(keras.layers.Layer):
    """Selects tracks, sums over tracks or over length, or takes every n-th bin of a prediction.

    Args:
      tracks: Indexes of the tracks to keep; all by default.
      sum_tracks: Whether to sum over the kept tracks (one remains).
      sum_length: Whether to sum over bins, giving `(batch, tracks)`.
      step: Keeps every `step`-th bin.
      **kwargs: Further arguments of `keras.layers.Layer`.
    """

    def __init__(
        self,
        *,
        tracks: Sequence[int] | None = None,
        sum_tracks: bool = False,
        sum_length: bool = False,
        step: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.tracks = None if tracks is None else [int(t) for t in tracks]
        self.sum_tracks = sum_tracks
        self.sum_length = sum_length
        self.step = step

    def call(self, prediction: Any) -> Any:
        """Maps `(batch, bins, tracks)` to its view."""
        prediction = prediction[:, :: self.step]
        if self.tracks is not None:
            prediction = ops.take(prediction, np.array(self.tracks), axis=-1)
        if self.sum_tracks:
            prediction = ops.sum(prediction, axis=-1, keepdims=True)
        return ops.sum(prediction, axis=1) if self.sum_length else prediction

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that rebuild this object."""
        own = ("tracks", "sum_tracks", "sum_length", "step")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}


def view(model: keras.Model, **options: Any) -> keras.Model:
    """Returns a model whose output is an `OutputView` of `model`'s, in the same graph."""
    return keras.Model(model.input, OutputView(**options)(model.outputs[0]))


def _flip(values: Any, *axes: int) -> Any:
    """Reverses axes, one by one: with Keras 3.12 TensorFlow does not take several at once."""
    for axis in axes:
        values = ops.flip(values, axis=axis)
    return values
