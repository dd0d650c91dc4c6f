"""Evaluating weights from files on what sets tracks apart from others of their group."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path

import pandas as pd

from whelp.fitting.evaluation_inputs import EvaluationFiles, open_evaluation
from whelp.models import ensemble
from whelp.specs import load_params
from whelp.training.evaluation import write_accuracy
from whelp.training.predictions import PredictionWriter
from whelp.training.specificity import SpecificitySettings, evaluate_specificity


def evaluate_specificity_files(
    files: EvaluationFiles,
    out_dir: str | Path,
    settings: SpecificitySettings,
    *,
    rc: bool = False,
    shifts: Sequence[int] = (0,),
    save: bool = False,
    progress: Callable[[int, int], object] | None = None,
) -> pd.DataFrame:
    """Evaluates weights on the windows of a data directory, and writes `acc.txt`.

    Args:
      files: What is evaluated on what.
      out_dir: Folder of the results, made if it is missing; temporary files lie in it.
      settings: How.
      rc: Whether to average predictions over both strands.
      shifts: Shifts in bp to average predictions over.
      save: Whether to write `preds.h5` and `targets.h5`.
      progress: Called with the number of windows that are done, and of all.

    Returns:
      One row a track; see `evaluate_specificity`.

    Raises:
      whelp.specs.SpecError: The parameters are wrong or do not fit the data.
      whelp.data.DataError: The data are wrong.
      whelp.weights.WeightsError: The weights cannot be read or do not fit.
      ValueError: There is no such group of tracks, or predictions are not finite.
    """
    opened = open_evaluation(load_params(files.params), files)
    pairs = opened.data.strand_pair if rc else None
    strand_pair = None if pairs is None else pairs.tolist()
    folder = Path(out_dir)
    folder.mkdir(parents=True, exist_ok=True)
    with PredictionWriter(folder) if save else nullcontext() as writer:
        table = evaluate_specificity(
            [
                ensemble(model, rc=rc, shifts=shifts, strand_pair=strand_pair)
                for model in opened.models
            ],
            opened.data,
            settings,
            scratch=folder,
            targets=opened.labels,
            sink=writer,
            progress=progress,
        )
    write_accuracy(table.drop(columns="group"), folder / "acc.txt")
    return table
