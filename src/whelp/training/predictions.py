"""Predict windows batch by batch, and keep predictions as HDF5 and bedGraph files."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np
import pandas as pd

from whelp.data.dataset import Dataset
from whelp.files import atomic_path
from whelp.training.committee import Committee

_TRACKS_A_CHUNK = 32


def predict_batches(
    model: Any, data: Any, *, batch_size: int | None = None, batches: Sequence[int] | None = None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Give measured and predicted values of all windows, one batch at a time.

    Windows are taken as they are stored: a data set's shuffling and augmentation are off. A
    smaller last batch is filled up with copies for the model, so that it compiles once, and cut
    again.

    Args:
        model: a Keras model, or anything with `predict`, that takes (batch, length, 4) and gives
            (batch, bins, tracks); or a list of such, which are averaged.
        data: a data set, or arrays `(x, y)` or `(x, y, targets)`.
        batch_size: windows a batch; the data set's own, or 1, if not given.
        batches: numbers of the batches to predict; all if not given.

    Yields:
        Measured and predicted values, both (batch, bins, tracks), in the data's order.

    Raises:
        ValueError: shapes disagree, or values are not finite.
    """
    forward = Committee.of(model).predict
    read, num_batches = _reader(data, batch_size)
    full = 0
    for batch in range(num_batches) if batches is None else batches:
        x, measured = read(batch)
        if not len(x):
            continue
        full = max(full, len(x))
        filler = np.repeat(x[-1:], full - len(x), axis=0)
        predicted = forward(np.concatenate([x, filler]) if len(filler) else x)
        if isinstance(predicted, dict):
            heads = ", ".join(map(str, predicted))
            raise ValueError(f"the model answers for several heads ({heads}): load it with one")
        predicted = np.asarray(predicted)[: len(x)]
        _check(measured, predicted)
        yield measured, predicted


def thin(values: np.ndarray, step: int) -> np.ndarray:
    """Every `step`-th bin of (batch, bins, tracks); (batch, tracks) as it is."""
    return values[:, ::step] if values.ndim == 3 else values


def targets_of(data: Any) -> pd.DataFrame | None:
    """The targets table of a data set or of `(x, y, targets)`, or None."""
    if isinstance(data, tuple | list):
        return data[2] if len(data) > 2 else None
    return getattr(data, "targets", None)


