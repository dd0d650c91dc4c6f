"""Data whose order depends on the number of the epoch, as Keras takes them."""

from abc import abstractmethod
from typing import Any

import keras


class EpochDataset(keras.utils.PyDataset):
    """Batches whose order and random changes are a function of the epoch's number.

    `model.fit` begins with epoch 0 and moves on after every whole epoch. As Keras also begins and
    ends epochs where it only looks at the data, pass `callbacks=[SetEpoch(dataset)]` where it
    must be exact, as when resuming. Pass `shuffle=False` to `fit`: otherwise Keras shuffles the
    batches a second time, by a seed of its own. Leave `workers` at 1: with more, Keras may give
    batches again that it took before an epoch began, and data from files have threads of their own.
    """

    def __init__(self) -> None:
        super().__init__()
        self._epoch = 0
        self._begun = False
        self._given = 0

    @property
    def epoch(self) -> int:
        """Number of the epoch whose batches are given, from 0."""
        return self._epoch

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch; the same number gives the same batches again.

        Raises:
            ValueError: If the number is negative.
        """
        if epoch < 0:
            raise ValueError(f"epochs count from 0, received {epoch}")
        self._epoch = epoch

    @abstractmethod
    def __len__(self) -> int:
        """Number of batches in an epoch."""

    @abstractmethod
    def batch(self, number: int) -> tuple[Any, ...]:
        """Give batch `number` of the current epoch."""

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        """Give batch `index` of the current epoch."""
        number = index + len(self) if index < 0 else index
        if not 0 <= number < len(self):
            raise IndexError(f"there is no batch {index}; the epoch has {len(self)}")
        self._given += 1
        return self.batch(number)

    def on_epoch_begin(self) -> None:
        """Note that Keras begins to take batches."""
        self._begun, self._given = True, 0

    def on_epoch_end(self) -> None:
        """Go on to the next epoch if Keras took a whole one."""
        if self._begun and self._given >= len(self):
            self.set_epoch(self._epoch + 1)
        self._begun, self._given = False, 0


class SetEpoch(keras.callbacks.Callback):
    """Tells a data set the number of Keras' epoch: a resumed training meets the same batches.

    Args:
        dataset: The data that are trained on.
    """

    def __init__(self, dataset: EpochDataset) -> None:
        super().__init__()
        self.dataset = dataset

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Choose the epoch that begins."""
        self.dataset.set_epoch(epoch)
