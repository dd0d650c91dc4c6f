"""Adapt the pretrained mini Borzoi to the demo's mouse tracks once, and say how well it does.

    python benchmarks/fit.py PARAMS.json RESULT.json [--seed N] [--scratch]

The best epoch is chosen on the validation windows; its merged weights are evaluated.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import whelp
from whelp.demo import demo_file


def fit(params: dict[str, Any], *, seed: int, scratch: bool) -> dict[str, Any]:
    """Train, choose the best epoch, and evaluate.

    Args:
        params: contents of a parameter file.
        seed: of weights, order and augmentation.
        scratch: begin with random weights in place of the pretrained trunk.

    Returns:
        Means over tracks of the best epoch's Pearson correlation and R2, on validation and on test
        windows; the best epoch, trained parameters, seconds of training, and the log.
    """
    import keras

    train = params["train"] | {"seed": seed}
    keras.utils.set_random_seed(seed)
    trunk = None if scratch else demo_file("mini_borzoi/trunk.h5")
    model = whelp.load(params, trunk, trunk=None if scratch else True)
    valid, test = (whelp.open_dataset(demo_file("mm10"), split) for split in ("valid", "test"))
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        model = whelp.adapt(model, params["transfer"])
        result = whelp.train(
            model,
            whelp.open_dataset(demo_file("mm10"), "train"),
            train,
            validation=valid,
            out_dir=folder,
            restore_best=True,
            verbose=0,
        )
    seconds = time.perf_counter() - begun
    answer: dict[str, Any] = {"best_epoch": result.best_epoch, "seconds": seconds}
    answer["trained"] = sum(weight.shape.num_elements() for weight in model.trainable_weights)
    merged = whelp.merge(model)
    for name, data in (("valid", valid), ("test", test)):
        table = whelp.evaluate(merged, data)
        answer[name] = {key: float(table[key].mean()) for key in ("pearsonr", "r2")}
        answer[name]["tracks"] = [round(float(value), 5) for value in table["pearsonr"]]
    columns = ("epoch", "loss", "val_loss", "val_pearsonr", "val_r2")
    answer["log"] = result.history[list(columns)].round(5).to_dict("list")
    return answer


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("params", type=Path)
    parser.add_argument("result", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scratch", action="store_true")
    arguments = parser.parse_args()
    params = json.loads(arguments.params.read_text())
    answer = fit(params, seed=arguments.seed, scratch=arguments.scratch)
    arguments.result.write_text(json.dumps(answer))


if __name__ == "__main__":
    main()
