"""Evaluating a model on held-out windows, and writing what came of it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from whelp.data import DataError, Dataset
from whelp.expression import GeneAccuracy
from whelp.making.exposure import ExposureCount, read_exposures
from whelp.models import SequenceModel, ensemble
from whelp.training.committee import Committee
from whelp.training.evaluation import evaluate, write_evaluation
from whelp.training.examples import Examples
from whelp.training.predictions import PredictionWriter, write_bedgraphs

Sink = Callable[[np.ndarray, np.ndarray], None]


@dataclass(frozen=True)
class Assessment:
    """A model's accuracy on windows.

    Attributes:
      accuracy: One row a track, as `whelp.evaluate` gives it.
      examples: What a report shows; `None` if it was not asked for.
      model: What predicted, with its averaging over strands, shifts and replicates.
      genes: How well the expression of genes is predicted; `None` if it was not asked for.
    """

    accuracy: pd.DataFrame
    examples: Examples | None
    model: Committee
    genes: GeneAccuracy | None = None


@dataclass(frozen=True)
class AssessmentSettings:
    """How to evaluate, and what to write.

    Attributes:
      loss: A loss whose mean is wanted too; with binary crossentropy areas under curves take the
        place of correlations.
      rank: Whether to compute Spearman correlations.
      rc: Whether to average predictions over both strands.
      shifts: Shifts in bp to average predictions over.
      step: Keeps every `step`-th bin for ranks and saved values.
      save: Whether to write `preds.h5` and `targets.h5`.
      bedgraph: Tracks, by position, that are written as bedGraph files.
      examples: Whether to note windows for a report.
      batch_size: Windows a batch; the data's own, or 1, if not given.
      watch: Called with the measured and predicted values of each batch; needs `step` 1.
    """

    loss: Any = None
    rank: bool = False
    rc: bool = False
    shifts: Sequence[int] = (0,)
    step: int = 1
    save: bool = False
    bedgraph: Sequence[int] = field(default=())
    examples: bool = False
    batch_size: int | None = None
    watch: Sink | None = None

    def __post_init__(self) -> None:
        if self.watch is not None and self.step != 1:
            raise ValueError(
                f"genes need every bin: expected a step of 1, received {self.step}. Evaluate "
                "ranks by steps and genes one after the other"
            )


def assess(
    model: keras.Model | Sequence[keras.Model],
    data: Dataset,
    out_dir: str | Path,
    settings: AssessmentSettings,
) -> Assessment:
    """Evaluates a model and writes `acc.txt`, `acc_classes.txt`, `evaluation.json`, predictions.

    Args:
      model: Takes `(batch, length, 4)`, gives `(batch, bins, tracks)`; or replicates, whose
        averaged predictions are evaluated, and each of them besides (`acc_replicates.txt`).
      data: The windows; their strand pairs are used where strands are averaged.
      out_dir: The folder, made if it is missing.
      settings: How to evaluate.

    Raises:
      ValueError: The model's output does not have the shape of the data, or a track to be written
        does not exist.
      OSError: A file cannot be written.
    """
    folder = Path(out_dir)
    _check_tracks(settings.bedgraph, data)
    pairs = data.strand_pair if settings.rc else None
    strand_pair = None if pairs is None else pairs.tolist()
    how: dict[str, Any] = {"rc": settings.rc, "shifts": settings.shifts, "strand_pair": strand_pair}
    models = [model] if isinstance(model, keras.Model) else model
    averaging = Committee([ensemble(one, **how) for one in models])
    examples = Examples() if settings.examples else None
    with _made(folder), tempfile.TemporaryDirectory(prefix=".saved", dir=folder) as scratch:
        saved = folder if settings.save else Path(scratch)
        wanted = settings.save or bool(settings.bedgraph)
        writer = PredictionWriter(saved) if wanted else None
        with writer or nullcontext():
            accuracy = evaluate(
                averaging,
                data,
                loss=settings.loss,
                rank=settings.rank,
                step=settings.step,
                batch_size=settings.batch_size,
                sink=_all_of(writer, examples, settings.watch),
            )
        if settings.bedgraph:
            write_bedgraphs(
                saved,
                data.windows,
                settings.bedgraph,
                pool_width=data.pool_width or 1,
                step=settings.step,
                out_dir=folder / "bedgraph",
            )
    if (seen := seen_windows(models[0], data)) is not None:
        accuracy.attrs["training_windows"] = seen
    write_evaluation(accuracy, folder)
    return Assessment(accuracy, examples, averaging)


def seen_windows(model: keras.Model, data: Dataset) -> dict[str, Any] | None:
    """Says which windows a model was trained on before, as far as it knows what it was trained on.

    Args:
      model: The model.
      data: The windows.

    Returns:
      `seen` (name of the training -> windows that overlap with its own) and `sentences` for people;
      `None` for a model that says nothing.
    """
    exposures = read_exposures(model.spec, model.head) if isinstance(model, SequenceModel) else []
    if not exposures:
        return None
    count = ExposureCount(exposures)
    try:
        places = data.windows
    except DataError as error:
        known = f"Which windows lie in those of the model's training is not known: {error}"
        return {"seen": {}, "sentences": [known]}
    columns = [places["chrom"].to_numpy(str), *(places[c].to_numpy() for c in ("start", "end"))]
    count.add(*columns)
    return {"seen": count.seen, "sentences": count.sentences("windows")}


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    """Makes a folder; after an error a new one goes again if nothing is in it."""
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        if is_new and not any(folder.iterdir()):
            folder.rmdir()
        raise


def _check_tracks(tracks: Sequence[int], data: Dataset) -> None:
    for track in tracks:
        if not 0 <= track < data.num_targets:
            raise ValueError(
                f"there is no track {track} to write as bedGraph: expected 0 to "
                f"{data.num_targets - 1}"
            )


def _all_of(*sinks: Sink | None) -> Sink | None:
    there = [sink for sink in sinks if sink is not None]
    if not there:
        return None

    def tell(measured: np.ndarray, predicted: np.ndarray) -> None:
        for sink in there:
            sink(measured, predicted)

    return tell
