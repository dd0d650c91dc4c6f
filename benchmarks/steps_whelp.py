"""Time the steps of a transfer with whelp: `steps_whelp.py OUT PARAMS TRUNK DATA`."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import whelp


def main() -> None:
    out, params, trunk, data = (Path(argument) for argument in sys.argv[1:])
    import keras

    class Clock(keras.callbacks.Callback):
        """Notes when steps end; the first of an epoch ends no interval."""

        epochs: list[list[float]] = []

        def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
            self.epochs.append([])

        def on_train_batch_end(self, batch: int, logs: object = None) -> None:
            self.epochs[-1].append(time.perf_counter())

    spec = json.loads(params.read_text())
    model = whelp.adapt(whelp.load(params, trunk, trunk=True), spec["transfer"])
    whelp.train(
        model,
        whelp.open_dataset(data, "train"),
        spec["train"],
        validation=whelp.open_dataset(data, "valid"),
        callbacks=[Clock()],
    )
    out.write_text(json.dumps(Clock.epochs))


if __name__ == "__main__":
    main()
