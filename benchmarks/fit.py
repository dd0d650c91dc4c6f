"""Adapt the pretrained mini Borzoi to the demo's mouse tracks once, and say how well it does.

    python benchmarks/fit.py PARAMS.json RESULT.json [--seed N] [--scratch]

The best epoch is chosen on the validation windows; its merged weights are evaluated.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
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
    valid, test = (whelp.open_dataset(demo_file("mm10"), split) for split in ("valid", "test"))
    with tempfile.TemporaryDirectory() as folder:
        run = whelp.transfer(
            {**params, "train": {**params["train"], "seed": seed}},
            demo_file("mm10"),
            Path(folder) / "run",
            weights=None if scratch else demo_file("mini_borzoi/trunk.h5"),
            trunk=None if scratch else True,
            evaluate=False,
            report=False,
        )
    answer: dict[str, Any] = {"best_epoch": run.training.best_epoch, "seconds": run.seconds}
    answer["trained"] = sum(math.prod(weight.shape) for weight in run.model.trainable_weights)
    merged = whelp.merge(run.model)
    for name, data in (("valid", valid), ("test", test)):
        table = whelp.evaluate(merged, data)
        answer[name] = {key: float(table[key].mean()) for key in ("pearsonr", "r2")}
        answer[name]["tracks"] = [round(float(value), 5) for value in table["pearsonr"]]
    columns = ("epoch", "loss", "val_loss", "val_pearsonr", "val_r2")
    answer["log"] = run.training.history[list(columns)].round(5).to_dict("list")
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
