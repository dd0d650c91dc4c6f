"""What `train` has Keras do between batches and epochs."""

from __future__ import annotations

import importlib.util
import logging
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from whelp.stopping import StopRequest, Terminated
from whelp.training.batches import set_epoch
from whelp.training.errors import NotFiniteError
from whelp.training.run import BegunEpoch, Run
from whelp.training.selection import selection_score

if TYPE_CHECKING:
    from whelp.specs import TrainSpec

_logger = logging.getLogger(__name__)


class EpochClock(keras.callbacks.Callback):
    """Tells the data their epoch, and knows where the training is.

    Args:
        data: the batches trained on.
        before: what was done of the first epoch before it was stopped.

    Attributes:
        epoch: number of the running epoch, from 1.
        step: number of the latest batch in it, from 1; 0 before the first.
        seconds: time since the epoch began, its validation included.
    """

    def __init__(self, data: keras.utils.PyDataset, before: BegunEpoch) -> None:
        super().__init__()
        self._data = data
        self._before = before
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
        before, self._before = self._before, BegunEpoch()
        self._begun = time.perf_counter() - before.seconds
        self.epoch, self.step = epoch + 1, before.step

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Count the batch."""
        self.step += 1


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
        self._pending = (self._clock.step, (logs or {}).get("loss", 0.0))

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


class StopWhenAsked(keras.callbacks.Callback):
    """Ends the training when the system asks for it, with all written that is needed to go on.

    In the middle of an epoch that is after the running batch. After the last batch of an epoch the
    validation, too, is waited for: then the epoch is whole.

    Args:
        run: the record of the training, which has kept an epoch before this hears of its end.
        clock: knows the epoch and step.
        request: tells whether the system has asked.

    Raises:
        Terminated: from within `fit`.
    """

    def __init__(self, run: Run, clock: EpochClock, request: StopRequest) -> None:
        super().__init__()
        self._run = run
        self._clock = clock
        self._request = request

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Go on with the metrics of an epoch that was begun."""
        self._run.restore_metrics()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """End in the middle of the epoch."""
        if not self._request.made or batch + 1 == self.params["steps"]:
            return
        if keras.backend.backend() == "jax":
            # Variables are elsewhere while an epoch runs.
            self.model.jax_state_sync()
        self._run.keep_begun(BegunEpoch(self._clock.step, self._clock.seconds))
        self._end(f"in epoch {self._clock.epoch} after step {self._clock.step}")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """End between epochs."""
        if self._request.made:
            self._end(f"after epoch {self._clock.epoch}")

    def _end(self, place: str) -> None:
        raise Terminated(
            f"ended {place}, as the system asked for it (SIGTERM). {self._run.describe_last()}"
        )


def is_over(run: Run, spec: TrainSpec) -> bool:
    """Say whether the rule of patience ends a training."""
    return run.selection.exhausted(
        run.epochs_done, epochs_min=spec.train_epochs_min, patience=spec.patience
    )


def tensorboard_logs(folder: str | Path | None) -> list[keras.callbacks.Callback]:
    """Give what writes TensorBoard's logs, where that is wanted and installed."""
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
