"""Activations of changed sequences, put together from those of the sequence and a short window."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from whelp.scoring.compiled import compiled, takes_any_size
from whelp.scoring.prefix import LocalPrefix

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


def trimmed(sequence: Array, change: Change | None) -> Change:
    """Leaves out equal bases at both ends of a change; all of them where nothing changes.

    Args:
      sequence: What is changed, one-hot `(length, 4)`.
      change: How; None for not at all.

    Raises:
      ValueError: The change does not lie within the sequence, or has not one base a position.
    """
    if change is None:
        return Change(0, 0, sequence[:0])
    start, end, bases = change.start, change.end, np.asarray(change.bases)
    if not 0 <= start <= end <= len(sequence) or bases.shape != (end - start, 4):
        raise ValueError(
            f"A change must lie within the {len(sequence)} bp of the sequence and have "
            f"one-hot bases (end - start, 4); received start {start}, end {end} and bases of "
            f"shape {bases.shape}."
        )
    differs = np.flatnonzero((sequence[start:end] != bases).any(axis=1))
    if not len(differs):
        return Change(start, start, bases[:0])
    first, last = int(differs[0]), int(differs[-1]) + 1
    return Change(start + first, start + last, bases[first:last])


class Splicer:
    """Runs a local prefix: on whole sequences, and on windows around what changes in them.

    Args:
      model: The model.
      prefix: Its local prefix.

    Attributes:
      windows: Sizes of the windows, in bp, the smallest first.
    """

    def __init__(self, model: keras.Model, prefix: LocalPrefix) -> None:
        self._prefix = prefix
        self.windows = _window_sizes(prefix)
        pieces = ((None, None, 4), "float32")
        frontier = [((1, *a.tensor.shape[1:]), a.tensor.dtype) for a in prefix.frontier]
        touched = ((None, len(frontier), 2), "int32")
        self._run = compiled(prefix, model.variables, arguments=[pieces])
        self._splice = compiled(
            self._spliced,
            model.variables,
            arguments=[pieces, ((None,), "int32"), touched, frontier],
        )
        self._kept: OrderedDict[bytes, list[Any]] = OrderedDict()
        self._most_kept = 0

    def keep(self, references: int) -> None:
        """Keeps the activations of the last whole sequences, for other models that ask for them."""
        self._most_kept = max(self._most_kept, references)

    def whole(self, sequence: Array) -> list[Any]:
        """Computes the activations of a sequence.

        It goes as a whole: in pieces it would be rounded otherwise than in a full pass, and by as
        much as effects of variants far from all that counts.

        Args:
          sequence: One-hot `(length, 4)`.

        Returns:
          Each `(1, positions, channels)`.
        """
        if not self._most_kept:
            return list(self._run(sequence[None]))
        key = hashlib.sha256(sequence.tobytes()).digest()
        if key not in self._kept:
            while len(self._kept) >= self._most_kept:
                self._kept.popitem(last=False)
            self._kept[key] = list(self._run(sequence[None]))
        self._kept.move_to_end(key)
        return self._kept[key]

    def window_of(self, change: Change) -> int:
        """The smallest window that holds a change with its context; 0 where nothing changes."""
        if change.start == change.end:
            return 0
        first, last = self._prefix.span(change.start, change.end)
        return next(window for window in self.windows if window >= last - first)

    def spliced(
        self, sequence: Array, activations: Sequence[Any], changes: Sequence[Change], window: int
    ) -> Iterator[list[Any]]:
        """Computes the activations of changed copies of a sequence.

        Args:
          sequence: One-hot `(length, 4)`.
          activations: Its own, from `whole`.
          changes: How the copies differ, trimmed; something changes in each.
          window: A window of `windows` that holds each of them.

        Yields:
          Activations of one or more copies, in their order, each `(copies, positions, channels)`.
          Wide windows go in smaller batches, which take no more memory than the sequence took.
        """
        most = max(1, self._prefix.length // window)
        for first in range(0, len(changes), most):
            some = changes[first : first + most]
            # Where each size is compiled the last copy stands for those that lack.
            lacking = 0 if takes_any_size() else min(most, _power_of_4(len(some))) - len(some)
            made = self._batch(sequence, activations, [*some, *[some[-1]] * lacking], window)
            yield [values[: len(some)] for values in made] if lacking else made

    def _batch(
        self, sequence: Array, activations: Sequence[Any], changes: Sequence[Change], window: int
    ) -> list[Any]:
        last_start = self._prefix.length - window
        starts = [min(self._prefix.span(c.start, c.end)[0], last_start) for c in changes]
        pieces = np.stack([sequence[start : start + window] for start in starts])
        for piece, start, change in zip(pieces, starts, changes, strict=True):
            piece[change.start - start : change.end - start] = change.bases
        touched = [[a.touched(c.start, c.end) for a in self._prefix.frontier] for c in changes]
        return list(
            self._splice(
                pieces,
                np.array(starts, dtype="int32"),
                np.array(touched, dtype="int32"),
                list(activations),
            )
        )

    def _spliced(self, pieces: Any, starts: Any, touched: Any, activations: list[Any]) -> list[Any]:
        """Puts what a change touches in place among the activations of the sequence.

        Args:
          pieces: Changed windows, `(batch, window, 4)`.
          starts: Where they start, in bp, `(batch,)`.
          touched: First and last touched position of each activation, `(batch, activations, 2)`.
          activations: Those of the sequence, each `(1, positions, channels)`.

        Returns:
          Those of the copies, each `(batch, positions, channels)`.
        """
        fresh = self._prefix(pieces)
        return [
            _replace(whole, part, starts // known.reach.step, touched[:, i])
            for i, (known, whole, part) in enumerate(
                zip(self._prefix.frontier, activations, fresh, strict=True)
            )
        ]


def _replace(whole: Any, part: Any, starts: Any, touched: Any) -> Any:
    """Replaces the touched positions of an activation, and only these.

    The others are those next to a cut end of the window, or equal up to rounding.
    """
    (batch, size), channels = ops.shape(part)[:2], part.shape[2]
    rows = ops.expand_dims(starts, 1) + ops.arange(size, dtype="int32")
    fresh = ops.logical_and(rows >= touched[:, :1], rows < touched[:, 1:])
    part = ops.where(ops.expand_dims(fresh, 2), part, ops.take(whole[0], rows, axis=0))
    copies = ops.broadcast_to(whole, (batch, *whole.shape[1:]))
    numbers = ops.broadcast_to(ops.expand_dims(ops.arange(batch, dtype="int32"), 1), (batch, size))
    places = ops.reshape(ops.stack([numbers, rows], axis=-1), (batch * size, 2))
    return ops.scatter_update(copies, places, ops.reshape(part, (batch * size, channels)))


def _power_of_4(least: int) -> int:
    return int(4 ** ((least - 1).bit_length() + 1 >> 1))


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
