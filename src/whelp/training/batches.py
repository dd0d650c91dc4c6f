"""What `train` feeds to Keras: batches by number, the same for the same epoch."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import keras
import numpy as np

from whelp.data.epochs import EpochDataset
from whelp.training.errors import TrainingError

if TYPE_CHECKING:
    from whelp.specs import TrainSpec

Data: TypeAlias = keras.utils.PyDataset | tuple[Any, ...]


class ArrayBatches(EpochDataset):
    """Batches of arrays in memory.

    Args:
        arrays: (x, y) or (x, y, sample_weight); each an array of examples, or a dict of arrays.
        batch_size: examples in a batch; the last may have fewer.
        shuffle: whether every epoch has an order of its own.
        seed: start of all orders; the order is a function of (seed, epoch).

    Raises:
        ValueError: if the arrays have different numbers of examples, or none.
    """

    def __init__(
        self, arrays: tuple[Any, ...], batch_size: int, *, shuffle: bool = False, seed: int = 0
    ) -> None:
        super().__init__()
        self._arrays = _map(np.asarray, arrays)
        sizes = {len(array) for array in _leaves(self._arrays)}
        if len(sizes) != 1 or 0 in sizes or len(arrays) not in (2, 3):
            raise ValueError(
                "expected arrays (x, y) or (x, y, weights) with the same number of examples, at "
                f"least 1; received {len(arrays)} with {sorted(sizes)} examples"
            )
        self.num_seqs = sizes.pop()
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = seed

    def __len__(self) -> int:
        """Number of batches in an epoch."""
        return -(-self.num_seqs // self.batch_size)

    def batch(self, number: int) -> tuple[Any, ...]:
        """Give batch `number` of the current epoch."""
        order = np.arange(self.num_seqs)
        if self.shuffle:
            order = np.random.default_rng((self.seed, self.epoch)).permutation(self.num_seqs)
        members = order[number * self.batch_size :][: self.batch_size]
        return _map(lambda array: array[members], self._arrays)


class RestOfEpoch(EpochDataset):
    """What an epoch has left after some of its batches.

    Args:
        data: the batches of whole epochs.
        done: how many of them are left out.
    """

    def __init__(self, data: keras.utils.PyDataset, done: int) -> None:
        super().__init__()
        self._data = data
        self._done = done

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch."""
        super().set_epoch(epoch)
        set_epoch(self._data, epoch)

    def __len__(self) -> int:
        """Number of batches that are left."""
        return len(self._data) - self._done

    def batch(self, number: int) -> tuple[Any, ...]:
        """Give one of them, counted from 0."""
        batch: tuple[Any, ...] = self._data[self._done + number]
        return batch


