"""The record of a training: what has happened so far, and the files that say so."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from whelp.files import atomic_path, remove_partial
from whelp.training.averaging import averaged_weights
from whelp.training.checkpoints import (
    load_checkpoint,
    model_variables,
    read_record,
    save_checkpoint,
    writing,
)
from whelp.training.errors import CheckpointError
from whelp.training.selection import Selection

if TYPE_CHECKING:
    from whelp.specs import TrainSpec

LAST, BEST, LOG = "checkpoint_last.npz", "checkpoint_best.npz", "log.csv"
BEGUN = "checkpoint_begun.npz"
"""An epoch that was stopped in its middle."""

# What may differ when a training is resumed: how long it goes on.
FREE_KEYS = ("patience", "train_epochs_min", "train_epochs_max", "num_gpu")

SaveHook = Callable[[keras.Model, Path], None]


@dataclass(frozen=True)
class BegunEpoch:
    """How far an epoch is.

    Attributes:
        step: batches that are done.
        seconds: time that they took.
    """

    step: int = 0
    seconds: float = 0.0


@dataclass
class Run:
    """A training's history and files.

    Attributes:
        model: the model given by the caller.
        trained: the model that Keras fits: the same, or one around it.
        out_dir: folder of all files; None to write none.
        save_best: called with the model and the folder after an epoch that is the best so far, the
            weights to keep in place, to write files in the caller's format.
        save_last: the same after every epoch.
        identity: what must be the same when resuming.
        history: a row of numbers an epoch.
        selection: the best epoch so far.
        metrics: whose states belong to the running epoch.
        begun: how far the epoch after the last whole one is.
    """

    model: keras.Model
    trained: keras.Model
    out_dir: Path | None
    save_best: SaveHook | None = None
    save_last: SaveHook | None = None
    identity: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)
    selection: Selection = field(default_factory=Selection)
    metrics: Sequence[keras.metrics.Metric] = ()
    begun: BegunEpoch = field(default_factory=BegunEpoch)

    @property
    def epochs_done(self) -> int:
        """Number of finished epochs."""
        return len(self.history)

    def path(self, name: str) -> Path | None:
        """Return the path of one of this training's files, or None if it writes none."""
        return None if self.out_dir is None else self.out_dir / name

    def describe_last(self) -> str:
        """Say where the last checkpoint is, and what it holds."""
        if self.out_dir is None:
            return "There is no checkpoint, as no out_dir was given."
        if self.begun.step:
            return f"What was done is in {self.path(BEGUN)}: go on from there with resume."
        if not self.epochs_done:
            return "There is no checkpoint yet: no epoch was finished."
        return (
            f"The last checkpoint is {self.path(LAST)}, after epoch {self.epochs_done}: go on from "
            "there with resume."
        )

    def finish_epoch(self, row: Mapping[str, float], score: float | None) -> None:
        """Keep an epoch: row of the log, checkpoints, files of the caller.

        The checkpoint of the last epoch is written last: killed before it, a resumed training
        repeats the epoch and writes the same files again.

        Args:
            row: the numbers of the epoch.
            score: its score for selection, or None without validation.

        Raises:
            CheckpointError: if a file cannot be written.
            NotFiniteError: if the weights are not finite.
        """
        epoch = self.epochs_done + 1
        best = self.selection.update(epoch, score)
        self.history.append(dict(row))
        if self.out_dir is None:
            return
        try:
            with averaged_weights(self.trained.optimizer):
                self._save_for_use(self.out_dir, best=best)
            self._save_last(self.out_dir)
        except BaseException:
            self.history.pop()
            raise
        self._forget_begun()
        with writing(self.out_dir / LOG):
            write_log(self.out_dir / LOG, self.history)

    def keep_begun(self, begun: BegunEpoch) -> None:
        """Write all that is needed to go on in the middle of an epoch.

        Raises:
            CheckpointError: if the file cannot be written.
            NotFiniteError: if the weights are not finite.
        """
        assert self.out_dir is not None
        groups = {**self._all_variables(), "metrics": self._metric_variables()}
        save_checkpoint(self.out_dir / BEGUN, groups, {**self._record(), "begun": asdict(begun)})
        self.begun = begun

    def restore_metrics(self) -> None:
        """Set metrics to where they were in an epoch that was begun; Keras has reset them."""
        if self.begun.step and self.out_dir is not None:
            load_checkpoint(self.out_dir / BEGUN, {"metrics": self._metric_variables()})

    def _save_for_use(self, folder: Path, *, best: bool) -> None:
        if best:
            groups = {"model": model_variables(self.trained)}
            save_checkpoint(folder / BEST, groups, {"epoch": self.epochs_done})
        for wanted, hook in ((best, self.save_best), (True, self.save_last)):
            if wanted and hook is not None:
                with writing(folder / "weights"):
                    hook(self.model, folder)

    def _save_last(self, folder: Path) -> None:
        save_checkpoint(folder / LAST, self._all_variables(), self._record())

    def _record(self) -> dict[str, Any]:
        return {
            "epoch": self.epochs_done,
            "history": self.history,
            "selection": self.selection.to_dict(),
            "identity": self.identity,
        }

    def _all_variables(self) -> dict[str, list[keras.Variable]]:
        optimizer = self.trained.optimizer
        return {"model": model_variables(self.trained), "optimizer": list(optimizer.variables)}

    def _metric_variables(self) -> list[keras.Variable]:
        return [variable for metric in self.metrics for variable in metric.variables]

    def begin(self) -> None:
        """Make the folder ready for a new training; an old one's last checkpoint is kept aside."""
        if self.out_dir is None:
            return
        with writing(self.out_dir / LAST):
            self.out_dir.mkdir(parents=True, exist_ok=True)
            self._remove_remains()
            self._forget_begun()
            if (last := self.out_dir / LAST).exists():
                last.replace(self.out_dir / "checkpoint_previous.npz")

    def resume(self) -> bool:
        """Go back to the last checkpoint of this folder, in the middle of an epoch or after one.

        Returns:
            Whether there was one.

        Raises:
            CheckpointError: if it is damaged or belongs to another training.
        """
        if self.out_dir is None:
            raise CheckpointError("to resume a training, give the out_dir that it wrote to")
        last = next((self.out_dir / name for name in (BEGUN, LAST) if self._has(name)), None)
        if last is None:
            return False
        self._remove_remains()
        record = read_record(last)
        self._check_identity(last, record["identity"], record["backend"])
        load_checkpoint(last, self._all_variables())
        self.history = record["history"]
        self.selection = Selection(**record["selection"])
        self.begun = BegunEpoch(**record.get("begun", {}))
        with writing(last.parent / LOG):
            write_log(last.parent / LOG, self.history)
        return True

    def _has(self, name: str) -> bool:
        """Whether there is a checkpoint to go on from, and not one of an epoch that is whole."""
        path, last = self.path(name), self.path(LAST)
        if path is None or last is None or not path.exists():
            return False
        done = read_record(last)["epoch"] if name == BEGUN and last.exists() else 0
        return name == LAST or bool(read_record(path)["epoch"] == done)

    def _forget_begun(self) -> None:
        self.begun = BegunEpoch()
        if (path := self.path(BEGUN)) is not None:
            path.unlink(missing_ok=True)

    def restore_best(self) -> None:
        """Put the weights of the best epoch into the model."""
        best = self.path(BEST)
        if best is not None and self.selection.best_epoch:
            load_checkpoint(best, {"model": model_variables(self.trained)})

    def _remove_remains(self) -> None:
        """Remove the unfinished files of a run that was killed while it wrote."""
        for name in (LAST, BEST, BEGUN, LOG):
            remove_partial((self.out_dir or Path()) / name)

    def _check_identity(self, path: Path, there: Mapping[str, Any], backend: str) -> None:
        here = {**self.identity, "backend": keras.backend.backend()}
        there = {**there, "backend": backend}
        different = [
            f"{key} is {here.get(key)!r} now and {there.get(key)!r} there"
            for key in sorted({*here, *there})
            if here.get(key) != there.get(key)
        ]
        if different:
            raise CheckpointError(
                f"{path} belongs to another training: {'; '.join(different)}. Resume with the same "
                "parameters, data and backend, or write to another folder."
            )


def identity_of(spec: TrainSpec, steps_per_epoch: int) -> dict[str, Any]:
    """Return what must be the same for a resumed training to reach the same numbers."""
    values = spec.model_dump(mode="json")
    return {key: value for key, value in values.items() if key not in FREE_KEYS} | {
        "batches per epoch": steps_per_epoch
    }


def can_resume(folder: Path) -> bool:
    """Whether a folder holds a training that was begun."""
    return any((folder / name).exists() for name in (LAST, BEGUN))


def write_log(path: Path, history: list[dict[str, float]]) -> None:
    """Write a table of all epochs, one row each, in the place of the old one.

    Args:
        path: CSV file.
        history: rows; their keys are the columns.

    Raises:
        OSError: if it cannot be written; the old table stays.
    """
    columns = list(dict.fromkeys(key for row in history for key in row))
    with atomic_path(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(
            {key: "" if math.isnan(value) else f"{value:.9g}" for key, value in row.items()}
            for row in history
        )
