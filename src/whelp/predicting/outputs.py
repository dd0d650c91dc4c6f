"""Predictions of windows as files: BigWigs by track, and HDF5."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from whelp.files import atomic_path
from whelp.genome.bigwig import Runs, write_bigwig_runs
from whelp.predicting.tiles import Territory, Windows, territories
from whelp.scoring.table import row_blocks, write_tracks
from whelp.specs import Target

Rows = npt.NDArray[Any]

_BLOCK_BYTES = 1 << 26
_CHUNK_TRACKS = 32


def write_track_bigwig(path: Path, windows: Windows, read: Callable[[], Rows], track: int) -> None:
    """Write the predictions of one track as a BigWig of the whole genome.

    Args:
        path: The file; it appears whole or not at all.
        windows: The predicted windows.
        read: Gives the predictions as they lie on the disk, of shape `(windows, tracks, bins)`.
        track: Which of the tracks.

    Raises:
        BigWigError, OSError: The file cannot be written.
    """
    lengths = dict(zip(windows.names, windows.lengths, strict=True))
    write_bigwig_runs(path, lengths, _track_runs(windows, read, track))


def _track_runs(windows: Windows, read: Callable[[], Rows], track: int) -> Iterator[Runs]:
    rows = read()
    most = max(1, _BLOCK_BYTES // max(1, rows[0, 0].nbytes))
    for number, territory in enumerate(territories(windows), start=1):
        if number % most == 0:
            # What was read of a mapped file counts as this process' memory until it is let go.
            rows = read()
        values = np.array(rows[territory.window, track])
        first = int(windows.starts[territory.window])
        yield bin_runs(territory, first, windows.extent.stride, values)


def bin_runs(territory: Territory, first: int, stride: int, values: npt.NDArray[Any]) -> Runs:
    """Cut the bins of a prediction to a stretch.

    Args:
        territory: The stretch, within the prediction.
        first: First base of the prediction, bp.
        stride: Width of a bin, bp.
        values: Predictions of one track, of shape `(bins,)`.

    Returns:
        The bins in the stretch; those at its ends may be cut.
    """
    _, chrom, start, end = territory
    from_bin, to_bin = (start - first) // stride, -(-(end - first) // stride)
    edges = first + stride * np.arange(from_bin, to_bin + 1)
    return Runs(
        chrom, np.maximum(edges[:-1], start), np.minimum(edges[1:], end), values[from_bin:to_bin]
    )


def write_windows_h5(
    path: Path, windows: Windows, rows: Rows, tracks: Sequence[Target], *, note: str
) -> None:
    """Write predictions as HDF5: all windows whole, in their order, whether they overlap or not.

    The file holds `predictions`, float32 of shape `(windows, bins, tracks)`, of replicates their
    spread `predictions_sd`, too, `chrom`, `start` and `end` of what is predicted (bp from 0),
    `region` (number of the row or sequence, from 0), and what `describe_tracks` adds.

    Args:
        path: The file; it appears whole or not at all.
        windows: The predicted windows.
        rows: Name of a data set -> values of shape `(windows, tracks, bins)`, as fields.
        tracks: A row for each track.
        note: What the predictions depend on; kept as the attribute `run`.

    Raises:
        OSError: The file cannot be written.
    """
    with atomic_path(path) as new, h5py.File(new, "w") as file:
        file.attrs["run"] = note
        describe_tracks(file, tracks, stride=windows.extent.stride)
        file["chrom"] = np.array(windows.names, "S")[windows.chroms]
        file["start"] = windows.starts
        file["end"] = windows.starts + windows.extent.predicted
        file["region"] = windows.regions
        write_values(file, {name: rows[name] for name in rows.dtype.names or ()})


def describe_tracks(file: h5py.File, tracks: Sequence[Target], *, stride: int) -> None:
    """Say in a file what its predictions are.

    Adds `target_ids` and `target_labels`, and the attributes `stride` (bp a bin) and `units`.
    """
    file.attrs["stride"] = stride
    file.attrs["units"] = "mean per base of a bin, as in the tracks' coverage files"
    write_tracks(file, tracks)


def write_values(file: h5py.File, values: Mapping[str, Rows]) -> None:
    """Write arrays of shape `(rows, tracks, bins)` as data sets `(rows, bins, tracks)`, by blocks.

    Args:
        file: Open for writing.
        values: Name of the data set -> array, on the disk.
    """
    for name, rows in values.items():
        number, tracks, bins = rows.shape
        chunks = (1, bins, min(tracks, _CHUNK_TRACKS)) if number else None
        data = file.create_dataset(name, (number, bins, tracks), "float32", chunks=chunks)
        for part in row_blocks(rows):
            data[part] = np.swapaxes(rows[part], 1, 2)
