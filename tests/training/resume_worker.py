"""Trains a toy with dropout in a process of its own: resume_worker.py OUT_DIR [PAUSE_FILE].

With PAUSE_FILE it makes that file in the middle of the third epoch and waits to be killed.
"""

import sys
import time
from pathlib import Path

import keras
import numpy as np
from training_toys import SPEC, make_data, make_model, state

from whelp.training.trainer import train


class Pause(keras.callbacks.Callback):
    def __init__(self, path):
        super().__init__()
        self.path = path
        self.epoch = 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.epoch == 2 and batch == 3:
            self.path.write_text("waiting")
            time.sleep(600)


def main(out_dir, pause=None):
    x, y = make_data()
    # Another seed than the spec's: a resumed training does not depend on how its model was made.
    model = make_model(seed=3 if pause else 4)
    train(
        model,
        (x, y),
        SPEC | {"average_weights": 0.9, "warmup_steps": 4, "patience": 1},
        validation=(x[:8], y[:8]),
        out_dir=out_dir,
        resume=True,
        verbose=0,
        callbacks=[Pause(Path(pause))] if pause else [],
    )
    np.savez(Path(out_dir) / "end.npz", *state(model))


if __name__ == "__main__":
    main(*sys.argv[1:])
