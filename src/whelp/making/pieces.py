"""Tracks that are read in parts, and the files of the parts while some are missing.

A track of many windows can be shared out between workers. A part holds the rows of its windows as
the whole track does, and what the whole needs to know of them.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import h5py
import numpy as np
import numpy.typing as npt

from whelp.making.pooling import TrackSettings
from whelp.making.quantiles import HalfHistogram

DATASET = "targets"
"""Name of the array in the file of a track, or of a part of one."""

_FOLDER = "parts"
_WINDOWS = 1024
"""Least windows of a part: for each the file is opened anew, and all are copied at the end."""

_MANY = 100
"""Tracks that keep all workers busy as they are."""


@dataclass(frozen=True)
class TrackJob:
    """A track to be read.

    Attributes:
        place: Its place in the table.
        identifier: Its identifier.
        file: Its coverage file.
        named: The file as the table names it.
        settings: How its coverage becomes targets.
        key: Digest of all that its targets follow from.
    """

    place: int
    identifier: str
    file: Path
    named: str
    settings: TrackSettings
    key: str


@dataclass(frozen=True)
class TrackPart:
    """A stretch of the windows of a track, in the order of the genome: what is read as one job.

    Attributes:
        track: The track.
        number: Which of its parts, from 0.
        of: How many parts it has; 1 for the track in one.
    """

    track: TrackJob
    number: int = 0
    of: int = 1


def share_out(tracks: Sequence[TrackJob], windows: int) -> list[TrackPart]:
    """Make jobs of tracks, the largest files first: then nobody works on alone at the end.

    A few tracks over many windows are read in parts. The jobs follow from the data set alone, and
    not from who does them: so anybody can go on with them.

    Args:
        tracks: All tracks.
        windows: Number of windows.
    """
    parts = max(1, windows // _WINDOWS) if len(tracks) < _MANY else 1
    largest = sorted(tracks, key=lambda track: track.file.stat().st_size, reverse=True)
    return [TrackPart(track, number, parts) for track in largest for number in range(parts)]


@dataclass
class Tally:
    """What is counted over windows of a track.

    Attributes:
        histogram: Of all targets.
        peaks: The largest absolute target of each row, float16 of shape `(rows,)`.
        clipped: Number of bins that a limit changed.
        missing: Number of bases without a value.
    """

    histogram: HalfHistogram
    peaks: npt.NDArray[np.float16]
    clipped: int = 0
    missing: int = 0

    @classmethod
    def of(cls, rows: int) -> Self:
        """A tally of nothing yet."""
        return cls(HalfHistogram(), np.zeros(rows, dtype=np.float16))


def piece_path(folder: Path, part: TrackPart) -> Path:
    """Return the file of a part, in the folder of the tracks."""
    return _folder_of(folder, part.track) / f"{part.number}.h5"


def has_piece(folder: Path, part: TrackPart) -> bool:
    """Say whether a part was read earlier, and from what the track is made of now."""
    try:
        with h5py.File(piece_path(folder, part), "r") as file:
            return bool(file[DATASET].attrs["made_by"] == _key(part))
    except (OSError, KeyError):
        return False


def finish_piece(targets: Any, tally: Tally, part: TrackPart) -> None:
    """Store beside the targets of a part what was counted over them."""
    numbers = tally.histogram.numbers
    codes = np.flatnonzero(numbers)
    file = targets.parent
    file["codes"], file["numbers"], file["peaks"] = codes, numbers[codes], tally.peaks
    targets.attrs["clipped"], targets.attrs["missing"] = tally.clipped, tally.missing
    targets.attrs["made_by"] = _key(part)


def copy_piece(
    folder: Path, part: TrackPart, targets: Any, tally: Tally, *, rows: Sequence[int]
) -> None:
    """Copy the rows of a part, as they are compressed, and add what was counted over them.

    Args:
        folder: Folder of the tracks.
        part: The part.
        targets: Array of the whole track.
        tally: Of the whole track.
        rows: Places in it of the part's rows.

    Raises:
        OSError: The file cannot be read.
    """
    with h5py.File(piece_path(folder, part), "r") as file:
        source = file[DATASET]
        for at, row in enumerate(rows):
            _, packed = source.id.read_direct_chunk((at, 0))
            targets.id.write_direct_chunk((row, 0), packed)
        tally.histogram.merge(file["codes"][:], file["numbers"][:])
        tally.peaks[list(rows)] = file["peaks"][:]
        tally.clipped += int(source.attrs["clipped"])
        tally.missing += int(source.attrs["missing"])


def remove_pieces(folder: Path, track: TrackJob | None = None) -> None:
    """Remove the parts of a track, or of all."""
    gone = folder / _FOLDER if track is None else _folder_of(folder, track)
    shutil.rmtree(gone, ignore_errors=True)


def _folder_of(folder: Path, track: TrackJob) -> Path:
    return folder / _FOLDER / str(track.place)


def _key(part: TrackPart) -> str:
    return f"{part.track.key} {part.number}/{part.of}"
