"""A pass of each released model over one window of its full length: seconds and memory.

    python benchmarks/released_models.py --models borzoi flashzoi enformer --backends jax

The architectures are those of json_configs/models with the human head, the weights random. Every
model runs in a process of its own, in float32. The least of its passes counts, but not the first,
which compiles; the peak is that of the whole process.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
from processes import run
from rich.console import Console
from rich.table import Table

CONFIGS = Path(__file__).parents[1] / "json_configs" / "models"


def measure(name: str, repeats: int) -> list[float]:
    """Seconds of passes behind the first one."""
    import whelp

    model = whelp.load(CONFIGS / f"{name}.json", head="human")
    length = model.spec.seq_length
    bases = np.random.default_rng(0).integers(0, 4, (1, length))
    sequence = np.eye(4, dtype="float32")[bases]
    model.predict(sequence, verbose=0)
    seconds = []
    for _ in range(repeats):
        begun = time.perf_counter()
        model.predict(sequence, verbose=0)
        seconds.append(time.perf_counter() - begun)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", default=["borzoi", "flashzoi", "enformer"])
    parser.add_argument("--backends", nargs="+", default=["jax", "tensorflow"])
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(measure(args.measure, args.repeats)))
        return
    table = Table("model", "backend", "seconds a pass", "MB, peak")
    for name in args.models:
        for backend in args.backends:
            words = ["--measure", name, "--repeats", str(args.repeats)]
            done = run([sys.executable, __file__, *words], env={"KERAS_BACKEND": backend})
            seconds = min(json.loads(done.output.splitlines()[-1]))
            table.add_row(name, backend, f"{seconds:.1f}", f"{done.peak_mb:,.0f}")
    Console().print(table)


if __name__ == "__main__":
    main()
