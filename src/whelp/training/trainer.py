"""Training of a model, one loop for all cases: `keras.Model.fit`."""

from __future__ import annotations

import importlib.util
import logging
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack

import keras
import pandas as pd

from whelp.specs import TrainSpec
from whelp.training.averaging import ValidateAverages, inner_optimizer
from whelp.training.batches import Data, check_shapes, training_batches, validation_batches
from whelp.training.callbacks import EpochClock, KeepRecord, StopAtNaN, is_over
from whelp.training.devices import check_layout, device_count, is_float16, scope_of
from whelp.training.errors import TrainingInterrupted
from whelp.training.heads import HeadsModel, head_outputs
from whelp.training.losses import make_loss
from whelp.training.metrics import R2, PearsonR, SeqAUC
from whelp.training.optimizers import make_optimizer
from whelp.training.run import BEST, LAST, LOG, Run, SaveHook, identity_of

_logger = logging.getLogger(__name__)


class TrainOptions(TypedDict, total=False):
    """Keyword arguments of `train` that change nothing about the result.

    Attributes:
        epochs: number of epochs at most, in place of the spec's train_epochs_max.
        verbose: what Keras shows: 0 nothing, 1 a progress bar, 2 a line an epoch; "auto" is a bar
            on a terminal or in a notebook, else lines.
        callbacks: Keras callbacks to run beside whelp's own, before them.
        save_best: `save_best(model, out_dir)` is called after each epoch that is the best so far,
            with the weights to keep in the model.
        save_last: the same after every epoch.
        restore_best: leave the best epoch's weights in the model at the end. Needs out_dir.
        tensorboard_dir: folder of TensorBoard logs, written if TensorFlow and TensorBoard are
            installed.
        jit_compile: compile the training step with XLA: True, False, or "auto" as Keras sees fit.
    """

    epochs: int | None
    verbose: int | Literal["auto"]
    callbacks: Sequence[keras.callbacks.Callback]
    save_best: SaveHook | None
    save_last: SaveHook | None
    restore_best: bool
    tensorboard_dir: str | Path | None
    jit_compile: bool | Literal["auto"]


@dataclass(frozen=True)
class TrainingResult:
    """What came of a training.

    Attributes:
        history: a row an epoch: epoch (from 1), seconds, learning_rate, loss, metrics, and the same
            of validation after val_.
        best_epoch: number of the best epoch; the last one without validation; 0 if none was
            finished.
        best_score: its val_pearsonr + val_r2 / 4; None without validation.
        stopped_by: "patience", or "epochs" if their number was reached.
        log: the history as CSV.
        best_checkpoint: weights of the best epoch.
        last_checkpoint: all that is needed to go on from the last epoch.
    """

    history: pd.DataFrame
    best_epoch: int
    best_score: float | None
    stopped_by: Literal["patience", "epochs"]
    log: Path | None = None
    best_checkpoint: Path | None = None
    last_checkpoint: Path | None = None


def train(
    model: keras.Model,
    data: Data,
    spec: TrainSpec | Mapping[str, Any],
    *,
    validation: Data | None = None,
    out_dir: str | Path | None = None,
    resume: bool = False,
    **options: Unpack[TrainOptions],
) -> TrainingResult:
    """Train a model in place.

    The best epoch is the one with the highest `val_pearsonr + val_r2 / 4`, means over tracks.
    Training ends after `train_epochs_max` epochs, or when at least `train_epochs_min` are done and
    more than `patience` have passed since the best one. Everything random follows from `spec.seed`.

    A model with several heads (its output a dict) takes targets and sample weights as dicts over
    the heads, as `whelp.data.interleave` gives them; a head without examples in a batch stays as it
    is.

    With `out_dir` each epoch ends with files there: `log.csv`, `checkpoint_last.npz` and, after an
    epoch better than all before, `checkpoint_best.npz`. Killed at any moment, a training called
    again with `resume=True` reaches the numbers of one that was not (the same backend, machine and
    data given; a dropped half epoch is repeated).

    Args:
        model: a built model whose inputs and outputs fit the data; compiled here, and trained in
            place. On several devices it must be built, and trained, inside `use_devices`.
        data: a `whelp.Dataset` or other PyDataset, or arrays (x, y[, sample_weight]).
        spec: a training spec, or the section "train" of a parameter file.
        validation: data to choose the best epoch by, of the same kinds.
        out_dir: folder for log and checkpoints, made if it is missing. None writes nothing.
        resume: go on from the last checkpoint in `out_dir`; begin if there is none.
        **options: see `TrainOptions`.

    Returns:
        History, best epoch and files. The model holds the last weights (averaged ones, if the spec
        asks for averages), or with `restore_best` the best.

    Raises:
        NotFiniteError: if the loss becomes NaN or infinite; the last good checkpoint stays.
        CheckpointError: if a checkpoint cannot be written, or resumed from.
        TrainingError: if the devices cannot do what the spec asks for, or the data have not as many
            bins or tracks as the model.
        TrainingInterrupted: on Ctrl-C.
        TypeError: for an unknown option or kind of data.
    """
    chosen = _with_defaults(options)
    spec = TrainSpec.parse(spec)
    check_layout(model, spec, jit_compile=chosen["jit_compile"])
    for windows in (data, validation):
        check_shapes(model, windows)
    keras.utils.set_random_seed(spec.seed)
    devices = device_count(model)
    batches = training_batches(data, spec, model, devices)
    held_out = None if validation is None else validation_batches(validation, spec, devices)
    _own_arrays(model)
    trained = _compiled(model, spec, len(batches), chosen["jit_compile"])
    run = Run(
        model,
        trained,
        out_dir=None if out_dir is None else Path(out_dir),
        save_best=chosen["save_best"],
        save_last=chosen["save_last"],
        identity=identity_of(spec, len(batches)),
    )
    if not (resume and run.resume()):
        run.begin()
    if run.epochs_done < _last_epoch(spec, chosen) and not is_over(run, spec):
        _fit(run, batches, held_out, spec=spec, options=chosen)
    else:
        trained.optimizer.finalize_variable_values(trained.trainable_variables)
    if chosen["restore_best"]:
        run.restore_best()
    return _result(run, spec)


