"""Training of a model, one loop for all cases: `keras.Model.fit`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack

import keras
import pandas as pd

from whelp.specs import TrainSpec
from whelp.stopping import StopRequest, Terminated, stop_requests
from whelp.training.averaging import ValidateAverages, inner_optimizer
from whelp.training.batches import (
    Data,
    RestOfEpoch,
    check_shapes,
    training_batches,
    validation_batches,
)
from whelp.training.callbacks import (
    EpochClock,
    KeepRecord,
    StopAtNaN,
    StopWhenAsked,
    is_over,
    tensorboard_logs,
)
from whelp.training.devices import check_layout, device_count, is_float16, scope_of
from whelp.training.errors import TrainingInterrupted
from whelp.training.heads import HeadsModel, head_outputs
from whelp.training.losses import make_loss
from whelp.training.metrics import R2, PearsonR, SeqAUC
from whelp.training.optimizers import make_optimizer
from whelp.training.run import BEST, LAST, LOG, Run, SaveHook, identity_of


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
    data given; a dropped half epoch is repeated). At SIGTERM, which batch systems send at the time
    limit, it ends after the running batch and leaves `checkpoint_begun.npz`: nothing is repeated.

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
        whelp.stopping.Terminated: on SIGTERM, if there is an out_dir.
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
    trained, metrics = _compiled(model, spec, len(batches), chosen["jit_compile"])
    run = Run(
        model,
        trained,
        out_dir=None if out_dir is None else Path(out_dir),
        save_best=chosen["save_best"],
        save_last=chosen["save_last"],
        identity=identity_of(spec, len(batches)),
        metrics=metrics,
    )
    if not (resume and run.resume()):
        run.begin()
    if run.begun.step:
        rest = RestOfEpoch(batches, run.begun.step)
        _fit(run, rest, held_out, spec=spec, options={**chosen, "epochs": run.epochs_done + 1})
        # `fit` has put averages into the places of weights.
        run.resume()
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
) -> tuple[keras.Model, list[keras.metrics.Metric]]:
    """Return the model to fit, compiled, its optimiser built; and all metrics of an epoch."""
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
    # The first of the model's is the loss; the others get variables of their own with a batch.
    each = [metrics] if isinstance(metrics, list) else metrics.values()
    return trained, [trained.metrics[0], *(metric for part in each for metric in part)]


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
    clock = EpochClock(batches, run.begun)
    callbacks = [
        clock,
        ValidateAverages(),
        *options["callbacks"],
        *tensorboard_logs(options["tensorboard_dir"]),
        StopAtNaN(run, clock),
        KeepRecord(run, clock, spec),
    ]
    try:
        with stop_requests() if run.out_dir is not None else nullcontext(StopRequest()) as request:
            run.trained.fit(
                batches,
                validation_data=held_out,
                initial_epoch=run.epochs_done,
                epochs=_last_epoch(spec, options),
                callbacks=[*callbacks, StopWhenAsked(run, clock, request)],
                verbose=_verbosity(options["verbose"]),
                shuffle=False,
            )
    except Terminated:
        raise
    except KeyboardInterrupt as error:
        raise TrainingInterrupted(
            f"interrupted in epoch {clock.epoch} after step {clock.step}. {run.describe_last()}"
        ) from error


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
