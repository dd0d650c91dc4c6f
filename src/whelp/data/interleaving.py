"""Training on several genomes at once, one head each."""

from collections.abc import Mapping
from typing import Any, Self, Unpack

import numpy as np
import numpy.typing as npt

from whelp.data.augment import epoch_rng
from whelp.data.dataset import Dataset
from whelp.data.epochs import EpochDataset
from whelp.data.errors import DataError
from whelp.data.options import BatchOptions

_TURNS = 2
"""Random stream of the order in which genomes take turns."""


class InterleavedDataset(EpochDataset):
    """Batches of several data sets, each with a head of its own, one data set a batch.

    An item is `(x, {head: y}, {head: weight})`. Heads that are idle in a batch have targets of
    zeros, in their own shape, and sample weights of zero `(batch, 1)`. An epoch gives every batch
    of each data set; when shuffling, the data sets take turns in an order that is a function of
    (seed, epoch), else they follow each other.

    Args:
        datasets: Head name -> its data.

    Raises:
        DataError: If there are none, or their sequences differ in length.
    """

    def __init__(self, datasets: Mapping[str, Dataset]) -> None:
        super().__init__()
        if not datasets:
            raise DataError("several genomes: there is no data set")
        self.datasets = dict(datasets)
        lengths = {data.name: data.seq_length for data in self.datasets.values()}
        if len(set(lengths.values())) > 1:
            there = ", ".join(f"{name}: {length:,} bp" for name, length in lengths.items())
            raise DataError(
                "several genomes: the sequences of all data sets must be of one length; "
                f"{there}. Open the longer ones with seq_length to crop them"
            )
        self._turns = (-1, np.arange(0), np.arange(0))

    @property
    def seq_length(self) -> int:
        """Length of the sequences in bp."""
        return next(iter(self.datasets.values())).seq_length

    @property
    def num_seqs(self) -> int:
        """Number of windows of all data sets."""
        return sum(data.num_seqs for data in self.datasets.values())

    @property
    def batch_size(self) -> int:
        """Windows in the largest batches."""
        return max(data.batch_size for data in self.datasets.values())

    def __len__(self) -> int:
        """Number of batches in an epoch."""
        return sum(len(data) for data in self.datasets.values())

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch, of all data sets."""
        super().set_epoch(epoch)
        for data in self.datasets.values():
            data.set_epoch(epoch)

    def batch(self, number: int) -> tuple[Any, dict[str, Any], dict[str, Any]]:
        """Give batch `number` of the current epoch."""
        planned, genomes, places = self._turns
        if planned != self.epoch:
            planned, genomes, places = self._turns = self._new_turns(self.epoch)
        active = list(self.datasets)[genomes[number]]
        x, y = self.datasets[active].batch(int(places[number]))
        targets = {head: self._idle(head, len(x)) for head in self.datasets} | {active: y}
        weights = {
            head: np.full((len(x), 1), head == active, dtype=np.float32) for head in self.datasets
        }
        return x, targets, weights

    def head_of(self, number: int) -> str:
        """Give the name of the head to which batch `number` of the current epoch belongs."""
        genomes = self._new_turns(self.epoch)[1]
        return list(self.datasets)[genomes[number]]

    def _idle(self, head: str, size: int) -> npt.NDArray[np.float32]:
        data = self.datasets[head]
        return np.zeros((size, data.target_length, data.num_targets), dtype=np.float32)

    def _new_turns(self, epoch: int) -> tuple[int, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Give for every batch its data set and its place there."""
        members = list(self.datasets.values())
        sizes = [len(data) for data in members]
        genomes = np.repeat(np.arange(len(sizes)), sizes)
        if any(data.batching.shuffle for data in members):
            genomes = epoch_rng(members[0].batching.seed, epoch, _TURNS).permutation(genomes)
        places = np.empty_like(genomes)
        for genome, size in enumerate(sizes):
            places[genomes == genome] = np.arange(size)
        return epoch, genomes, places

    def with_options(self, **options: Unpack[BatchOptions]) -> Self:
        """Give the same windows in other batches; `options` replace those that are set."""
        return type(self)(
            {head: data.with_options(**options) for head, data in self.datasets.items()}
        )

    def with_defaults(self, **options: Unpack[BatchOptions]) -> Self:
        """Give the same windows with `options` where none were set when the data were opened."""
        return type(self)(
            {head: data.with_defaults(**options) for head, data in self.datasets.items()}
        )


def interleave(datasets: Mapping[str, Dataset]) -> InterleavedDataset:
    """Make one data set of several genomes, one head each; see `InterleavedDataset`.

    Args:
        datasets: Head name, as in the model ("head_human"), -> its data.

    Raises:
        DataError: If there are none, or their sequences differ in length.
    """
    return InterleavedDataset(datasets)
