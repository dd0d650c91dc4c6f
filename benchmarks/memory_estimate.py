"""Sets the memory that `whelp inspect` estimates beside measured peaks, one process per method.

    python benchmarks/memory_estimate.py --params params.json --batches 1,2,4

A measured peak also holds the framework, its compiler and the data, which the estimate leaves out:
they stand in the column "beside it". They drop out of the second table, growth by the window.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

METHODS = ("predict", "linear", "lora", "locon", "full")
STEPS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--params", type=Path, default="json_configs/mini_borzoi_full.json")
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--batches", default="1,2,4")
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--one", nargs=2, metavar=("METHOD", "BATCH"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(measure(args.params, args.one[0], int(args.one[1]), args.precision)))
        return
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    print(f"{args.params.name}, {args.precision}, {backend} on CPU; MB (10^6 bytes)\n")
    print("| method | batch | estimate | measured peak | beside it |")
    print("|---|---|---|---|---|")
    growth = []
    batches = [int(batch) for batch in args.batches.split(",")]
    for method in args.methods.split(","):
        rows = [one(args, method, batch) for batch in batches]
        for batch, row in zip(batches, rows, strict=True):
            beside = row["measured"] - row["estimate"]
            print(
                f"| {method} | {batch} | {row['estimate'] / 1e6:.0f} | "
                f"{row['measured'] / 1e6:.0f} | {beside / 1e6:.0f} |",
                flush=True,
            )
        windows = (batches[-1] - batches[0]) * 1e6
        grown = [(rows[-1][key] - rows[0][key]) / windows for key in ("estimate", "measured")]
        growth.append((method, *grown))
    print("\n| method | estimate a window | measured a window |\n|---|---|---|")
    for method, estimated, measured in growth:
        print(f"| {method} | {estimated:.0f} | {measured:.0f} |")


def one(args: argparse.Namespace, method: str, batch: int) -> dict[str, float]:
    """Measures in a process of its own."""
    command = [sys.executable, __file__, "--params", str(args.params)]
    command += ["--precision", args.precision, "--one", method, str(batch)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def measure(path: Path, method: str, batch: int, precision: str) -> dict[str, float]:
    """Runs a few steps on random windows; returns bytes."""
    import numpy as np

    import whelp
    from whelp.data import from_arrays
    from whelp.fitting import peak_memory
    from whelp.inspection import estimate_memory
    from whelp.specs import load_params

    params = load_params(path)
    model = whelp.load({"model": params.model.given()}, dtype=precision)
    plain = method in ("linear", "full")
    section = {"mode": method} if plain else {"mode": "adapter", "adapter": method}
    if method != "predict":
        model = whelp.adapt(model, section)
    rng = np.random.default_rng(0)
    windows = STEPS * batch
    x = rng.integers(0, 4, (windows, params.model.seq_length)).astype("uint8")
    y = rng.random((windows, *model.output_shape[1:])).astype("float16")
    pairs = list(range(y.shape[-1]))
    data = from_arrays(x, y, strand_pair=pairs, batch_size=batch)
    estimate = estimate_memory(model, batch_size=batch)
    if method == "predict":
        whelp.evaluate(model, data)
        return {"estimate": estimate.predicting, "measured": peak_memory()}
    epochs = {"train_epochs_min": 1, "train_epochs_max": 1, "batch_size": batch}
    whelp.train(model, data, {**params.train.given(), **epochs}, verbose=0)
    return {"estimate": estimate.training, "measured": peak_memory()}


if __name__ == "__main__":
    main()
