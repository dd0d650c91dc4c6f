"""Compare whelp with Baskerville on real data: five ways of training, five seeds each.

    python benchmarks/runs.py --out runs.json

The pretrained mini Borzoi is adapted to the demo's 32 mouse tracks (28 training windows) with the
settings that the reference was run with (`json_configs/mini_borzoi_*.json`: batch 2, 15 epochs).
The number compared is the Pearson correlation on the 13 test windows, mean over tracks, of the best
epoch's merged weights. whelp is not worse if its mean is no more than two standard errors of the
difference below the reference's, whose runs were unseeded, three a mode.

A run takes one to three minutes on two cores. What is in the file is not run again, so a comparison
that was stopped goes on where it was, and with all runs in the file the tables are just printed.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from processes import run
from rich.console import Console
from rich.table import Table

HERE = Path(__file__).resolve().parent
CONFIGS = HERE.parent / "json_configs"
MODES = ("linear", "lora", "locon4", "full", "scratch")
SEEDS = 5
# Test Pearson of the reference's runs: hound_transfer.py, then hound_eval.py.
REFERENCE = {
    "linear": (0.533, 0.528, 0.525),
    "lora": (0.492, 0.520, 0.474),
    "locon4": (0.487, 0.456, 0.513),
    "full": (0.412, 0.386, 0.408),
    "scratch": (0.105, 0.082, 0.072),
}


def fit(params: Path, *, seed: int, scratch: bool = False) -> dict[str, Any]:
    """Run `fit.py` in a process of its own; its result, with the peak of its memory."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        command = [sys.executable, HERE / "fit.py", params, result, "--seed", str(seed)]
        finished = run([*command, *(["--scratch"] if scratch else [])])
        return {**json.loads(result.read_text()), "peak_mb": round(finished.peak_mb)}


def config_of(mode: str) -> Path:
    """The parameter file of a mode: from scratch all weights are trained."""
    return CONFIGS / f"mini_borzoi_{'full' if mode == 'scratch' else mode}.json"


def standard_error(values: list[float] | tuple[float, ...]) -> float:
    """Standard error of a mean."""
    return statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else math.nan


def verdict(ours: list[float], theirs: tuple[float, ...]) -> tuple[float, float, bool]:
    """Difference of means, its standard error, and whether ours is not worse by more than two."""
    difference = statistics.mean(ours) - statistics.mean(theirs)
    error = math.hypot(standard_error(ours), standard_error(theirs))
    return difference, error, difference >= -2 * error


def table(results: Mapping[str, Mapping[str, Any]]) -> Table:
    """Lay out the comparison of all modes that have at least two runs."""
    shown = Table("mode", "reference", "whelp", "runs", "difference", "verdict")
    shown.title = "test Pearson, mean over 32 tracks (± standard error of the mean)"
    for mode in MODES:
        ours = [row["test"]["pearsonr"] for row in results.get(mode, {}).values()]
        if len(ours) < 2:
            continue
        theirs = REFERENCE[mode]
        difference, error, fine = verdict(ours, theirs)
        means = [f"{statistics.mean(of):.3f} ± {standard_error(of):.3f}" for of in (theirs, ours)]
        runs = " ".join(f"{value:.3f}" for value in ours)
        text = "not below" if fine else "below by more than two standard errors"
        shown.add_row(mode, *means, runs, f"{difference:+.3f} ± {error:.3f}", text)
    return shown


def write(path: Path, results: Mapping[str, Any]) -> None:
    """Write the results in the place of the old ones."""
    partial = path.with_name(f".{path.name}.part")
    partial.write_text(json.dumps(results, indent=1))
    partial.replace(path)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="JSON file of all results")
    parser.add_argument("--modes", nargs="+", choices=MODES, default=MODES)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    arguments = parser.parse_args()
    console = Console()
    results = json.loads(arguments.out.read_text()) if arguments.out.exists() else {}
    for seed in range(arguments.seeds):
        for mode in arguments.modes:
            rows = results.setdefault(mode, {})
            if str(seed) in rows:
                continue
            row = rows[str(seed)] = fit(config_of(mode), seed=seed, scratch=mode == "scratch")
            write(arguments.out, results)
            numbers = f"valid {row['valid']['pearsonr']:.3f}, test {row['test']['pearsonr']:.3f}"
            console.print(f"{mode} seed {seed}: {numbers}, {row['seconds']:.0f} s")
    console.print(table(results))


if __name__ == "__main__":
    main()
