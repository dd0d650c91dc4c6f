"""One track over all windows: read, binned, and stored as an HDF5 file like Baskerville's.

The file holds `targets`, float16 of shape `(windows, bins)`, which hound_data_write.py reads too;
and, as attributes, by what it was made and what came of it.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
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
from whelp.making.pieces import (
    DATASET,
    Tally,
    TrackJob,
    TrackPart,
    copy_piece,
    finish_piece,
    has_piece,
    piece_path,
    remove_pieces,
)
from whelp.making.pooling import PooledWindow, pool_window
from whelp.making.windows import LabeledWindow

_LEVEL = 1
_EXTREME = 100 * 0.9999999 / 100
"""Quantile of a track's targets that clips the rest, with the reference's rounding."""


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

    def __call__(self, part: TrackPart) -> TrackSummary | None:
        """Read a part of a track and store it; with the last part that is read, the track is there.

        Returns:
            What came of the track; None while parts of it are missing.

        Raises:
            ValueError: The coverage file is damaged, or a root would be drawn of something
                negative.
            OSError: A file cannot be read or written.
        """
        if part.of == 1:
            return self._read_all(part.track)
        if (done := finished_track(self.folder, part.track)) is not None:
            return done
        if not has_piece(self.folder, part):
            self._read_piece(part)
        return self.join(part.track, part.of)

    def join(self, track: TrackJob, parts: int) -> TrackSummary | None:
        """Make one file of all parts of a track, the same as if it had been read in one.

        Returns:
            What came of the track; None while parts of it are missing.

        Raises:
            OSError: A file cannot be read or written.
        """
        every = [TrackPart(track, number, parts) for number in range(parts)]
        if not all(has_piece(self.folder, part) for part in every):
            return None
        try:
            with self._new_track(track, len(self.windows)) as targets:
                tally = Tally.of(len(self.windows))
                for part in every:
                    copy_piece(self.folder, part, targets, tally, rows=self._places(part))
                summary = self._finish(targets, tally, track)
        except (OSError, KeyError):
            # Another worker saw all parts at the same moment, joined them, and removed them.
            if (done := finished_track(self.folder, track)) is None:
                raise
            return done
        remove_pieces(self.folder, track)
        return summary

    def _read_all(self, track: TrackJob) -> TrackSummary:
        with self._new_track(track, len(self.windows)) as targets:
            places = self._places(TrackPart(track))
            tally = self._fill(targets, track, places, rows=places)
            return self._finish(targets, tally, track)

    def _read_piece(self, part: TrackPart) -> None:
        places = self._places(part)
        with self._new_rows(piece_path(self.folder, part), part.track, len(places)) as targets:
            tally = self._fill(targets, part.track, places, rows=range(len(places)))
            finish_piece(targets, tally, part)

    def _places(self, part: TrackPart) -> list[int]:
        """Windows of a part in the order of the genome, by their places in the data set."""
        every = sorted(range(len(self.windows)), key=lambda at: self.windows[at][:3])
        size = -(-len(every) // part.of)
        return every[part.number * size :][:size]

    def _new_track(self, track: TrackJob, rows: int) -> AbstractContextManager[Any]:
        return self._new_rows(track_path(self.folder, track.place), track, rows)

    @contextmanager
    def _new_rows(self, path: Path, track: TrackJob, rows: int) -> Iterator[Any]:
        """Give an array for targets, in a file that appears when it is filled."""
        bins = (self.windows[0].end - self.windows[0].start) // track.settings.pool_width
        with (
            # A file that a crash of the system leaves broken is not taken for finished later.
            atomic_path(path, durable=False) as temporary,
            h5py.File(temporary, "w") as out,
        ):
            # A row a chunk: rows come in the order of the genome, not of the windows.
            yield out.create_dataset(
                DATASET,
                shape=(rows, bins),
                dtype=np.float16,
                chunks=(1, bins),
                compression="gzip",
                compression_opts=_LEVEL,
                shuffle=True,
            )

    def _fill(
        self, targets: Any, track: TrackJob, places: Sequence[int], *, rows: Sequence[int]
    ) -> Tally:
        """Read windows, and write the targets of each into its row."""
        blacklist = Blacklist(self.blacklist, as_reference=self.as_reference)
        tally = Tally.of(len(targets))
        with open_coverage(track.file) as coverage:
            for at, row in zip(places, rows, strict=True):
                pooled = self._pool(at, coverage, blacklist, track)
                tally.histogram.add(pooled.targets)
                _write_row(targets, row, pooled.targets)
                tally.peaks[row] = np.max(np.abs(pooled.targets))
                tally.clipped += pooled.clipped
                tally.missing += pooled.missing
        return tally

    def _finish(self, targets: Any, tally: Tally, track: TrackJob) -> TrackSummary:
        """Bring extreme targets down, and say what came of the track."""
        histogram = tally.histogram
        limit = np.float16(histogram.quantile(_EXTREME))
        for at in np.flatnonzero(tally.peaks > limit).tolist():
            _write_row(targets, at, np.clip(targets[at], -limit, limit))
        values, counts = histogram.clipped_values(limit)
        total = float(np.dot(values.astype(np.float64), counts))
        bases = histogram.count * track.settings.pool_width
        summary = TrackSummary(
            identifier=track.identifier,
            file=track.named,
            sum=total,
            mean=total / histogram.count,
            max=float(values.max()),
            clipped=tally.clipped / histogram.count,
            missing=tally.missing / bases,
            min=float(values.min()),
        )
        targets.attrs["made_by"] = track.key
        targets.attrs["summary"] = json.dumps(asdict(summary))
        return summary

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
