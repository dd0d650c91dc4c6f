"""From parameter file, weights and data to a trained, evaluated and written model."""

from __future__ import annotations

import gc
import platform
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Unpack

import keras

import whelp
from whelp.data import DataError, Dataset
from whelp.fitting.assessment import Assessment, AssessmentSettings, assess
from whelp.fitting.base import read_weights
from whelp.fitting.epochs import EpochWatch
from whelp.fitting.exports import WeightFiles
from whelp.fitting.folder import (
    check_folder,
    clear_folder,
    read_run,
    write_adapter_keys,
    write_params,
    write_run,
)
from whelp.fitting.inputs import check_lengths, model_head, training_data
from whelp.fitting.job import Job, adapter_keys, make_job
from whelp.fitting.options import RunOptions, run_settings
from whelp.fitting.resources import peak_memory
from whelp.fitting.summary import TransferRun, run_record, write_reports
from whelp.inspection import model_facts
from whelp.loading import adapt, load
from whelp.models import SequenceModel, copy_tensors
from whelp.specs import TransferSpec, placed
from whelp.training.devices import set_tf32, use_devices
from whelp.training.losses import make_loss
from whelp.training.trainer import TrainingResult, train

HEAD_FIRST = "head_first"
"""Folder of the epochs in which the head is trained alone."""


def transfer(
    params: str | Path | Mapping[str, Any],
    data_dirs: str | Path | Sequence[str | Path],
    out_dir: str | Path,
    **options: Unpack[RunOptions],
) -> TransferRun:
    """Adapts a pretrained model to new tracks, as the sections of a `params.json` say.

    All input that memory holds is read and checked before the folder is touched; larger data are
    checked as they are read. After each epoch the folder holds
    whole files: `log.csv`, checkpoints, `adapter.safetensors`, and weights that Baskerville loads
    with the `params.json` beside them: `model_best.h5` (adapters folded in where they fold),
    `model_check.h5` of the last epoch, and `model_best.mergeW.h5` where there was something to fold
    (the same weights as `model_best.h5`). With several data directories, one for each head, the
    files are `model0_best.h5` and so on. At the end come `test/` and `report.html`.

    Args:
      params: Path of the JSON file, or its contents; with the sections model, train and transfer.
      data_dirs: One data directory, or several for the first heads of the file.
      out_dir: Folder of the results, made if it is missing.
      **options: Weights, precision, resuming; see `RunSettings`.

    Returns:
      The trained model and its numbers.

    Raises:
      whelp.specs.SpecError: The parameters are wrong; the message says where.
      whelp.data.DataError: The data are wrong.
      whelp.weights.WeightsError: The weights cannot be read or do not fit.
      whelp.fitting.OutputFolderError: The folder holds an earlier run.
      whelp.training.errors.TrainingError: Training could not begin or go on.
      ValueError: The transfer method finds nothing to adapt.
      OSError: A file cannot be read or written.
    """
    settings = run_settings(options)
    return _run(make_job(params, data_dirs, out_dir, settings, transferring=True))


def train_from_files(
    params: str | Path | Mapping[str, Any],
    data_dirs: str | Path | Sequence[str | Path],
    out_dir: str | Path,
    **options: Unpack[RunOptions],
) -> TransferRun:
    """Trains a whole model, from random weights or from given ones.

    Arguments, files and errors are those of `transfer`; the section transfer is not read.
    """
    settings = run_settings(options)
    return _run(make_job(params, data_dirs, out_dir, settings, transferring=False))


def _run(job: Job) -> TransferRun:
    settings = job.settings
    check_folder(job.out_dir, settings.existing, job.identity())
    set_tf32(settings.tf32)
    keras.utils.set_random_seed(job.train.seed)
    with use_devices(job.devices):
        base = _base_model(job)
        model = base if job.transfer is None else adapt(base, job.transfer)
        _open_folder(job, model)
        run = TransferRun(job.name, job.out_dir, model, model_facts(model))
        if settings.skip_train:
            return run
        files = WeightFiles(model)
        head_first = None
        if job.train.adapter_after and model is not base:
            head_first = _train_head(job, base, model)
        # The adapted model has copies of the weights: their memory is better used by the training.
        del base
        gc.collect()
        training = _train(job, model, files)
        memory = peak_memory()
        assessed = _assess(job, files) if settings.evaluate else {}
    run = replace(
        run,
        training=training,
        head_first=head_first,
        peak_memory=memory,
        accuracy={head: assessment.accuracy for head, (assessment, _) in assessed.items()},
    )
    _write_results(job, run, assessed)
    return run


def _base_model(job: Job) -> SequenceModel:
    """Builds the model, checks it against the data, and reads the pretrained weights."""
    settings = job.settings
    with placed(file=job.source):
        model = load(
            {"model": job.model.given()}, head=model_head(job.genomes), dtype=settings.precision
        )
    check_lengths(model, job.genomes)
    if settings.weights is not None:
        read_weights(model, settings.weights, trunk=settings.trunk)
    return model


