"""Evaluating weights from files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import pandas as pd

from whelp.adapters import load_adapter
from whelp.data import DataError, Dataset, open_dataset, read_targets
from whelp.fitting.assessment import Assessment, AssessmentSettings, assess
from whelp.fitting.base import read_weights
from whelp.fitting.inputs import check_head
from whelp.fitting.summary import shown_examples
from whelp.loading import load
from whelp.models import TRUNK, SequenceModel, view
from whelp.report import RunSummary, training_report
from whelp.specs import Params, load_params, placed
from whelp.training.devices import set_tf32
from whelp.training.evaluation import write_evaluation
from whelp.training.losses import make_loss


@dataclass(frozen=True)
class EvaluationFiles:
    """What is evaluated on what.

    Attributes:
      params: Path of the JSON file, or its contents.
      weights: `.h5` or `.keras` of the model; with an adapter, of its base.
      data_dir: Data directory.
      adapter: Adapter file of `whelp.save_adapter`; its head takes the place of the base's.
      head: Index or name of the head.
      split: Split of the windows.
      pattern: Pattern of record files in `tfrecords/`, in place of the split's.
      targets_file: Targets table: with a row for each track of the data, other names for them;
        with fewer, the tracks to evaluate.
      precision: Name of a dtype policy.
    """

    params: str | Path | Mapping[str, Any]
    weights: str | Path
    data_dir: str | Path
    adapter: str | Path | None = None
    head: int | str = 0
    split: str = "test"
    pattern: str | None = None
    targets_file: str | Path | None = None
    precision: str = "float32"


def evaluate_files(
    files: EvaluationFiles, out_dir: str | Path, settings: AssessmentSettings
) -> tuple[Assessment, Dataset]:
    """Evaluates weights on the windows of a data directory, and writes what came of it.

    The loss is that of the section train, with all of its settings, if there is one.

    Args:
      files: What is evaluated on what.
      out_dir: Folder of the results, made if it is missing.
      settings: How to evaluate; see `assess` for what is written.

    Returns:
      The accuracy, and the windows.

    Raises:
      whelp.specs.SpecError: The parameters are wrong or do not fit the data.
      whelp.data.DataError: The data are wrong.
      whelp.weights.WeightsError: The weights cannot be read or do not fit.
      whelp.adapters.AdapterError: The adapter cannot be read or belongs to another base.
    """
    params = load_params(files.params)
    data = open_dataset(files.data_dir, files.split, pattern=files.pattern, memory_budget=0)
    labels, tracks = _chosen(files, data)
    set_tf32(False)
    with placed(file=files.params):
        model: keras.Model = _model(params, files, data)
    if tracks is not None:
        model = view(model, tracks=tracks)
        data = open_dataset(
            files.data_dir,
            files.split,
            pattern=files.pattern,
            targets_file=files.targets_file,
            memory_budget=0,
        )
    if params.train is not None and settings.loss is None:
        settings = replace(settings, loss=make_loss(params.train))
    assessed = assess(model, data, out_dir, settings)
    if labels is not None:
        named = labels.reindex(columns=["identifier", "description"]).fillna("")
        assessed.accuracy["index"] = labels.index.to_numpy()
        for name in named:
            assessed.accuracy[name] = named[name].to_numpy()
        write_evaluation(assessed.accuracy, out_dir)
    return assessed, data


def _chosen(files: EvaluationFiles, data: Dataset) -> tuple[pd.DataFrame | None, list[int] | None]:
    """Reads the targets file: other labels for all tracks, or the tracks that it takes."""
    if files.targets_file is None:
        return None, None
    table = read_targets(files.targets_file)
    if len(table) == data.num_targets:
        return table, None
    tracks = [int(index) for index in table.index]
    if outside := [track for track in tracks if not 0 <= track < data.num_targets]:
        raise DataError(
            f"{files.targets_file}: track number {outside[0]} is not in {data.name}, which has "
            f"tracks 0 to {data.num_targets - 1}"
        )
    return None, tracks


def _model(params: Params, files: EvaluationFiles, data: Dataset) -> SequenceModel:
    if files.adapter is not None:
        base = load(params.to_dict(), head=TRUNK, dtype=files.precision)
        read_weights(base, files.weights, trunk=True)
        model = load_adapter(base, files.adapter)
        with placed(file=files.adapter):
            check_head(model.spec, model.head, data)
        return model
    head = params.model.head_name(files.head)
    check_head(params.model, head, data)
    if data.seq_length != params.model.seq_length:
        raise DataError(
            f"{data.name}: the sequences have {data.seq_length:,} bp, the model takes "
            f"{params.model.seq_length:,} bp"
        )
    if Path(files.weights).suffix == ".keras":
        model = load(params.to_dict(), head=head, dtype=files.precision)
        read_weights(model, files.weights, trunk=False)
        return model
    # The section transfer tells which adapters the reference left in the file.
    return load(params.to_dict(), files.weights, head=head, trunk=False, dtype=files.precision)


def write_evaluation_report(
    assessment: Assessment, data: Dataset, files: EvaluationFiles, out_dir: str | Path
) -> Path:
    """Writes `report.html` of an evaluation.

    Args:
      assessment: What `evaluate_files` gave.
      data: The windows.
      files: What was evaluated on what.
      out_dir: The folder.

    Returns:
      The report's path.
    """
    examples, scatter = shown_examples(assessment, data)
    facts = {
        "parameters": "given as a mapping" if isinstance(files.params, Mapping) else files.params,
        "weights": files.weights,
        "adapter": files.adapter,
        "data": files.data_dir,
        "windows": f"{data.num_seqs} of {files.pattern or files.split}",
    }
    summary = RunSummary(
        name=Path(files.weights).stem,
        facts={name: str(value) for name, value in facts.items() if value is not None},
        accuracy=assessment.accuracy,
        split=files.split,
        examples=examples,
        scatter=scatter,
    )
    return training_report(
        summary,
        Path(out_dir) / "report.html",
        title=f"{files.weights} on {files.split} windows",
        subtitle=f"{data.num_targets} tracks, {data.num_seqs} windows",
    )
