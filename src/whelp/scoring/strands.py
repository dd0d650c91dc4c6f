"""The two strands of a track as one: which rows of a targets table they are, and their sum."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from whelp.specs.errors import SpecError
from whelp.specs.targets import Target, TargetsTable

Floats = npt.NDArray[Any]
Rows = npt.NDArray[np.int64]


class Strands:
    """Merged tracks: one for each strand pair, and one for each track without strands.

    They stand in the order of the + strands (and tracks without strands) in the table, whether the
    rows of a pair are neighbours or not.

    Attributes:
        plus: Row of each merged track's + strand, int64 of shape `(merged,)`.
        minus: Row of its - strand; that of `plus` for a track without strands.
        tracks: Number of rows of the table.
    """

    def __init__(self, plus: Rows, minus: Rows, tracks: int) -> None:
        self.plus = plus
        self.minus = minus
        self.tracks = tracks
        self._paired = np.flatnonzero(plus != minus)

    @classmethod
    def of(cls, targets: TargetsTable) -> Self:
        """Find the strands of a table.

        Of a pair, the identifier that ends in + is the + strand. Without the column `strand_pair`
        no track has strands.

        Raises:
            SpecError: The identifiers of a pair do not end in + and -; the row is named.
        """
        partners = targets.strand_pair
        if partners is None:
            partners = list(range(len(targets)))
        plus = [
            at
            for at, other in enumerate(partners)
            if at == other or _sign(targets, at, other) == "+"
        ]
        minus = [partners[at] for at in plus]
        return cls(np.array(plus, np.int64), np.array(minus, np.int64), len(targets))

    def __len__(self) -> int:
        return len(self.plus)

    def rows(self, targets: TargetsTable) -> list[Target]:
        """Give the row that names each merged track: that of its + strand."""
        return [targets.rows[at] for at in self.plus]

    def merge(self, values: Floats) -> Floats:
        """Add the strands of each pair.

        Args:
            values: Array of shape `(..., tracks)`.

        Returns:
            New array of shape `(..., merged)`.

        Raises:
            ValueError: The last axis has another length than the table.
        """
        self._check(values)
        merged: Floats = values[..., self.plus]
        merged[..., self._paired] += values[..., self.minus[self._paired]]
        return merged

    def merge_norms(self, norms: Floats) -> Floats:
        """Join the Euclidean norms of both strands: the norm of the two vectors end to end.

        Args:
            norms: Array of shape `(..., tracks)`.

        Returns:
            Roots of the summed squares, of shape `(..., merged)`.
        """
        return np.sqrt(self.merge(np.square(norms)))

    def select(self, values: Floats, strand: str) -> Floats:
        """Take the tracks of one strand of the genome, and those without strands.

        Args:
            values: Array of shape `(..., tracks)`.
            strand: "+" or "-"; "." adds both.

        Returns:
            New array of shape `(..., merged)`, in the order of the merged tracks.

        Raises:
            ValueError: Another strand, or the last axis has another length than the table.
        """
        if strand == ".":
            return self.merge(values)
        if strand not in ("+", "-"):
            raise ValueError(f"the strand of a gene is '+', '-' or '.'; received {strand!r}")
        self._check(values)
        taken: Floats = values[..., self.plus if strand == "+" else self.minus]
        return taken

    def matrix(self) -> npt.NDArray[np.float32]:
        """Give the sum as a matrix.

        Returns:
            0 and 1 of shape `(tracks, merged)`; predictions times it are merged predictions.
        """
        matrix = np.zeros((self.tracks, len(self)), np.float32)
        columns = np.arange(len(self))
        matrix[self.plus, columns] = 1
        matrix[self.minus, columns] = 1
        return matrix

    def _check(self, values: Floats) -> None:
        if values.shape[-1] != self.tracks:
            raise ValueError(
                f"expected {self.tracks} tracks on the last axis, as the targets table has rows; "
                f"received an array of shape {values.shape}"
            )


def _sign(targets: TargetsTable, at: int, other: int) -> str:
    row, partner = targets.rows[at], targets.rows[other]
    sign = row.identifier[-1:]
    if {sign, partner.identifier[-1:]} != {"+", "-"}:
        raise SpecError(
            "identifiers that end in + and -, for the two strands of a track",
            file=targets.path,
            path=f"row {row.index}.identifier",
            problem=f"got {row.identifier!r}, paired with {partner.identifier!r}",
        )
    return sign