def _open_folder(job: Job, model: SequenceModel) -> None:
    """Makes the folder ready: from here on it is changed."""
    job.out_dir.mkdir(parents=True, exist_ok=True)
    if job.settings.existing == "replace":
        clear_folder(job.out_dir)
    job.lineage.write(job.out_dir)
    write_params(job.params, job.source, job.out_dir)
    if job.settings.skip_train:
        return
    adapters = [type(site.adapter).__name__ for site in model.sites.values()]
    keys = adapter_keys(job.transfer, adapters.count("SqueezeExciteAdapter"))
    if keys:
        write_adapter_keys(job.params, keys, job.out_dir)
    write_run(job.out_dir, {**_beginning(job), "status": "training"})


def _train(job: Job, model: SequenceModel, files: WeightFiles) -> TrainingResult:
    """Trains, and writes weights after each epoch."""
    watch = EpochWatch(job.settings.on_epoch)

    def save_best(_: keras.Model, folder: Path) -> None:
        watch.mark_best()
        files.write_best(folder)

    def save_last(_: keras.Model, folder: Path) -> None:
        files.write_check(folder)
        watch.announce()

    training = train(
        model,
        training_data(job.genomes, "train"),
        job.train,
        validation=training_data(job.genomes, "valid"),
        out_dir=job.out_dir,
        resume=job.settings.existing == "resume",
        callbacks=[*job.settings.callbacks, watch],
        save_best=save_best,
        save_last=save_last,
        restore_best=True,
        tensorboard_dir=job.settings.tensorboard_dir,
        verbose=0,
    )
    if not all((job.out_dir / files.file_name("best", head)).exists() for head in files.heads):
        files.write_best(job.out_dir)
    return training


def _train_head(job: Job, base: SequenceModel, model: SequenceModel) -> TrainingResult:
    """Trains the head on the frozen trunk of the base, and puts it into the adapted model."""
    linear = adapt(base, {"mode": "linear"})
    epochs = job.train.adapter_after
    spec = job.train.model_copy(update={"train_epochs_max": epochs, "train_epochs_min": epochs})
    watch = EpochWatch(job.settings.on_epoch, phase="head")
    training = train(
        linear,
        training_data(job.genomes, "train"),
        spec,
        validation=training_data(job.genomes, "valid"),
        out_dir=job.out_dir / HEAD_FIRST,
        resume=job.settings.existing == "resume",
        callbacks=[*job.settings.callbacks, watch],
        save_best=lambda _, __: watch.mark_best(),
        save_last=lambda _, __: watch.announce(),
        restore_best=True,
        verbose=0,
    )
    for head in model.spec.heads:
        copy_tensors(linear, model, part=head)
    return training


def _assess(job: Job, files: WeightFiles) -> dict[str, tuple[Assessment, Dataset]]:
    """Evaluates every head that has test windows."""
    settings = AssessmentSettings(
        loss=make_loss(job.train),
        examples=job.settings.report,
        batch_size=job.devices if job.devices > 1 else None,
        **job.settings.assessment,
    )
    assessed = {}
    for genome in job.genomes:
        if genome.test is None:
            continue
        name = "test" if len(job.genomes) == 1 else f"test_{genome.head}"
        try:
            result = assess(files.single(genome.head), genome.test, job.out_dir / name, settings)
        except DataError as error:
            raise DataError(
                f"{error}. The training is finished and its files are whole: repair the test "
                "windows and resume, or evaluate model_best.h5 later"
            ) from error
        assessed[genome.head] = (result, genome.test)
    return assessed


def _write_results(
    job: Job, run: TransferRun, assessed: Mapping[str, tuple[Assessment, Dataset]]
) -> None:
    if job.settings.report:
        write_reports(run, assessed, _facts(job))
    begun = read_run(job.out_dir) or _beginning(job)
    finished = {"status": "finished", "finished": _now(), **run_record(run)}
    write_run(job.out_dir, {**begun, **finished})


def _beginning(job: Job) -> dict[str, Any]:
    weights = job.settings.weights
    return {
        "whelp": whelp.__version__,
        "keras": keras.__version__,
        "backend": keras.backend.backend(),
        "command": job.settings.command,
        "started": _now(),
        "weights": None if weights is None else str(weights),
        "data": {genome.head: str(genome.folder) for genome in job.genomes},
        "identity": job.identity(),
    }


def _facts(job: Job) -> dict[str, str]:
    """How the run was made, for the report."""
    settings = job.settings
    weights = settings.weights
    facts = {
        "command": settings.command,
        "parameters": str(job.source or "given as a mapping"),
        "weights": "none: random ones" if weights is None else str(weights),
        "method": _method(job.transfer),
        "data": ", ".join(str(genome.folder) for genome in job.genomes),
        "windows": ", ".join(
            f"{g.head}: {g.train.num_seqs} training, {g.valid.num_seqs} validation"
            for g in job.genomes
        ),
        "training": f"batch {job.train.batch_size}, {job.train.optimizer}, {job.train.loss}, "
        f"learning rate {job.train.learning_rate:g}, seed {job.train.seed}",
        "precision": settings.precision,
        "software": f"whelp {whelp.__version__}, Keras {keras.__version__} on "
        f"{keras.backend.backend()}, Python {platform.python_version()}",
        **settings.remarks,
    }
    return {name: text for name, text in facts.items() if text}


def _method(transfer: TransferSpec | None) -> str:
    if transfer is None:
        return "all parameters trained"
    return ", ".join(f"{key} {value}" for key, value in transfer.given().items())


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")
