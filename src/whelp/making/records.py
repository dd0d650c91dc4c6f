"""Windows into record files: DNA of the genome, and the targets of all tracks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from whelp.data.example import serialize_example
from whelp.data.tfrecord import write_frames
from whelp.genome.fasta import Fasta
from whelp.making.options import MakingError
from whelp.making.quantiles import column_quantiles
from whelp.making.tracks import read_rows
from whelp.making.windows import LabeledWindow

_LEVEL = 4
"""Of zlib. Level 6 makes files of tracks 6% smaller and takes four times as long."""

_MEMORY = 128 << 20
"""Bytes of targets that are held at once."""

Targets = npt.NDArray[np.float16]


class RecordJob(NamedTuple):
    """A record file to be written.

    Attributes:
        path: The file.
        first: Its first window, in the order of all windows.
        last: The window after its last.
    """

    path: Path
    first: int
    last: int


def record_jobs(
    folder: Path, windows: Sequence[LabeledWindow], seqs_per_tfr: int
) -> list[RecordJob]:
    """Share windows out between record files `LABEL-NUMBER.tfr`, none of them empty.

    Args:
        folder: Folder of the files.
        windows: Windows, those of a label after one another.
        seqs_per_tfr: Most windows in a file.
    """
    jobs = []
    first = 0
    for label, group in groupby(windows, key=lambda window: window.label):
        end = first + sum(1 for _ in group)
        for number, start in enumerate(range(first, end, seqs_per_tfr)):
            last = min(start + seqs_per_tfr, end)
            jobs.append(RecordJob(folder / f"{label}-{number}.tfr", start, last))
        first = end
    return jobs


@dataclass(frozen=True)
class RecordWriter:
    """Writes record files of a data set.

    Attributes:
        genome: FASTA file.
        windows: All windows.
        folder: Folder of the tracks that were read.
        tracks: Number of tracks.
        crop_bp: How far the sequence of a window goes beyond its targets at both ends, bp.
        decimals: Decimals that targets are rounded to; None for all.
        unmappable: Array of unmappable bins, `.npy`; None if there are none.
        umap_clip: Quantile of a window that unmappable bins are brought down to; 1 for none.
        umap_tfr: Whether records say which bins are unmappable.
    """

    genome: Path
    windows: Sequence[LabeledWindow]
    folder: Path
    tracks: int
    crop_bp: int = 0
    decimals: int | None = None
    unmappable: Path | None = None
    umap_clip: float = 1.0
    umap_tfr: bool = False

    def __call__(self, job: RecordJob) -> int:
        """Write a record file, and return its number of windows.

        Raises:
            ValueError: The genome is damaged, or a target is beyond 16-bit floats.
            OSError: A file cannot be read or written.
        """
        with Fasta(self.genome) as genome:
            return write_frames(job.path, self._payloads(genome, job), level=_LEVEL)

    def _payloads(self, genome: Fasta, job: RecordJob) -> Iterator[bytes]:
        mask = np.load(self.unmappable, mmap_mode="r") if self.unmappable is not None else None
        for at, targets in self._targets(job):
            chrom, start, end, _ = self.windows[at]
            unmappable = np.array(mask[at]) if mask is not None else None
            if unmappable is not None and self.umap_clip < 1:
                _bring_down(targets, unmappable, self.umap_clip)
            features = {
                "sequence": genome.fetch(chrom, start - self.crop_bp, end + self.crop_bp).tobytes(),
                "target": self._rounded(targets).tobytes(),
            }
            if unmappable is not None and self.umap_tfr:
                features["umap"] = unmappable.tobytes()
            yield serialize_example(features)

    def _targets(self, job: RecordJob) -> Iterator[tuple[int, Targets]]:
        """Give each window's place, and its targets of shape `(bins, tracks)`."""
        bins = read_rows(self.folder, 0, slice(job.first, job.first + 1)).shape[1]
        step = max(1, _MEMORY // (bins * self.tracks * np.dtype(np.float16).itemsize))
        for first in range(job.first, job.last, step):
            rows = slice(first, min(first + step, job.last))
            block = np.empty((self.tracks, rows.stop - first, bins), dtype=np.float16)
            for index in range(self.tracks):
                block[index] = read_rows(self.folder, index, rows)
            for place in range(rows.stop - first):
                yield first + place, np.ascontiguousarray(block[:, place].T)

    def _rounded(self, targets: Targets) -> Targets:
        if self.decimals is None:
            return targets
        with np.errstate(over="ignore"):
            rounded = np.around(targets.astype(np.float32), decimals=self.decimals)
            halves = rounded.astype(np.float16)
        if np.isinf(halves).any():
            raise MakingError(
                f"rounded to {self.decimals} decimals, a target is beyond 16-bit floats; clip it"
            )
        return halves


def _bring_down(targets: Targets, unmappable: npt.NDArray[np.bool_], q: float) -> None:
    """Bring unmappable bins of `(bins, tracks)` down to a quantile of their track, in place."""
    if unmappable.any():
        limits = column_quantiles(targets, 100 * q / 100).astype(np.float16)
        targets[unmappable] = np.minimum(targets[unmappable], limits)
