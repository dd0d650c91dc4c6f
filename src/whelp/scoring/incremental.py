"""Predictions for changed sequences, with the unchanged part of the model computed once.

Until the first layer that sees the whole length, a changed base changes a few positions of every
activation. `IncrementalModel` computes these from a short window around the change, puts them in
place among the reference's activations, and runs the rest of the model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from whelp.scoring.compiled import compiled
from whelp.scoring.prefix import LocalPrefix, find_prefix
from whelp.scoring.remainder import Remainder

Array = npt.NDArray[Any]

_FIRST_WIDTH = 32
_GROWTH = 4


class Change(NamedTuple):
    """Bases that take the place of others, without moving any.

    Attributes:
      start: First changed position of the model's sequence, in bp.
      end: Position behind the last.
      bases: One-hot `(end - start, 4)`.
    """

    start: int
    end: int
    bases: Array


@dataclass(frozen=True)
class Reference:
    """A sequence, what the model predicts for it, and the activations that alternates start from.

    Attributes:
      sequence: One-hot `(length, 4)`.
      activations: The activations behind the local prefix, each `(1, positions, channels)`; arrays
        of the Keras backend.
      prediction: `(bins, tracks)`; for a model of all heads a dict of them by head name.
    """

    sequence: Array
    activations: tuple[Any, ...]
    prediction: Any


class IncrementalModel:
    """Predicts many changes of one sequence, each by recomputing what the change reaches.

    Predictions equal those of full passes up to rounding. One compiled function serves all
    positions; indels, which move the rest of the window, take one of a few wider windows. A model
    whose first layer sees the whole length is run in full for each alternate.

    Args:
      model: A `SequenceModel`, or a view of one. It is not changed; later changes of its weights
        are seen by references that are computed after them.
      batch_size: Alternates that are run at a time, at most.
      max_share: Share of the sequence that the window around a changed base may take. Layers whose
        reach asks for more are run in full.

    Attributes:
      prefix: The local prefix.
    """

    def __init__(
        self, model: keras.Model, *, batch_size: int = 1, max_share: float = 0.125
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, received {batch_size}.")
        self.prefix: LocalPrefix = find_prefix(model, max_share=max_share)
        self._batch_size = batch_size
        self._windows = _window_sizes(self.prefix)
        self._begin = compiled(self.prefix, model.variables)
        self._splice = compiled(self._spliced, model.variables)
        self._finish = compiled(Remainder(model, self.prefix), model.variables)

    @property
    def is_incremental(self) -> bool:
        """Whether alternates reuse the reference's activations; else each is a full pass."""
        return bool(self.prefix.layers)

    def describe(self) -> str:
        """Says in a sentence what an alternate takes, and which layer ended the local prefix."""
        end = f", up to {self.prefix.ended_by[0]}" if self.prefix.ended_by else ""
        if not self.is_incremental:
            return f"Every alternate is a full pass: no layer acts locally{end}."
        return (
            f"Alternates are computed incrementally: {len(self.prefix.layers)} layers act locally"
            f"{end}, and a changed base takes {self._windows[0]:,} of {self.prefix.length:,} bp."
        )

    def reference(self, x: Array) -> Reference:
        """Runs a sequence in full.

        Args:
          x: One-hot `(1, length, 4)`, or `(length, 4)`.

        Returns:
          What `alternates` starts from. It holds the activations behind the local prefix, so keep
          only as many references as memory allows.

        Raises:
          ValueError: The shape is not that of the model's input.
        """
        sequence = np.asarray(x, dtype="float32")
        sequence = sequence[0] if sequence.ndim == 3 and len(sequence) == 1 else sequence
        if sequence.shape != (self.prefix.length, 4):
            raise ValueError(
                f"A reference is one sequence of shape (1, {self.prefix.length}, 4), received "
                f"{np.shape(x)}. Cut the window to the length of the model."
            )
        activations = self._begin(sequence[None])
        prediction = keras.tree.map_structure(
            lambda output: ops.convert_to_numpy(output)[0], self._finish(activations)
        )
        return Reference(sequence, tuple(activations), prediction)

    def alternates(self, reference: Reference, changed: Sequence[tuple[int, int, Array]]) -> Any:
        """Predicts changed copies of a sequence.

        Args:
          reference: The sequence, from `reference`.
          changed: For each alternate the positions `[start, end)` of the sequence, in bp, and the
            one-hot bases `(end - start, 4)` that stand there instead.

        Returns:
          `(alternates, bins, tracks)`; for a model of all heads a dict of them by head name. An
          alternate that equals the reference has exactly its prediction.

        Raises:
          ValueError: A change does not lie within the sequence, or has not one base a position.
        """
        found = keras.tree.map_structure(
            lambda output: np.empty((len(changed), *output.shape), output.dtype),
            reference.prediction,
        )
        for places, predictions in self.batches(reference, changed):
            for whole, part in zip(
                keras.tree.flatten(found), keras.tree.flatten(predictions), strict=True
            ):
                whole[places] = part
        return found

    def batches(
        self, reference: Reference, changed: Sequence[tuple[int, int, Array]]
    ) -> Iterator[tuple[list[int], Any]]:
        """Predicts as `alternates`, and gives each batch when it is there.

        Alternates of one window size go together, so the order is not that of `changed`.

        Args:
          reference: As in `alternates`.
          changed: As in `alternates`.

        Yields:
          The places of a batch's alternates in `changed`, and their predictions,
          `(batch, bins, tracks)`.

        Raises:
          ValueError: As in `alternates`.
        """
        changes = [self._trimmed(reference, Change(*change)) for change in changed]
        by_window: dict[int, list[int]] = {}
        for place, change in enumerate(changes):
            by_window.setdefault(self._window_of(change), []).append(place)
        for window, places in sorted(by_window.items()):
            if window == 0:
                yield places, _repeated(reference.prediction, len(places))
                continue
            for batch in self._split(places, window):
                yield batch, self._run(reference, [changes[i] for i in batch], window)

    def _trimmed(self, reference: Reference, change: Change) -> Change:
        """Leaves out equal bases at both ends of a change; all of them where nothing changes."""
        start, end, bases = change.start, change.end, np.asarray(change.bases)
        if not 0 <= start <= end <= self.prefix.length or bases.shape != (end - start, 4):
            raise ValueError(
                f"A change must lie within the {self.prefix.length} bp of the sequence and have "
                f"one-hot bases (end - start, 4); received start {start}, end {end} and bases of "
                f"shape {bases.shape}."
            )
        differs = np.flatnonzero((reference.sequence[start:end] != bases).any(axis=1))
        if not len(differs):
            return Change(start, start, bases[:0])
        first, last = int(differs[0]), int(differs[-1]) + 1
        return Change(start + first, start + last, bases[first:last])

    def _window_of(self, change: Change) -> int:
        """The smallest window that holds a change with its context; 0 where nothing changes."""
        if change.start == change.end:
            return 0
        first, last = self.prefix.span(change.start, change.end)
        return next(window for window in self._windows if window >= last - first)

    def _split(self, places: list[int], window: int) -> Iterator[list[int]]:
        """Batches of 1, 2, 4 ... alternates, so that there are few shapes and no filling up.

        Wide windows go in smaller batches, which take no more memory than the reference took.
        """
        most = max(1, min(self._batch_size, self.prefix.length // window))
        while places:
            size = min(most, 1 << (len(places).bit_length() - 1))
            yield places[:size]
            places = places[size:]

    def _run(self, reference: Reference, changes: list[Change], window: int) -> Any:
        """Predicts a batch of alternates whose changes fit into windows of one size."""
        last_start = self.prefix.length - window
        starts = [min(self.prefix.span(c.start, c.end)[0], last_start) for c in changes]
        pieces = np.stack([reference.sequence[start : start + window] for start in starts])
        for piece, start, change in zip(pieces, starts, changes, strict=True):
            piece[change.start - start : change.end - start] = change.bases
        touched = [[a.touched(c.start, c.end) for a in self.prefix.frontier] for c in changes]
        activations = self._splice(
            pieces,
            np.array(starts, dtype="int32"),
            np.array(touched, dtype="int32"),
            list(reference.activations),
        )
        return keras.tree.map_structure(ops.convert_to_numpy, self._finish(activations))

    def _spliced(self, pieces: Any, starts: Any, touched: Any, activations: list[Any]) -> list[Any]:
        """Puts what a change touches in place among the reference's activations.

        Args:
          pieces: Changed windows, `(batch, window, 4)`.
          starts: Where they start, in bp, `(batch,)`.
          touched: First and last touched position of each activation, `(batch, activations, 2)`.
          activations: The reference's, each `(1, positions, channels)`.

        Returns:
          The alternates' activations, each `(batch, positions, channels)`.
        """
        fresh = self.prefix(pieces)
        return [
            _replace(whole, part, starts // known.reach.step, touched[:, i])
            for i, (known, whole, part) in enumerate(
                zip(self.prefix.frontier, activations, fresh, strict=True)
            )
        ]


def _replace(whole: Any, part: Any, starts: Any, touched: Any) -> Any:
    """Replaces the touched positions of an activation, and only these.

    The others are those next to a cut end of the window, or equal up to rounding.
    """
    batch, size, channels = part.shape
    rows = ops.expand_dims(starts, 1) + ops.arange(size, dtype="int32")
    fresh = ops.logical_and(rows >= touched[:, :1], rows < touched[:, 1:])
    part = ops.where(ops.expand_dims(fresh, 2), part, ops.take(whole[0], rows, axis=0))
    copies = ops.broadcast_to(whole, (batch, *whole.shape[1:]))
    numbers = ops.broadcast_to(ops.expand_dims(ops.arange(batch, dtype="int32"), 1), (batch, size))
    places = ops.reshape(ops.stack([numbers, rows], axis=-1), (batch * size, 2))
    return ops.scatter_update(copies, places, ops.reshape(part, (batch * size, channels)))


def _repeated(prediction: Any, times: int) -> Any:
    return keras.tree.map_structure(lambda one: np.stack([one] * times), prediction)


def _window_sizes(prefix: LocalPrefix) -> list[int]:
    """Sizes of windows: few, since each is compiled; half the sequence for an indel in its middle.

    An indel moves what lies on one side of it, so its window reaches to an end of the sequence.
    """
    sizes = {prefix.length, prefix.window(prefix.length // 2 + _FIRST_WIDTH - prefix.margin)}
    context = prefix.window(_FIRST_WIDTH) - _FIRST_WIDTH
    width = _FIRST_WIDTH
    while width + context < prefix.length // 2:
        sizes.add(prefix.window(width))
        width = _GROWTH * (width + context) - context
    return sorted(sizes)
