"""A small model and data for tests of the trainer."""

import keras
import numpy as np

SPEC = {
    "batch_size": 4,
    "optimizer": "adam",
    "learning_rate": 0.01,
    "loss": "poisson_mn",
    "train_epochs_max": 4,
    "seed": 5,
}


def make_model(width=8, *, dropout=0.3, seed=3, dtype=None):
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    inputs = keras.Input((16, 4))
    hidden = layers.Conv1D(width, 3, padding="same", activation="relu", dtype=dtype)(inputs)
    hidden = layers.BatchNormalization(dtype=dtype)(hidden)
    hidden = layers.Dropout(dropout, dtype=dtype)(hidden)
    outputs = layers.Dense(3, activation="softplus", kernel_regularizer="l2", dtype="float32")(
        hidden
    )
    return keras.Model(inputs, outputs)


def make_data(examples=24, tracks=3, seed=0):
    rng = np.random.default_rng(seed)
    x = np.eye(4, dtype="f4")[rng.integers(0, 4, (examples, 16))]
    signal = x @ rng.gamma(2, size=(4, tracks)).astype("f4")
    return x, (signal + rng.gamma(1, size=signal.shape)).astype("f4")


class Steps(keras.utils.PyDataset):
    """Batches in a fixed order that a function of (epoch, number, x, y) may change."""

    def __init__(self, change, batches=5):
        super().__init__()
        self.epoch = 0
        self.change = change
        self.batches = batches
        self.data = make_data(4 * batches)

    def set_epoch(self, epoch):
        self.epoch = epoch

    def __len__(self):
        return self.batches

    def __getitem__(self, number):
        x, y = (array[4 * number : 4 * number + 4].copy() for array in self.data)
        return self.change(self.epoch, number, x, y)


def state(model):
    return [np.array(keras.ops.convert_to_numpy(v)) for v in model.variables]


def same(first, second):
    return len(first) == len(second) and all(
        np.array_equal(a, b) for a, b in zip(first, second, strict=True)
    )
