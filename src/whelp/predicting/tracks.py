"""Which tracks are written, and how they come from a model's predictions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from whelp.predicting.errors import PredictError
from whelp.predicting.units import InputUnits
from whelp.scoring.strands import Strands
from whelp.scoring.track_names import TrackError, named_rows
from whelp.specs import Target, TargetsTable

Floats = npt.NDArray[Any]

_LONGEST = 100
_UNSAFE = re.compile(r"[^A-Za-z0-9._+-]+")


class OutputTracks:
    """The tracks that are written: chosen by name, perhaps with their strands added up.

    Args:
        targets: The targets table of the data that the model was trained on, or some of its rows.
        stride: Width of a bin, bp.
        old: Whether the targets were squashed in the old way.
        patterns: Names of tracks, see `choose_tracks`; all where there are none.
        merge: Add the two strands of a track.

    Attributes:
        targets: The rows that must be predicted: those chosen and their other strands.
        rows: A row for each track that is written.
        names: A name for each that is unique and can be that of a file.

    Raises:
        PredictError: A pattern fits no track.
        SpecError: The table lacks what is needed to undo the squashing or to merge strands.
    """

    def __init__(
        self,
        targets: TargetsTable,
        *,
        stride: int,
        old: bool,
        patterns: Sequence[str] = (),
        merge: bool = False,
    ) -> None:
        chosen = choose_tracks(targets, patterns)
        partners = targets.strand_pair or list(range(len(targets)))
        needed = sorted({*chosen, *(partners[at] for at in chosen)})
        rows = tuple(targets.rows[at] for at in needed)
        self.targets = TargetsTable.model_construct(rows=rows, path=targets.path)
        self._units = InputUnits(self.targets, stride=stride, old=old)
        self._strands = Strands.of(self.targets) if merge else None
        self._kept = [needed.index(at) for at in chosen]
        if self._strands is None:
            self.rows = [rows[at] for at in self._kept]
        else:
            self.rows = [_unstranded(row) for row in self._strands.rows(self.targets)]
        self.names = file_names(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __call__(self, predictions: Floats) -> npt.NDArray[np.float64]:
        """Make what is written of what is predicted.

        Args:
            predictions: Squashed values of shape `(..., tracks)`, the tracks of `targets`.

        Returns:
            New array of shape `(..., written tracks)`, per base in the units of the tracks' files.

        Raises:
            PredictError: A value is not finite.
        """
        values = self._units(predictions)
        made = values[..., self._kept] if self._strands is None else self._strands.merge(values)
        if not np.isfinite(made.sum()) and not np.isfinite(made).all():
            bad = np.unique(np.nonzero(~np.isfinite(made))[-1])
            row = self.rows[int(bad[0])]
            raise PredictError(
                f"predictions of {len(bad)} of {len(self)} tracks are not finite (NaN or "
                f"infinite), first those of {row.identifier}: the weights are damaged, or the "
                f"targets table is of other tracks"
            )
        return made


def choose_tracks(targets: TargetsTable, patterns: Sequence[str]) -> list[int]:
    """Find tracks by their names.

    Args:
        targets: The table.
        patterns: Words as in `whelp.scoring.track_names.named_rows`; several can stand in one with
            commas between them.

    Returns:
        Places in the table, in its order; all where there are no patterns.

    Raises:
        PredictError: A pattern fits no track.
    """
    words = [word.strip() for pattern in patterns for word in pattern.split(",") if word.strip()]
    try:
        return named_rows(targets, words)
    except TrackError as error:
        raise PredictError(str(error)) from None


def file_names(rows: Sequence[Target]) -> list[str]:
    """Give tracks names that can be those of files.

    Returns:
        Identifiers, with `_` for letters that are none of A-Z, a-z, 0-9, `.`, `_`, `+`, `-`; of
        those that are not unique, whatever the case, with the index behind.
    """
    plain = [file_name(row.identifier) for row in rows]
    lower = [name.lower() for name in plain]
    return [
        f"{name}_{row.index}" if lower.count(name.lower()) > 1 else name
        for name, row in zip(plain, rows, strict=True)
    ]


def file_name(text: str) -> str:
    """Make a text one that can be a file's name."""
    return _UNSAFE.sub("_", text).lstrip(".")[:_LONGEST] or "track"


def _unstranded(row: Target) -> Target:
    """Name both strands of a track: its row without the + of the identifier."""
    paired = row.strand_pair is not None and row.strand_pair != row.index
    name = row.identifier.removesuffix("+") if paired else row.identifier
    return row.model_copy(update={"identifier": name or row.identifier})
