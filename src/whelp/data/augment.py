"""Random changes of training windows that keep their meaning: other strand, shift by a few bp.

Both are drawn for every window anew, as a function of (seed, epoch, place in the epoch) alone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from whelp.data.records import Window
from whelp.genome import dna

_ORDER, _CHANGES = 0, 1
"""Which of the random streams of an epoch."""


def epoch_rng(seed: int, epoch: int, stream: int = _ORDER) -> np.random.Generator:
    """Make the random generator of an epoch; different streams are independent."""
    return np.random.default_rng((seed, epoch, stream))


class Draws(NamedTuple):
    """What happens to each window of an epoch.

    Attributes:
        reverse: Whether to take the other strand, bool of shape `(num_windows,)`.
        shift: How far to move the sequence to the right, in bp, shape `(num_windows,)`.
    """

    reverse: npt.NDArray[np.bool_]
    shift: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Augmentation:
    """Which random changes windows undergo.

    Attributes:
        rc: Whether to give the reverse complement of every second window, its tracks backwards
            and with paired strands swapped.
        shifts: Shifts in bp to draw from. The sequence moves under the tracks, which stay; gaps
            are filled with N.
        strand_pair: For every track that of the other strand; None to swap none.
        diagonal_offset: If given, targets are upper triangles of contact maps that begin at this
            diagonal, which mirror at the other diagonal and do not run backwards.
    """

    rc: bool = False
    shifts: tuple[int, ...] = (0,)
    strand_pair: npt.NDArray[np.int64] | None = None
    diagonal_offset: int | None = None

    def draw(self, seed: int, epoch: int, count: int) -> Draws:
        """Draw the changes of all windows of an epoch."""
        rng = epoch_rng(seed, epoch, _CHANGES)
        reverse = rng.random(count) < 0.5 if self.rc else np.zeros(count, dtype=bool)
        return Draws(reverse, rng.choice(np.asarray(self.shifts, dtype=np.int64), size=count))

    def put(self, window: Window, *, reverse: bool, shift: int, x: Any, y: Any) -> None:
        """Write a changed window into a batch.

        Args:
            window: The window; left as it is.
            reverse: Whether to take the other strand.
            shift: How far to move the sequence, in bp.
            x: Place for the one-hot sequence, `(seq_length, 4)`.
            y: Place for the targets, of their shape.
        """
        x[...] = _changed_sequence(window.sequence, reverse, shift)
        y[...] = self.reversed_target(window.target) if reverse else window.target

    def reversed_target(self, target: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Give the targets of the other strand.

        Args:
            target: `(num_targets,)`, `(length, num_targets)`, `(rows, columns, num_targets)`, or
                with `diagonal_offset` `(entries, num_targets)`.
        """
        if self.diagonal_offset is not None:
            target = target[triangle_order(len(target), self.diagonal_offset)]
        else:
            target = np.flip(target, axis=tuple(range(target.ndim - 1)))
        return target if self.strand_pair is None else np.take(target, self.strand_pair, axis=-1)


def _changed_sequence(sequence: npt.NDArray[Any], reverse: bool, shift: int) -> npt.NDArray[Any]:
    """Give one-hot rows `(seq_length, 4)` of a sequence in either form."""
    if sequence.ndim == 1:
        index = dna.reverse_complement(sequence) if reverse else sequence
        return dna.one_hot(dna.shift(index, shift) if shift else index)
    rows = dna.reverse_complement_one_hot(sequence) if reverse else sequence
    return dna.shift_one_hot(rows, shift) if shift else rows


def triangle_order(entries: int, diagonal_offset: int) -> npt.NDArray[np.int64]:
    """Order of the entries of an upper triangle after its map is turned by 180 degrees.

    Args:
        entries: Number of entries, row by row.
        diagonal_offset: First diagonal that is in the triangle.

    Returns:
        For every entry which old one takes its place, shape `(entries,)`.

    Raises:
        ValueError: If no map has a triangle of this many entries.
    """
    side = (math.isqrt(8 * entries + 1) - 1) // 2
    if side * (side + 1) // 2 != entries:
        raise ValueError(
            f"{entries} targets are not an upper triangle of a contact map; expected n (n + 1) "
            "/ 2 entries"
        )
    rows, columns = np.triu_indices(side + diagonal_offset, diagonal_offset)
    place = np.zeros((side + diagonal_offset,) * 2, dtype=np.int64)
    place[rows, columns] = np.arange(entries)
    last = side + diagonal_offset - 1
    return place[last - columns, last - rows]


def as_shifts(shift: int | Sequence[int]) -> tuple[int, ...]:
    """Give the shifts that `augment_shift` means.

    Args:
        shift: Greatest shift in bp to either side, or the shifts themselves.

    Raises:
        ValueError: If the greatest shift is negative, or there are none.
    """
    if isinstance(shift, int):
        if shift < 0:
            raise ValueError(
                f"augment_shift is the greatest shift in bp, at least 0; received {shift}"
            )
        return tuple(range(-shift, shift + 1))
    if not shift:
        raise ValueError("augment_shift is an empty list; give [0] for no shift")
    return tuple(int(step) for step in shift)
