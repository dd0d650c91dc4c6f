"""From windows to files of predictions, in steps that can be taken up again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from whelp.genome.fasta import Fasta
from whelp.predicting.folder import OutputFolder, PredictSummary
from whelp.predicting.forward import Averaged, Forward
from whelp.predicting.outputs import write_track_bigwig, write_windows_h5
from whelp.predicting.regions import Unplaced, write_unplaced
from whelp.predicting.settings import BIGWIGS, PREDICTIONS, SPREAD
from whelp.predicting.tiles import Windows
from whelp.predicting.tracks import OutputTracks
from whelp.scoring.existing import REJECTED, Existing
from whelp.scoring.rows import RowFolder

PREDICTED = "predictions"
"""Name of the data set of predictions."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Output:
    """Where predictions go.

    Attributes:
        path: The folder.
        form: One of `FORMATS`.
        run: What the predictions depend on, from `whelp.scoring.run.describe_run`.
        existing: What to do with predictions that are in the folder, as with scores (see
            `whelp.scoring.existing.is_finished`).
    """

    path: Path
    form: str
    run: Mapping[str, Any]
    existing: Existing = "continue"

    def folder(self) -> OutputFolder:
        """Give the folder, to ask whether it is finished, and to fill it."""
        return OutputFolder(self.path, {**self.run, "form": self.form}, self.existing)


def predict_windows(
    forward: Forward,
    tracks: OutputTracks,
    windows: Windows,
    fasta: Fasta,
    *,
    output: Output,
    unplaced: Sequence[Unplaced] = (),
    progress: Progress | None = None,
) -> PredictSummary:
    """Predict windows of a genome and write BigWigs by track, or HDF5, or both.

    Of several models there is the mean, and beside it the spread (see `Averaged`): BigWigs
    `TRACK.sd.bw`, and `predictions_sd` in the HDF5 file.

    A run that was stopped, however it was, goes on when it is called again with the same
    `output.run`, and ends with the same predictions; files appear when they are whole. Predictions
    wait on the disk, so that memory does not grow with the number of windows.

    Args:
        forward: Predicts, what is written.
        tracks: What is written.
        windows: The windows.
        fasta: The genome.
        output: Where it goes.
        unplaced: Regions without windows; they go to `rejected.tsv`.
        progress: Called with the number of windows that are done, and of all.

    Returns:
        What was done.

    Raises:
        PredictError: The folder holds predictions that are not to be replaced, or the disk has not
            the room.
        ScoreError: Another process writes into the folder.
        OSError: Something cannot be read or written.
    """
    folder = output.folder()
    finished = folder.finished()
    if finished is not None:
        return finished
    shape = len(tracks), windows.extent.bins
    names = [PREDICTED, PREDICTED + SPREAD] if forward.several else [PREDICTED]
    layout = np.dtype([(name, "<f4", shape) for name in names])
    write_unplaced(output.path / REJECTED, unplaced)
    with folder.rows(layout, len(windows)) as rows:
        before = _predict_rest(forward, windows, fasta, rows, progress)
        files = _write_files(output, folder.note, tracks, windows, rows)
        rows.remove()
    return folder.finish(files, predicted=len(windows), rejected=len(unplaced), resumed=before)


def _predict_rest(
    forward: Forward, windows: Windows, fasta: Fasta, rows: RowFolder, progress: Progress | None
) -> int:
    """Predict the batches that are not finished; give how many windows were."""
    # A batch is one piece of work, so that each window is computed in the same company.
    whole = rows.finished == len(windows)
    before = len(windows) if whole else rows.finished // forward.batch_size * forward.batch_size
    rows.keep(before)
    done = before
    for values in predict_batches(forward, windows, fasta, first=before):
        made = np.empty(len(values.mean), rows.layout)
        for name, part in zip(made.dtype.names or (), values, strict=False):
            if part is not None:
                made[name] = np.swapaxes(part, 1, 2)
        rows.append(made)
        done += len(made)
        if progress is not None:
            progress(done, len(windows))
    return before


def predict_batches(
    forward: Forward, windows: Windows, fasta: Fasta, *, first: int = 0
) -> Iterator[Averaged]:
    """Predict windows batch by batch.

    Args:
        forward: Predicts.
        windows: The windows.
        fasta: The genome; N stands beyond the ends of its chromosomes.
        first: Number of the first window.

    Yields:
        Predictions of the next windows, of shape `(windows, bins, written tracks)`, and their
        spread.
    """
    for start in range(first, len(windows), forward.batch_size):
        numbers = range(start, min(start + forward.batch_size, len(windows)))
        bases = np.stack([fasta.fetch(*windows.sequence(number)) for number in numbers])
        yield forward.predict(bases)


def _write_files(
    output: Output, note: str, tracks: OutputTracks, windows: Windows, rows: RowFolder
) -> Sequence[str]:
    files = []
    if output.form != "hdf5":
        endings = {PREDICTED: ".bw", PREDICTED + SPREAD: ".sd.bw"}
        for part in rows.layout.names or ():
            for track, name in enumerate(tracks.names):
                files.append(f"{BIGWIGS}/{name}{endings[part]}")
                read = partial(_read, rows, part)
                write_track_bigwig(output.path / files[-1], windows, read, track)
    if output.form != "bigwig":
        files.append(PREDICTIONS)
        write_windows_h5(output.path / PREDICTIONS, windows, rows.read(), tracks.rows, note=note)
    return files


def _read(rows: RowFolder, part: str) -> npt.NDArray[Any]:
    """Give means or spreads as they lie on the disk."""
    return rows.read()[part]
