"""The data of a run, opened and checked against the parameters before anything is built."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras

from whelp.data import DataError, Dataset, interleave, open_dataset
from whelp.data.directory import read_statistics
from whelp.data.opening import MEMORY_BUDGET
from whelp.models import ALL_HEADS, SequenceModel
from whelp.specs import ModelSpec, Params, SpecError, Transform

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Genome:
    """One data directory and the head that learns from it.

    Attributes:
      folder: The data directory.
      head: Name of the head.
      train: Training windows, with the parameter file's augmentation.
      valid: Validation windows.
      test: Test windows; `None` if the directory has none.
      transform: How the targets were squashed; `None` if the directory does not say.
    """

    folder: Path
    head: str
    train: Dataset
    valid: Dataset
    test: Dataset | None
    transform: Transform | None = None


def open_genomes(
    params: Params,
    data_dirs: Sequence[str | Path],
    *,
    head: int | str = 0,
    train_pattern: str | None = None,
    valid_pattern: str | None = None,
    test: bool = True,
) -> list[Genome]:
    """Opens all data directories and checks that heads, lengths and strands fit.

    Args:
      params: The parameters.
      data_dirs: Data directories; several belong to the first heads of the file, in their order.
      head: The head of a single data directory.
      train_pattern: Pattern of record files, in place of `train-*.tfr`.
      valid_pattern: Pattern of record files, in place of `valid-*.tfr`.
      test: Whether to open the test windows, too.

    Raises:
      DataError: A directory is incomplete or contradicts itself, or its lengths are not the
        model's.
      SpecError: A head has not as many units as its data have tracks, or there are too few heads.
    """
    spec = params.model
    if not data_dirs:
        raise DataError("there is no data directory: give at least one")
    if len(data_dirs) == 1:
        heads = [spec.head_name(head)]
    elif len(data_dirs) <= len(spec.heads):
        heads = list(spec.heads)[: len(data_dirs)]
    else:
        raise SpecError(
            f"a head for each of the {len(data_dirs)} data directories",
            path="model",
            value=list(spec.heads),
            problem=f"there are {len(spec.heads)} heads",
        )
    patterns = {"train": train_pattern, "valid": valid_pattern}
    return [
        _open(Path(folder), spec, name, patterns=patterns, test=test)
        for folder, name in zip(data_dirs, heads, strict=True)
    ]


def _open(
    folder: Path, spec: ModelSpec, head: str, *, patterns: dict[str, str | None], test: bool
) -> Genome:
    opened = {split: open_dataset(folder, split, pattern=patterns[split]) for split in patterns}
    train = opened["train"]
    check_head(spec, head, train)
    if train.seq_length != spec.seq_length:
        raise DataError(
            f"{folder}: the sequences have {train.seq_length:,} bp, the model takes "
            f"{spec.seq_length:,} bp. Set model.seq_length, or make the data anew"
        )
    # Opened again with the augmentation, so that broken strand pairs show now.
    augmented = train.with_defaults(
        augment_rc=spec.augment_rc,
        augment_shift=spec.augment_shift,
        diagonal_offset=_diagonal_offset(spec, head),
    )
    tested = _test_windows(folder) if test else None
    transform = read_statistics(folder).transform
    return Genome(folder, head, augmented, opened["valid"], tested, transform)


def check_head(spec: ModelSpec, head: str, data: Dataset) -> None:
    """Refuses a head whose units are not the tracks of its data.

    Raises:
      SpecError: They are not; the message says where to change which number.
    """
    units = spec.head_units(head)
    if units is not None and units != data.num_targets:
        raise SpecError(
            f"{data.num_targets}, the number of tracks in {data.name}",
            path=f"model.{head}.units",
            value=units,
        )


def check_lengths(model: SequenceModel, genomes: Sequence[Genome]) -> None:
    """Refuses data whose bins are not those of the model's output.

    Raises:
      DataError: Number or width of bins, or the number of tracks, differ.
    """
    outputs = model.output if isinstance(model.output, dict) else {model.head: model.output}
    for genome in genomes:
        data, shape = genome.train, tuple(outputs[genome.head].shape[1:])
        if len(shape) == 2 and shape != (data.target_length, data.num_targets):
            raise DataError(
                f"{genome.folder}: the targets have {data.target_length:,} bins x "
                f"{data.num_targets} tracks, the head {genome.head} gives {shape[0]:,} x "
                f"{shape[1]}. Change the cropping or the pooling of the model, or the head's units"
            )
        wide = None if model.upper_triangle else data.pool_width
        if wide not in (None, model.stride):
            raise DataError(
                f"{genome.folder}: a bin of the targets has {wide} bp, one of the model "
                f"{model.stride} bp. Change the pooling of the model, or make the data anew"
            )


def training_data(genomes: Sequence[Genome], split: str) -> keras.utils.PyDataset:
    """Returns what is trained or validated on: one data set, or several taking turns."""
    datasets = {genome.head: getattr(genome, split) for genome in genomes}
    return next(iter(datasets.values())) if len(datasets) == 1 else interleave(datasets)


def model_head(genomes: Sequence[Genome]) -> str:
    """Returns the head argument of the model: the one head's name, or all."""
    return genomes[0].head if len(genomes) == 1 else ALL_HEADS


def with_data_transform(params: Params, genomes: Sequence[Genome]) -> Params:
    """Returns the parameters with the transform of the data: it is what the heads will have learnt.

    Where no directory says which it is, as Baskerville's do not, that of the parameters stays.

    Raises:
      DataError: The directories differ, and one model can carry one transform only.
    """
    folders = {genome.transform: genome.folder for genome in genomes if genome.transform}
    if len(folders) > 1:
        raise DataError(
            f"{folders['old']}: the targets are squashed in the old way, those of "
            f"{folders['new']} in the new way, and a model says one way for all of its heads. Make "
            "one of them anew, or train them one after the other"
        )
    for transform, folder in folders.items():
        given = params.model.target_transform
        if given is not None and given != transform:
            _logger.warning(
                "The parameters say that targets are squashed in the %s way; those of %s are in "
                "the %s way, and that is what is written beside the trained model",
                given,
                folder,
                transform,
            )
        return params.with_transform(transform)
    return params


def trained_spec(spec: ModelSpec, genomes: Sequence[Genome]) -> ModelSpec:
    """Returns the spec without the heads that several genomes leave over."""
    heads = [genome.head for genome in genomes]
    spare = [name for name in spec.heads if name not in heads]
    if len(genomes) == 1 or not spare:
        return spec
    given = {key: value for key, value in spec.given().items() if key not in spare}
    if "strand_pair" in given:
        given["strand_pair"] = given["strand_pair"][: len(heads)]
    return ModelSpec.parse(given, path=["model"])


def _diagonal_offset(spec: ModelSpec, head: str) -> int | None:
    blocks = [*spec.trunk_blocks(), *spec.head_blocks(head)]
    is_triangle = any(block.name == "upper_tri" for block in blocks)
    return spec.diagonal_offset if is_triangle else None


def _test_windows(folder: Path) -> Dataset | None:
    """Opens the test windows, which stay in their files until they are evaluated.

    Unless they are many, all are read once now: damage is better found before the training.
    """
    if not any((folder / "tfrecords").glob("test-*.tfr")):
        _logger.warning("%s: no file matches 'test-*.tfr', so nothing will be evaluated", folder)
        return None
    data = open_dataset(folder, "test", memory_budget=0)
    if data.window_bytes * data.num_seqs <= MEMORY_BUDGET:
        data.check()
    return data