def _with_defaults(options: TrainOptions) -> dict[str, Any]:
    defaults: dict[str, Any] = {
        "epochs": None,
        "verbose": "auto",
        "callbacks": (),
        "save_best": None,
        "save_last": None,
        "restore_best": False,
        "tensorboard_dir": None,
        "jit_compile": "auto",
    }
    if unknown := sorted(set(options) - set(defaults)):
        raise TypeError(f"unknown option {unknown[0]!r} of train: expected {', '.join(defaults)}")
    return defaults | options


def _last_epoch(spec: TrainSpec, options: Mapping[str, Any]) -> int:
    return spec.train_epochs_max if options["epochs"] is None else int(options["epochs"])


def _own_arrays(model: keras.Model) -> None:
    """Give a model its own arrays: on JAX `assign` shares them, and training destroys the old."""
    if keras.backend.backend() == "jax":
        for variable in model.variables:
            variable.assign(keras.ops.copy(keras.ops.convert_to_tensor(variable)))


def _compiled(
    model: keras.Model, spec: TrainSpec, steps: int, jit_compile: bool | str
) -> keras.Model:
    """Return the model to fit, compiled, its optimiser built."""
    with scope_of(model):
        loss = make_loss(spec)
        optimizer = make_optimizer(spec, steps, mixed_precision=is_float16(model))
        trained = model
        outputs = head_outputs(model)
        if outputs is None:
            metrics: Any = _metrics(model.outputs[0], spec)
        else:
            trained = HeadsModel(model, loss)
            heads = trained.parts.heads.values()
            inner_optimizer(optimizer).leave_when_idle([v for group in heads for v in group])
            metrics = {name: _metrics(output, spec) for name, output in outputs.items()}
        optimizer.build(trained.trainable_variables)
        trained.compile(
            optimizer,
            None if trained is not model else loss,
            weighted_metrics=metrics,
            jit_compile=jit_compile,
            auto_scale_loss=False,
        )
    return trained


def _metrics(output: Any, spec: TrainSpec) -> list[keras.metrics.Metric]:
    tracks = output.shape[-1]
    curves = ("ROC", "PR") if spec.loss == "bce" else ()
    return [PearsonR(tracks), R2(tracks), *(SeqAUC(tracks, curve=curve) for curve in curves)]


def _fit(
    run: Run,
    batches: keras.utils.PyDataset,
    held_out: keras.utils.PyDataset | None,
    *,
    spec: TrainSpec,
    options: Mapping[str, Any],
) -> None:
    clock = EpochClock(batches)
    callbacks = [
        clock,
        ValidateAverages(),
        *options["callbacks"],
        *_tensorboard(options["tensorboard_dir"]),
        StopAtNaN(run, clock),
        KeepRecord(run, clock, spec),
    ]
    try:
        run.trained.fit(
            batches,
            validation_data=held_out,
            initial_epoch=run.epochs_done,
            epochs=_last_epoch(spec, options),
            callbacks=callbacks,
            verbose=_verbosity(options["verbose"]),
            shuffle=False,
        )
    except KeyboardInterrupt as error:
        raise TrainingInterrupted(
            f"interrupted in epoch {clock.epoch} after step {clock.step}. {run.describe_last()}"
        ) from error


def _tensorboard(folder: str | Path | None) -> list[keras.callbacks.Callback]:
    if folder is None:
        return []
    missing = [name for name in ("tensorflow", "tensorboard") if not _is_installed(name)]
    if missing:
        _logger.info("no TensorBoard log: %s is not installed", " and ".join(missing))
        return []
    return [keras.callbacks.TensorBoard(str(folder), write_graph=False)]


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ImportError:
        return False


def _verbosity(verbose: int | str) -> int:
    if verbose != "auto":
        return int(verbose)
    return 1 if sys.stdout.isatty() or "ipykernel" in sys.modules else 2


def _result(run: Run, spec: TrainSpec) -> TrainingResult:
    return TrainingResult(
        history=pd.DataFrame(run.history),
        best_epoch=run.selection.best_epoch,
        best_score=run.selection.best_score,
        stopped_by="patience" if is_over(run, spec) else "epochs",
        log=run.path(LOG),
        best_checkpoint=run.path(BEST),
        last_checkpoint=run.path(LAST),
    )
