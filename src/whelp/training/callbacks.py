"""What `train` has Keras do between batches and epochs."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import keras

from whelp.training.batches import set_epoch
from whelp.training.errors import NotFiniteError
from whelp.training.run import Run
from whelp.training.selection import selection_score

if TYPE_CHECKING:
    from whelp.specs import TrainSpec


class EpochClock(keras.callbacks.Callback):
    """Tells the data their epoch, and knows where the training is.

    Args:
        data: the batches trained on.

    Attributes:
        epoch: number of the running epoch, from 1.
        step: number of the latest batch in it, from 1; 0 before the first.
        seconds: time since the epoch began, its validation included.
    """

    def __init__(self, data: keras.utils.PyDataset) -> None:
        super().__init__()
        self._data = data
        self._begun = time.perf_counter()
        self.epoch = 0
        self.step = 0

    @property
    def seconds(self) -> float:
        """Time since the epoch began."""
        return time.perf_counter() - self._begun

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Set the data's epoch before Keras asks for a batch."""
        set_epoch(self._data, epoch)
        self._begun = time.perf_counter()
        self.epoch, self.step = epoch + 1, 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Count the batch."""
        self.step = batch + 1


class StopAtNaN(keras.callbacks.Callback):
    """Stops training when the loss is no finite number, and says at which step it became so.

    It looks at a batch's loss when the next one is on its way, so that the device need not wait.

    Args:
        run: the record of the training, for the message.
        clock: knows the epoch and step.

    Raises:
        NotFiniteError: from within `fit`.
    """

    def __init__(self, run: Run, clock: EpochClock) -> None:
        super().__init__()
        self._run = run
        self._clock = clock
        self._pending: tuple[int, Any] | None = None

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Look at the batch before."""
        self._look()
        self._pending = (batch + 1, (logs or {}).get("loss", 0.0))

    def on_test_begin(self, logs: Any = None) -> None:
        """Look at the last batch before validation."""
        self._look()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Look at the last batch, and at the losses of the epoch."""
        self._look()
        loss = (logs or {}).get("val_loss", 0.0)
        if not math.isfinite(float(loss)):
            raise NotFiniteError(
                f"the validation loss became {float(loss)} after epoch {epoch + 1}. "
                f"{self._run.describe_last()} Check that the validation data are finite, or try a "
                "lower learning rate."
            )

    def _look(self) -> None:
        pending, self._pending = self._pending, None
        if pending is None or math.isfinite(loss := float(pending[1])):
            return
        raise NotFiniteError(
            f"the loss became {loss} in epoch {self._clock.epoch} at step {pending[0]}. "
            f"{self._run.describe_last()} Check that the data are finite, or try a lower learning "
            "rate, clipping or warm-up."
        )


class KeepRecord(keras.callbacks.Callback):
    """Writes log and checkpoints after each epoch, and stops when no better one is to be expected.

    Args:
        run: the record of the training.
        clock: knows how long an epoch took.
        spec: says when to stop.
    """

    def __init__(self, run: Run, clock: EpochClock, spec: TrainSpec) -> None:
        super().__init__()
        self._run = run
        self._clock = clock
        self._spec = spec

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Keep the epoch."""
        numbers = {key: float(value) for key, value in (logs or {}).items()}
        row = {
            "epoch": epoch + 1,
            "seconds": self._clock.seconds,
            "learning_rate": float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)),
            **numbers,
        }
        score = selection_score(numbers)
        try:
            self._run.finish_epoch(row, score)
        except NotFiniteError as error:
            raise NotFiniteError(
                f"after epoch {epoch + 1}, {error}. {self._run.describe_last()} Try a lower "
                "learning rate, clipping or warm-up."
            ) from error
        if is_over(self._run, self._spec):
            self.model.stop_training = True


def is_over(run: Run, spec: TrainSpec) -> bool:
    """Say whether the rule of patience ends a training."""
    return run.selection.exhausted(
        run.epochs_done, epochs_min=spec.train_epochs_min, patience=spec.patience
    )
