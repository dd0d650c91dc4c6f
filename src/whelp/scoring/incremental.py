"""Predictions for changed sequences, with the unchanged part of the model computed once.

Until the first layer that sees the whole length, a changed base changes a few positions of every
activation. `IncrementalModel` computes these from a short window around the change, puts them in
place among the reference's activations, and runs the rest of the model, for several sequences at a
time: copies of one sequence or of several.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from whelp.scoring.compiled import compiled, takes_any_size
from whelp.scoring.prefix import LocalPrefix, find_prefix
from whelp.scoring.remainder import Remainder
from whelp.scoring.splicing import Change, Splicer, trimmed

Array = npt.NDArray[Any]
Bins = npt.NDArray[np.int64]

_BATCH = 4
_BATCH_VALUES = 1 << 28
_LEAST_BINS = 64


@dataclass(frozen=True)
class Reference:
    """A sequence, and its activations, which those of changed copies are made from.

    Attributes:
      sequence: One-hot `(length, 4)`.
      activations: The activations behind the local prefix, each `(1, positions, channels)`; arrays
        of the Keras backend.
    """

    sequence: Array
    activations: tuple[Any, ...]


class Asked(NamedTuple):
    """A prediction that is asked for.

    Attributes:
      reference: The sequence, from `IncrementalModel.reference`.
      change: How it differs; None for the sequence itself.
      bins: The wanted bins, int64; None for all.
    """

    reference: Reference
    change: Change | None = None
    bins: Bins | None = None


class IncrementalModel:
    """Predicts sequences and many changes of them, each by recomputing what the change reaches.

    Predictions equal those of full passes up to rounding. Few functions are compiled: indels, which
    move the rest of the window, take one of a few wider windows. A model whose first layer sees the
    whole length is run in full for each alternate.

    Args:
      model: A `SequenceModel`, or a view of one. It is not changed; later changes of its weights
        are seen by references that are computed after them.
      batch_size: Sequences that are run at a time, at most; by default up to four, as many as take
        about a gigabyte.
      max_share: Share of the sequence that the window around a changed base may take. Layers whose
        reach asks for more are run in full.

    Attributes:
      prefix: The local prefix.
      batch_size: As given, or as chosen.
      reference_values: Values that a reference holds.
    """

    def __init__(
        self,
        model: keras.Model,
        *,
        batch_size: int | None = None,
        max_share: float = 0.125,
    ) -> None:
        if batch_size is not None and batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, received {batch_size}.")
        self.prefix: LocalPrefix = find_prefix(model, max_share=max_share)
        self._remainder = remainder = Remainder(model, self.prefix)
        self.batch_size = batch_size or max(1, min(_BATCH, _BATCH_VALUES // remainder.values))
        self.reference_values = sum(activation.values for activation in self.prefix.frontier)
        self._splicer = Splicer(model, self.prefix)
        frontier = [
            ((None, *activation.tensor.shape[1:]), activation.tensor.dtype)
            for activation in self.prefix.frontier
        ]
        bins = ((None, None), "int32")
        self._finish = compiled(remainder, model.variables, arguments=[frontier])
        self._finish_bins = compiled(remainder, model.variables, arguments=[frontier, bins])
        self._bins = int(keras.tree.flatten(model.output)[0].shape[1])

    @property
    def is_incremental(self) -> bool:
        """Whether alternates reuse the reference's activations; else each is a full pass."""
        return bool(self.prefix.layers)

    def share(self, other: IncrementalModel, *, references: int) -> bool:
        """Computes what both models compute alike once: the local prefix, where it is equal.

        Adapters behind the prefix leave it as it is. One that changes a layer of it (such as Locon
        on convolutions) does not, and nothing is shared.

        Args:
          other: An engine over another model.
          references: How many of the last references are kept for the other.

        Returns:
          Whether the prefix is shared.
        """
        if not self.is_incremental or not self.prefix.equals(other.prefix):
            return False
        self._splicer = other._splicer
        self._splicer.keep(references)
        return True

    def describe(self) -> str:
        """Says in a sentence what an alternate takes, and which layer ended the local prefix."""
        end = f", up to {self.prefix.ended_by[0]}" if self.prefix.ended_by else ""
        if not self.is_incremental:
            return f"Every alternate is a full pass: no layer acts locally{end}."
        return (
            f"Alternates are computed incrementally: {len(self.prefix.layers)} layers act locally"
            f"{end}, and a changed base takes {self._splicer.windows[0]:,} of "
            f"{self.prefix.length:,} bp."
        )

    def reference(self, x: Array) -> Reference:
        """Runs the local prefix on a sequence.

        Args:
          x: One-hot `(1, length, 4)`, or `(length, 4)`.

        Returns:
          What predictions start from. It holds the activations behind the local prefix, so keep
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
        return Reference(sequence, tuple(self._splicer.whole(sequence)))

    def predict(self, asked: Sequence[Asked]) -> list[Any]:
        """Predicts sequences.

        Args:
          asked: Changes of one or of several references, in any order.

        Returns:
          A prediction for each, `(bins, tracks)`; for a model of all heads a dict of them by head
          name. They depend on what else is asked for by rounding only.

        Raises:
          ValueError: A change does not lie within the sequence, or has not one base a position.
        """
        found: list[Any] = [None] * len(asked)
        for places, predictions in self.batches(asked):
            for number, place in enumerate(places):
                found[place] = keras.tree.map_structure(
                    lambda output, number=number: output[number], predictions
                )
        return [
            one if query.bins is None else _first(one, len(query.bins))
            for one, query in zip(found, asked, strict=True)
        ]

    def alternates(self, reference: Reference, changed: Sequence[tuple[int, int, Array]]) -> Any:
        """Predicts changed copies of a sequence.

        Args:
          reference: The sequence, from `reference`.
          changed: For each alternate the positions `[start, end)` of the sequence, in bp, and the
            one-hot bases `(end - start, 4)` that stand there instead.

        Returns:
          `(alternates, bins, tracks)`; for a model of all heads a dict of them by head name.

        Raises:
          ValueError: As `predict`; or there are none.
        """
        found = self.predict([Asked(reference, Change(*change)) for change in changed])
        return keras.tree.map_structure(lambda *parts: np.stack(parts), *found)

    def batches(self, asked: Sequence[Asked]) -> Iterator[tuple[list[int], Any]]:
        """Predicts as `predict`, and gives each batch when it is there.

        What takes windows of one size goes together, so the order is not that of `asked`.

        Args:
          asked: As in `predict`.

        Yields:
          The places of a batch's sequences in `asked`, and their predictions,
          `(batch, bins, tracks)`, filled up with repeated bins to one of a few numbers of them.

        Raises:
          ValueError: As in `predict`.
        """
        changes = [trimmed(query.reference.sequence, query.change) for query in asked]
        sizes = [self._splicer.window_of(change) for change in changes]
        numbers = [self._filled(query.bins) for query in asked]
        order = sorted(range(len(asked)), key=lambda place: (numbers[place], sizes[place], place))
        for number, group in groupby(order, key=lambda place: numbers[place]):
            for places in self._split(list(group)):
                parts = self._activations(places, asked, changes, sizes)
                if number:
                    rows = np.stack([_filled_up(asked[place].bins, number) for place in places])
                    outputs = self._finish_bins(parts, rows)
                else:
                    outputs = self._finish(parts)
                yield places, keras.tree.map_structure(ops.convert_to_numpy, outputs)

    def _filled(self, bins: Bins | None) -> int:
        """The number of bins that is computed for some: a power of 2, or 0 for all."""
        if bins is None:
            return 0
        return max(_LEAST_BINS, 1 << max(0, len(bins) - 1).bit_length())

    def _split(self, places: list[int]) -> Iterator[list[int]]:
        """Whole batches; what is left together, or one by one where each size is compiled."""
        most = self.batch_size
        whole = len(places) // most * most
        least = most if takes_any_size() else 1
        yield from (places[at : at + most] for at in range(0, whole, most))
        yield from (places[at : at + least] for at in range(whole, len(places), least))

    def _activations(
        self,
        places: Sequence[int],
        asked: Sequence[Asked],
        changes: Sequence[Change],
        sizes: Sequence[int],
    ) -> list[Any]:
        """The activations of a batch, each `(batch, positions, channels)`."""
        parts: list[Sequence[Any]] = []
        for (size, _), group in groupby(places, key=lambda i: (sizes[i], id(asked[i].reference))):
            same = list(group)
            reference = asked[same[0]].reference
            if size == 0:
                parts += [reference.activations] * len(same)
                continue
            parts += self._splicer.spliced(
                reference.sequence, reference.activations, [changes[i] for i in same], size
            )
        if len(parts) == 1:
            return list(parts[0])
        return [ops.concatenate(each, axis=0) for each in zip(*parts, strict=True)]


def _first(prediction: Any, bins: int) -> Any:
    return keras.tree.map_structure(lambda output: output[:bins], prediction)


def _filled_up(bins: Bins | None, number: int) -> npt.NDArray[np.int32]:
    """Bins, the last one repeated to a given number."""
    given = np.zeros(1, np.int32) if bins is None or not len(bins) else bins
    return np.pad(given, (0, number - len(given)), mode="edge").astype(np.int32)