def _reader(
    data: Any, batch_size: int | None
) -> tuple[Callable[[int], tuple[np.ndarray, np.ndarray]], int]:
    """How to read the sequences and values of a batch, and the number of batches."""
    if not isinstance(data, tuple | list):
        plain = _as_stored(data, batch_size)
        return lambda batch: _without_padding(*plain[batch]), len(plain)
    x, y = (np.asarray(values) for values in data[:2])
    if len(x) != len(y):
        raise ValueError(f"x holds {len(x)} windows and y {len(y)}: give one y for each x")
    size = batch_size or 1

    def read(batch: int) -> tuple[np.ndarray, np.ndarray]:
        rows = slice(batch * size, (batch + 1) * size)
        return x[rows], y[rows]

    return read, -(-len(x) // size)


def _as_stored(data: Any, batch_size: int | None) -> Any:
    """A data set whose windows come in their order, unchanged and to the last."""
    if not isinstance(data, Dataset):
        return data
    plain = data.with_options(shuffle=False, augment_rc=False, augment_shift=0, drop_last=False)
    return plain.with_options(batch_size=batch_size) if batch_size else plain


def _without_padding(x: Any, y: Any, weights: Any = None) -> tuple[np.ndarray, np.ndarray]:
    """A batch without the windows of weight 0 that fill it up for several devices."""
    if weights is None:
        return np.asarray(x), np.asarray(y)
    kept = np.asarray(weights).reshape(len(x), -1).max(axis=1) > 0
    return np.asarray(x)[kept], np.asarray(y)[kept]


def _check(measured: np.ndarray, predicted: np.ndarray) -> None:
    """Refuse values that no number should be computed from."""
    if measured.shape != predicted.shape:
        raise ValueError(
            f"the model gives (windows, bins, tracks) {predicted.shape}, the data hold "
            f"{measured.shape}: choose the head and the crop that belong to these data"
        )
    for name, values in (("predictions", predicted), ("measured values", measured)):
        # The sum is finite unless a value is not, or it overflows: look closely only then.
        if not np.isfinite(values.sum(dtype="float64")) and not np.isfinite(values).all():
            tracks = np.flatnonzero(~np.isfinite(values).all(axis=tuple(range(values.ndim - 1))))
            raise ValueError(
                f"{name} are not finite (NaN or infinite) in {len(tracks)} of {values.shape[-1]} "
                f"tracks, first in track {tracks[0]}: "
                + ("the weights are damaged" if name == "predictions" else "mend the records")
            )


class PredictionWriter:
    """Write measured and predicted values to `targets.h5` and `preds.h5` while they come.

    The files are those of `hound_eval.py --save`: data sets `targets` and `preds`, float16,
    (windows, bins, tracks). They appear under their names only when all is written. Use it as a
    context manager, and as the `sink` of `whelp.evaluate`.
    """

    NAMES = ("targets", "preds")

    def __init__(self, out_dir: str | Path, *, dtype: str = "float16") -> None:
        self._folder = Path(out_dir)
        self._dtype = dtype
        self._files: dict[str, h5py.File] = {}
        self._open = ExitStack()

    def __enter__(self) -> "PredictionWriter":
        """Open the files under temporary names."""
        with ExitStack() as opening:
            for name in self.NAMES:
                partial = opening.enter_context(atomic_path(self._folder / f"{name}.h5"))
                self._files[name] = opening.enter_context(h5py.File(partial, "w"))
            self._open = opening.pop_all()
        return self

    def __call__(self, measured: np.ndarray, predicted: np.ndarray) -> None:
        """Append one batch, both (batch, bins, tracks)."""
        for name, values in zip(self.NAMES, (measured, predicted), strict=True):
            file = self._files[name]
            if name not in file:
                _create(file, name, values.shape[1:], self._dtype)
            stored = file[name]
            stored.resize(len(stored) + len(values), axis=0)
            # What float16 cannot hold becomes infinite, as in the original.
            with np.errstate(over="ignore"):
                stored[-len(values) :] = values.astype(self._dtype)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the files their names, or remove them if something went wrong."""
        self._open.__exit__(kind, error, trace)


def _create(file: h5py.File, name: str, shape: tuple[int, ...], dtype: str) -> None:
    """Create an empty data set that grows by windows and of which one track is read quickly."""
    chunks = (1, *shape[:-1], min(shape[-1], _TRACKS_A_CHUNK))
    file.create_dataset(name, (0, *shape), dtype, maxshape=(None, *shape), chunks=chunks)


def save_predictions(
    model: Any, data: Any, out_dir: str | Path, *, step: int = 1, batch_size: int | None = None
) -> None:
    """Predict all windows and write `preds.h5` and `targets.h5` (see `PredictionWriter`).

    Args:
        model: a Keras model, or anything with `predict`.
        data: a data set or arrays, as for `whelp.evaluate`.
        out_dir: folder to write into.
        step: keep every `step`-th bin.
        batch_size: windows a batch; the data set's own, or 1, if not given.
    """
    with PredictionWriter(out_dir) as write:
        for measured, predicted in predict_batches(model, data, batch_size=batch_size):
            write(thin(measured, step), thin(predicted, step))


def write_bedgraphs(
    saved_dir: str | Path,
    windows: pd.DataFrame,
    tracks: Sequence[int],
    *,
    pool_width: int,
    step: int = 1,
    out_dir: str | Path | None = None,
) -> list[Path]:
    """Write saved predictions and measured values of some tracks as bedGraph files.

    Args:
        saved_dir: folder with `preds.h5` and `targets.h5`.
        windows: the predicted windows, in order: `chrom` and `start` in bp, 0-based, of the first
            bin (that is, without the crop).
        tracks: positions of the wanted tracks on the last axis.
        pool_width: bp a bin.
        step: the step with which the values were saved; each line still spans one bin.
        out_dir: where to write; `saved_dir/bedgraph` if not given.

    Returns:
        The written files, `preds_t{track}.bedgraph` and `targets_t{track}.bedgraph`.

    Raises:
        ValueError: the number of windows differs, or there is no such track.
    """
    source = Path(saved_dir)
    folder = Path(out_dir) if out_dir is not None else source / "bedgraph"
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name in reversed(PredictionWriter.NAMES):
        with h5py.File(source / f"{name}.h5") as file:
            values = file[name]
            num_windows, _, num_tracks = values.shape
            if num_windows != len(windows):
                raise ValueError(
                    f"{source / name}.h5 holds {num_windows} windows, the table {len(windows)}"
                )
            for track in tracks:
                if not 0 <= track < num_tracks:
                    raise ValueError(f"there is no track {track}: choose 0 to {num_tracks - 1}")
                path = folder / f"{name}_t{track}.bedgraph"
                _write_bedgraph(path, values[..., track], windows, (pool_width, step))
                written.append(path)
    return written


def _write_bedgraph(
    path: Path, values: np.ndarray, windows: pd.DataFrame, spacing: tuple[int, int]
) -> None:
    """Write one track, (windows, bins), with `(pool_width, step)` in bp and bins."""
    pool_width, step = spacing
    offsets = np.arange(values.shape[1]) * pool_width * step
    with atomic_path(path) as partial, partial.open("w", encoding="ascii") as file:
        places = zip(windows["chrom"].to_list(), windows["start"].to_list(), strict=True)
        for (chrom, first), row in zip(places, values, strict=True):
            starts = first + offsets
            file.writelines(
                f"{chrom}\t{start}\t{start + pool_width}\t{value:.2f}\n"
                for start, value in zip(starts.tolist(), row.tolist(), strict=True)
            )
