"""Windows in record files: DNA and the measured tracks over it, one window a record.

A record holds two byte features, as Baskerville writes them: "sequence", one unsigned byte a base
(0 to 3, 4 = N) or four (one-hot), and "target", 16-bit floats of shape `(target_length,
num_targets)`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from whelp.data.errors import RecordError
from whelp.data.example import parse_example, serialize_example
from whelp.data.tfrecord import read_frames, write_frames
from whelp.genome import dna

_SEQUENCE = "sequence"
_TARGET = "target"
_TARGET_TYPE = np.dtype("<f2")


class Window(NamedTuple):
    """One window of a genome.

    Attributes:
        sequence: Base indexes, uint8 of shape `(seq_length,)`; or one-hot rows `(seq_length, 4)`.
        target: Tracks, float16 of shape `(target_length, num_targets)`.
    """

    sequence: npt.NDArray[np.generic]
    target: npt.NDArray[np.generic]


@dataclass(frozen=True)
class WindowFormat:
    """Shape of the windows in a file.

    Attributes:
        seq_length: Length of the sequence in bp.
        target_length: Length of the tracks in bins.
        num_targets: Number of tracks.
        index: Whether sequences are stored as one index a base (`seq_1hot` in statistics.json:
            "make one-hot of it") and not as four one-hot bytes.
    """

    seq_length: int
    target_length: int
    num_targets: int
    index: bool = True

    def parse(self, payload: bytes) -> Window:
        """Read one record.

        Raises:
            ValueError: If the record is no example, lacks a feature, or a feature has another size.
        """
        features = parse_example(payload)
        for name in (_SEQUENCE, _TARGET):
            if name not in features:
                there = ", ".join(sorted(features)) or "none"
                raise ValueError(f"there is no feature {name!r}; features here: {there}")
        return Window(self._sequence(features[_SEQUENCE]), self._target(features[_TARGET]))

    def _sequence(self, data: memoryview) -> npt.NDArray[np.uint8]:
        values = np.frombuffer(data, dtype=np.uint8)
        width = 1 if self.index else len(dna.BASES)
        if values.size != self.seq_length * width:
            raise ValueError(
                f"the sequence has {values.size:,} bytes, expected {self.seq_length:,} bp x "
                f"{width} = {self.seq_length * width:,}. Do seq_length and seq_1hot in "
                "statistics.json fit the files?"
            )
        if not self.index:
            return dna.from_one_hot(values.reshape(self.seq_length, width))
        if values.max(initial=0) > dna.UNKNOWN:
            raise ValueError(f"the sequence holds base index {values.max()}, expected 0 to 4")
        return values

    def _target(self, data: memoryview) -> npt.NDArray[np.float16]:
        expected = self.target_length * self.num_targets
        count, rest = divmod(len(data), _TARGET_TYPE.itemsize)
        if rest or count != expected:
            raise ValueError(
                f"the target has {len(data):,} bytes = {count / self.target_length:g} tracks of "
                f"{self.target_length:,} 16-bit values, expected {self.num_targets} tracks. "
                "Does num_targets in statistics.json fit the files, and did every track get "
                "written?"
            )
        return np.frombuffer(data, dtype=_TARGET_TYPE).reshape(self.target_length, self.num_targets)


def read_windows(path: str | Path, form: WindowFormat) -> Iterator[Window]:
    """Read the windows of a record file one after the other.

    Args:
        path: A ZLIB TFRecord file.
        form: What the windows look like.

    Yields:
        Windows; their arrays are read-only views of the record.

    Raises:
        RecordError: If the file is missing, empty, cut short or damaged, or a record has another
            form.
    """
    for number, payload in enumerate(read_frames(path)):
        try:
            window = form.parse(payload)
        except ValueError as error:
            raise RecordError(Path(path), number, str(error)) from error
        yield window


def count_windows(path: str | Path) -> int:
    """Count the records of a file by reading all of it.

    Raises:
        RecordError: If the file is missing, empty, cut short or damaged.
    """
    return sum(1 for _ in read_frames(path))


def write_windows(path: str | Path, windows: Iterable[Window]) -> int:
    """Write a record file that Baskerville and `read_windows` read, as a whole or not at all.

    Args:
        path: File to write, by custom `tfrecords/SPLIT-NUMBER.tfr`.
        windows: Windows with sequences as base indexes. Tracks are stored as 16-bit floats.

    Returns:
        Number of windows written.

    Raises:
        ValueError: If a sequence is not in index form, or a track exceeds the range of 16-bit
            floats.
        OSError: If the disk is full or the folder cannot be written.
    """
    return write_frames(path, (_payload(window) for window in windows))


def _payload(window: Window) -> bytes:
    sequence = window.sequence
    if sequence.ndim != 1 or sequence.dtype != np.uint8:
        raise ValueError(
            "sequences are written as base indexes (uint8, one axis); received "
            f"{sequence.dtype} of shape {sequence.shape}: use whelp.genome.dna.from_one_hot"
        )
    with np.errstate(over="ignore"):
        target = window.target.astype(_TARGET_TYPE)
    if np.isinf(target).any():
        raise ValueError(
            "tracks are stored as 16-bit floats, at most 65504; clip or scale them first"
        )
    return serialize_example({_SEQUENCE: sequence.tobytes(), _TARGET: target.tobytes()})
