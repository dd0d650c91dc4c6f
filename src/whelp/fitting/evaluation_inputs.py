"""What is evaluated on what: weights from files, and held-out windows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import keras
import pandas as pd

from whelp.adapters import load_adapter
from whelp.data import DataError, Dataset, open_dataset, read_targets
from whelp.fitting.base import read_weights
from whelp.fitting.inputs import check_head
from whelp.loading import load
from whelp.models import TRUNK, SequenceModel, view
from whelp.specs import ModelSpec, Params, placed
from whelp.training.devices import set_tf32


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
      replicates: Adapter files of more replicates on the same base if there is an adapter, else
        their weights.
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
    replicates: Sequence[str | Path] = ()

    def each(self) -> list[EvaluationFiles]:
        """Gives the files of every replicate by itself."""
        alone = replace(self, replicates=())
        others = [
            replace(alone, weights=path) if self.adapter is None else replace(alone, adapter=path)
            for path in self.replicates
        ]
        return [alone, *others]


class OpenedEvaluation(NamedTuple):
    """Models and the windows that they are evaluated on.

    Attributes:
      models: The model, or its replicates; they predict the tracks of `data`.
      spec: What its parameter file, or its adapter's, says of it.
      data: The windows.
      labels: Other names of the tracks, or `None`.
    """

    models: Sequence[keras.Model]
    spec: ModelSpec
    data: Dataset
    labels: pd.DataFrame | None

    @property
    def model(self) -> keras.Model:
        """The model, or the first replicate."""
        return self.models[0]


def open_evaluation(params: Params, files: EvaluationFiles) -> OpenedEvaluation:
    """Opens windows and loads the weights that are evaluated on them, with IEEE float32.

    Args:
      params: What `files.params` holds.
      files: What is evaluated on what.

    Raises:
      whelp.specs.SpecError: The parameters do not fit the data.
      whelp.data.DataError: The data are wrong.
      whelp.weights.WeightsError: The weights cannot be read or do not fit.
      whelp.adapters.AdapterError: The adapter cannot be read or belongs to another base.
    """
    data = open_dataset(files.data_dir, files.split, pattern=files.pattern, memory_budget=0)
    labels, tracks = _chosen(files, data)
    set_tf32(False)
    with placed(file=files.params):
        whole = [_model(params, one, data) for one in files.each()]
    spec = whole[0].spec
    if tracks is None:
        return OpenedEvaluation(whole, spec, data, labels)
    data = open_dataset(
        files.data_dir,
        files.split,
        pattern=files.pattern,
        targets_file=files.targets_file,
        memory_budget=0,
    )
    return OpenedEvaluation([view(one, tracks=tracks) for one in whole], spec, data, None)


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