class DeviceBatches(EpochDataset):
    """Batches whose size several devices divide evenly.

    In training an incomplete last batch loses the examples over, or is left out: repeated or masked
    examples would enter the statistics of norms. In validation it is filled up with examples of
    weight 0; the others' weight is such that every mean over the epoch is that over the true
    examples.

    Args:
        data: the batches to divide.
        devices: number of devices.
        training: whether to train on them.

    Raises:
        ValueError: if the devices do not divide full batches, or too few examples are left.
    """

    def __init__(self, data: keras.utils.PyDataset, devices: int, *, training: bool) -> None:
        super().__init__()
        self._data = data
        self._devices = devices
        self._training = training
        sizes = [_sizes(member) for member in getattr(data, "datasets", {"": data}).values()]
        for full, examples in sizes:
            if full % devices and examples > full:
                raise ValueError(
                    f"a batch of {full} does not divide among {devices} devices: give a batch_size "
                    f"that is a multiple of {devices}"
                )
        examples = sum(number for _, number in sizes)
        self._weight = sum(number + -number % devices for _, number in sizes) / examples
        last = len(_leaves(data[len(data) - 1])[0])
        self._length = len(data) - (training and last < devices)
        if not self._length:
            raise ValueError(f"{examples} examples are too few for {devices} devices")

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch."""
        super().set_epoch(epoch)
        set_epoch(self._data, epoch)

    def __len__(self) -> int:
        """Number of batches in an epoch."""
        return self._length

    def batch(self, number: int) -> tuple[Any, ...]:
        """Give batch `number` of the current epoch."""
        batch = self._data[number]
        size = len(_leaves(batch)[0])
        if self._training:
            kept = size - size % self._devices
            if not kept:
                raise ValueError(
                    f"batch {number} has {size} examples for {self._devices} devices: open the "
                    "data with drop_last=True, or train on fewer devices"
                )
            # TensorFlow over several devices writes into arrays that it was given.
            return _map(lambda array: np.array(array[:kept]), batch)
        x, y, *given = batch
        weights = given[0] if given else _map(lambda _: np.ones((size, 1), np.float32), y)
        spare = -size % self._devices

        def fill(array: np.ndarray) -> np.ndarray:
            return np.concatenate([array, np.zeros_like(array[:1]).repeat(spare, axis=0)])

        x, y = (_map(lambda array: fill(np.asarray(array)), part) for part in (x, y))
        return x, y, _map(lambda w: fill(np.asarray(w, np.float32)) * self._weight, weights)


def training_batches(
    data: Data, spec: TrainSpec, model: keras.Model, devices: int = 1
) -> keras.utils.PyDataset:
    """Make what `fit` trains on.

    Options of a `whelp.Dataset` that were left open when it was opened are filled: batch size,
    shuffling and seed from the training spec, augmentation from the model's. Arrays are shuffled,
    and not augmented.

    Args:
        data: a `whelp.Dataset` or other PyDataset, or arrays (x, y[, sample_weight]).
        spec: the training spec.
        model: the model to train.
        devices: number of devices that share a batch.
    """
    augmentation: dict[str, Any] = {}
    if (model_spec := getattr(model, "spec", None)) is not None:
        augmentation = {
            "augment_rc": model_spec.augment_rc,
            "augment_shift": model_spec.augment_shift,
        }
        if model.upper_triangle:
            augmentation["diagonal_offset"] = model_spec.diagonal_offset
    batches = _batches(
        data,
        spec,
        shuffle=True,
        seed=spec.seed,
        shuffle_buffer=spec.shuffle_buffer,
        **augmentation,
    )
    return DeviceBatches(batches, devices, training=True) if devices > 1 else batches


def validation_batches(data: Data, spec: TrainSpec, devices: int = 1) -> keras.utils.PyDataset:
    """Make what `fit` validates on: data in their order, not augmented.

    Args:
        data: a `whelp.Dataset` or other PyDataset, or arrays (x, y[, sample_weight]).
        spec: the training spec.
        devices: number of devices that share a batch.
    """
    batches = _batches(data, spec, shuffle=False)
    return DeviceBatches(batches, devices, training=False) if devices > 1 else batches


def check_shapes(model: keras.Model, data: Data) -> None:
    """Refuse data whose targets are not of the shape of the model's output.

    Args:
        model: the model, with one output or a dict of them.
        data: what to train or validate on; a PyDataset that does not tell its shapes is let pass.

    Raises:
        TrainingError: if the numbers of bins or of tracks differ.
    """
    outputs = model.output if isinstance(model.output, dict) else {"": model.outputs[0]}
    for head, there in _target_shapes(data).items():
        here = tuple(outputs[head].shape[1:]) if head in outputs else ()
        if len(here) == len(there) and here != there:
            raise TrainingError(
                f"the model gives (bins, tracks) {here}{f' at {head}' if head else ''}, the data "
                f"hold {there}: choose the head and the crop that belong to these data"
            )


def _target_shapes(data: Any) -> dict[str, tuple[int, ...]]:
    """Give the shapes of a window's targets by head, "" for the only one, as far as known."""
    if isinstance(data, (tuple, list)) and len(data) > 1:
        parts = data[1] if isinstance(data[1], dict) else {"": data[1]}
        return {head: tuple(np.shape(part)[1:]) for head, part in parts.items()}
    parts = getattr(data, "datasets", {"": data})
    told = {head: part for head, part in parts.items() if hasattr(part, "num_targets")}
    return {head: (part.target_length, part.num_targets) for head, part in told.items()}


def set_epoch(data: Any, epoch: int) -> None:
    """Tell a data set the number of the epoch, from 0, if it wants to know."""
    if callable(setter := getattr(data, "set_epoch", None)):
        setter(epoch)


def _batches(data: Data, spec: TrainSpec, **options: Any) -> keras.utils.PyDataset:
    if callable(fill := getattr(data, "with_defaults", None)):
        return fill(batch_size=spec.batch_size, **options)
    if isinstance(data, keras.utils.PyDataset):
        return data
    if isinstance(data, (tuple, list)):
        shuffle, seed = options["shuffle"], options.get("seed", 0)
        return ArrayBatches(tuple(data), spec.batch_size, shuffle=shuffle, seed=seed)
    raise TypeError(
        "expected data from whelp.open_dataset, a keras.utils.PyDataset, or arrays (x, y); "
        f"received {type(data).__name__}. Other iterators cannot be resumed at the same batch."
    )


def _sizes(data: keras.utils.PyDataset) -> tuple[int, int]:
    """Give the numbers of examples of a full batch and of an epoch."""
    full, last = (len(_leaves(data[number])[0]) for number in (0, len(data) - 1))
    return full, full * (len(data) - 1) + last


def _map(function: Callable[[Any], Any], value: Any) -> Any:
    """Apply a function to every array in tuples and dicts."""
    if isinstance(value, (tuple, list)):
        return tuple(_map(function, part) for part in value)
    if isinstance(value, dict):
        return {key: _map(function, part) for key, part in value.items()}
    return function(value)


def _leaves(value: Any) -> list[Any]:
    found: list[Any] = []
    _map(found.append, value)
    return found
