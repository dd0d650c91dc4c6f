"""One track over all windows: read, binned, and stored as an HDF5 file like Baskerville's.

The file holds `targets`, float16 of shape `(windows, bins)`, which hound_data_write.py reads too;
and, as attributes, by what it was made and what came of it.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from whelp.files import atomic_path
from whelp.making.coverage import Coverage, open_coverage
from whelp.making.names import contig_name
from whelp.making.options import MakingError, TrackSummary
from whelp.making.overlaps import Blacklist
from whelp.making.pooling import PooledWindow, TrackSettings, pool_window
from whelp.making.quantiles import HalfHistogram
from whelp.making.windows import LabeledWindow

DATASET = "targets"
_LEVEL = 1
_EXTREME = 100 * 0.9999999 / 100
"""Quantile of a track's targets that clips the rest, with the reference's rounding."""


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
class TrackReader:
    """Reads tracks over the windows of a data set.

    Attributes:
        windows: The windows.
        folder: Folder of the files that are written, `PLACE.h5`.
        blacklist: BED of regions in which coverage is brought down.
        as_reference: Whether regions that begin before a window are not looked at in it.
        chr_prepend: Contigs of the tracks lack the "chr" of those of the genome.
        chr_strip: Contigs of the tracks have a "chr" that those of the genome lack.
    """

    windows: Sequence[LabeledWindow]
    folder: Path
    blacklist: Path | None = None
    as_reference: bool = False
    chr_prepend: bool = False
    chr_strip: bool = False

    def __call__(self, job: TrackJob) -> TrackSummary:
        """Read a track and store it.

        Raises:
            ValueError: The coverage file is damaged, or a root would be drawn of something
                negative.
            OSError: A file cannot be read or written.
        """
        bins = (self.windows[0].end - self.windows[0].start) // job.settings.pool_width
        path = track_path(self.folder, job.place)
        with (
            # A file that a crash of the system leaves broken is not taken for finished later.
            atomic_path(path, durable=False) as temporary,
            open_coverage(job.file) as coverage,
            h5py.File(temporary, "w") as out,
        ):
            # A row a chunk: rows come in the order of the genome, not of the windows.
            targets = out.create_dataset(
                DATASET,
                shape=(len(self.windows), bins),
                dtype=np.float16,
                chunks=(1, bins),
                compression="gzip",
                compression_opts=_LEVEL,
                shuffle=True,
            )
            summary = self._fill(targets, coverage, job)
            targets.attrs["made_by"] = job.key
            targets.attrs["summary"] = json.dumps(asdict(summary))
        return summary

    def _fill(self, targets: Any, coverage: Coverage, job: TrackJob) -> TrackSummary:
        blacklist = Blacklist(self.blacklist, as_reference=self.as_reference)
        histogram = HalfHistogram()
        peaks = np.zeros(len(self.windows), dtype=np.float16)
        clipped = missing = 0
        for at in sorted(range(len(self.windows)), key=lambda at: self.windows[at][:3]):
            pooled = self._pool(at, coverage, blacklist, job)
            histogram.add(pooled.targets)
            _write_row(targets, at, pooled.targets)
            peaks[at] = np.max(np.abs(pooled.targets))
            clipped += pooled.clipped
            missing += pooled.missing
        limit = np.float16(histogram.quantile(_EXTREME))
        for at in np.flatnonzero(peaks > limit).tolist():
            _write_row(targets, at, np.clip(targets[at], -limit, limit))
        values, counts = histogram.clipped_values(limit)
        total = float(np.dot(values.astype(np.float64), counts))
        bases = histogram.count * job.settings.pool_width
        return TrackSummary(
            identifier=job.identifier,
            file=job.named,
            sum=total,
            mean=total / histogram.count,
            max=float(values.max()),
            clipped=clipped / histogram.count,
            missing=missing / bases,
            min=float(values.min()),
        )

    def _pool(
        self, at: int, coverage: Coverage, blacklist: Blacklist, job: TrackJob
    ) -> PooledWindow:
        chrom, start, end, _ = self.windows[at]
        name = contig_name(chrom, coverage.lengths, prepend=self.chr_prepend, strip=self.chr_strip)
        values = (
            np.zeros(end - start, dtype=np.float32)
            if name is None
            else coverage.read(name, start, end)
        )
        pooled = pool_window(values, job.settings, blacklist.within(chrom, start, end))
        if pooled.undefined:
            raise MakingError(
                f"{pooled.undefined} bins of {chrom}:{start:,}-{end:,} have no "
                f"{job.settings.sum_stat}: their coverage is negative, or infinite. Use sum or "
                "mean for this track, or make its negative values 0 (bw_w5.py -z)"
            )
        return pooled


def _write_row(dataset: Any, at: int, values: npt.NDArray[np.float16]) -> None:
    """Store a row, compressed here: h5py takes four times as long for small ones."""
    shuffled = values.view(np.uint8).reshape(-1, 2).T.tobytes()
    dataset.id.write_direct_chunk((at, 0), zlib.compress(shuffled, _LEVEL))


def track_path(folder: Path, place: int) -> Path:
    """Return the file of the track at a place of the table, from 0."""
    return folder / f"{place}.h5"


def finished_track(folder: Path, job: TrackJob) -> TrackSummary | None:
    """Return what came of a track that was read earlier; None if it was not, or otherwise."""
    try:
        with h5py.File(track_path(folder, job.place), "r") as file:
            attributes = dict(file[DATASET].attrs)
    except (OSError, KeyError):
        return None
    if attributes.get("made_by") != job.key:
        return None
    return TrackSummary(**json.loads(attributes["summary"]))


def read_rows(folder: Path, place: int, rows: slice) -> npt.NDArray[np.float16]:
    """Read the targets of a track over some windows, of shape `(windows, bins)`."""
    with h5py.File(track_path(folder, place), "r") as file:
        read: npt.NDArray[np.float16] = file[DATASET][rows]
        return read
