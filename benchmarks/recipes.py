"""Search for settings of LoRA and Locon that suit few windows, choosing on validation windows.

    python benchmarks/recipes.py --out recipes.json

With the reference's settings (`runs.py`) the new head is still learning when the 15 epochs end.
Every row of TRIED changes something about that; the recipe of a method is the row with the highest
validation Pearson correlation, mean over seeds. Test numbers are shown beside it, and choose
nothing. What is in the file is not run again.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table
from runs import config_of, fit, standard_error, write


class Tried(NamedTuple):
    """A method, and settings in place of those of its file in `json_configs`."""

    method: str
    train: Mapping[str, Any]
    transfer: Mapping[str, Any] = {}


FAST, CALM = {"learning_rate": 0.005}, {"average_weights": 0.95}
HEAD_FIRST = {"adapter_after": 8, "train_epochs_min": 8, "train_epochs_max": 8}
CYCLE = {
    "initial_learning_rate": 0.0005,
    "maximal_learning_rate": 0.01,
    "final_learning_rate": 0.0005,
    "train_epochs_cycle1": 7,
    "warmup_steps": None,
}
WEAK = {"locon_alpha": 0.1}

# Named by what they change: the rate; averaged weights (their momentum); 8 epochs of the head alone
# and then 8 of both; a one-cycle schedule, by its highest rate; the strength of Locon.
TRIED = {
    "linear, rate 0.002": Tried("linear", {}),
    "linear, rate 0.005": Tried("linear", FAST),
    "linear, rate 0.01": Tried("linear", {"learning_rate": 0.01}),
    "linear, rate 0.005, averaged 0.95": Tried("linear", FAST | CALM),
    "lora, rate 0.002": Tried("lora", {}),
    "lora, rate 0.005": Tried("lora", FAST),
    "lora, rate 0.01": Tried("lora", {"learning_rate": 0.01}),
    "lora, cycle to 0.01": Tried("lora", CYCLE),
    "lora, rate 0.005, averaged 0.95": Tried("lora", FAST | CALM),
    "lora, rate 0.005, 8 + 8 epochs": Tried("lora", FAST | HEAD_FIRST),
    "lora, rate 0.005, 8 + 8 epochs, averaged 0.95": Tried("lora", FAST | HEAD_FIRST | CALM),
    "locon4, rate 0.002": Tried("locon4", {}),
    "locon4, rate 0.005": Tried("locon4", FAST),
    "locon4, rate 0.002, 8 + 8 epochs": Tried("locon4", HEAD_FIRST),
    "locon4, rate 0.005, alpha 0.1": Tried("locon4", FAST, WEAK),
    "locon4, rate 0.005, alpha 0.1, averaged 0.95": Tried("locon4", FAST | CALM, WEAK),
    "locon4, rate 0.005, alpha 0.1, 8 + 8 epochs": Tried("locon4", FAST | HEAD_FIRST, WEAK),
}


def run_one(tried: Tried, seed: int) -> dict[str, Any]:
    """Train with some settings, in a process of its own."""
    params = json.loads(config_of(tried.method).read_text())
    params["train"] |= tried.train
    params["transfer"] |= tried.transfer
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "params.json"
        path.write_text(json.dumps(params))
        return fit(path, seed=seed)


def score(rows: Mapping[str, Any], split: str) -> list[float]:
    """Pearson correlations of the seeds, means over tracks."""
    return [row[split]["pearsonr"] for row in rows.values()]


def recipes(results: Mapping[str, Any]) -> dict[str, str]:
    """The settings of every method that are best on validation windows."""
    best: dict[str, str] = {}
    for name, rows in results.items():
        method, mean = TRIED[name].method, statistics.mean(score(rows, "valid"))
        if method not in best or mean > statistics.mean(score(results[best[method]], "valid")):
            best[method] = name
    return best


def table(results: Mapping[str, Any]) -> Table:
    """Lay out all settings, by method, the best on validation first."""
    known = {name: rows for name, rows in results.items() if name in TRIED and rows}
    chosen = recipes(known).values()
    shown = Table("method", "settings", "valid", "test", "seeds", "best epochs", "seconds")
    shown.title = "Pearson, mean over 32 tracks (± standard error of the mean)"
    order = sorted(
        known, key=lambda n: (TRIED[n].method, -statistics.mean(score(known[n], "valid")))
    )
    for name in order:
        rows = known[name]
        numbers = [
            f"{statistics.mean(values):.3f} ± {standard_error(values):.3f}"
            for values in (score(rows, "valid"), score(rows, "test"))
        ]
        epochs = " ".join(str(row["best_epoch"]) for row in rows.values())
        seconds = statistics.median(row["seconds"] for row in rows.values())
        style = "bold" if name in chosen else None
        cells = [TRIED[name].method, name, *numbers, str(len(rows)), epochs, f"{seconds:.0f}"]
        shown.add_row(*cells, style=style)
    return shown


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="JSON file of all results")
    parser.add_argument("--only", nargs="+", choices=TRIED, default=TRIED, metavar="SETTINGS")
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    console = Console()
    results = json.loads(arguments.out.read_text()) if arguments.out.exists() else {}
    for seed in range(arguments.seeds):
        for name in arguments.only:
            rows = results.setdefault(name, {})
            if str(seed) in rows:
                continue
            row = rows[str(seed)] = run_one(TRIED[name], seed)
            write(arguments.out, results)
            numbers = f"valid {row['valid']['pearsonr']:.3f}, test {row['test']['pearsonr']:.3f}"
            console.print(f"{name} seed {seed}: {numbers}, {row['seconds']:.0f} s")
    console.print(table(results))


if __name__ == "__main__":
    main()
