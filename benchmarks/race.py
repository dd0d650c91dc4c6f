"""Race whelp against Baskerville on the pretrained mini Borzoi: time and peak memory.

    python benchmarks/race.py /path/to/baskerville/environment/bin/python

Three tasks, side by side, each in a process of its own, turn by turn:

- step: LoRA training at batch 4, a step's time once graphs are traced, the process's memory;
- evaluation: `hound_eval.py` of either on the test windows, the whole process;
- transfer: `whelp transfer`, which evaluates and writes a report too, against `hound_transfer.py`:
  LoRA, 2 epochs at batch 4, the whole process;
- drop-in: the same with whelp's own `hound_transfer.py`, which writes what the reference's does.

Run it in an environment with one Keras backend: a second one that is installed takes memory.
Give the machine nothing else to do.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from processes import run
from rich.console import Console
from rich.table import Table

HERE = Path(__file__).resolve().parent
CONFIG = HERE.parent / "json_configs" / "mini_borzoi_lora.json"
TRAIN = {"batch_size": 4, "learning_rate": 0.001, "warmup_steps": 5, "patience": 2}
EPOCHS = {"step": 4, "transfer": 2}
TASKS = ("step", "evaluation", "transfer", "drop-in")
SIDES = ("whelp", "reference")
NUMBERS = (
    ("seconds", "s", "{:.2f}"),
    ("cpu_seconds", "s of CPU", "{:.2f}"),
    ("peak_mb", "MB, peak", "{:,.0f}"),
)

VERSIONS = """
import importlib.metadata as m, json, platform
found = {"python": platform.python_version()}
names = "whelp baskerville keras tensorflow-cpu tensorflow jax torch numpy"
for name in names.split():
    try: found[name] = m.version(name)
    except m.PackageNotFoundError: pass
print(json.dumps(found))
"""
WHERE = """
import importlib.util
print(importlib.util.find_spec("%s").submodule_search_locations[0])
"""
WEIGHTS = """
import sys, whelp
params, trunk, out = sys.argv[1:]
whelp.save_weights(whelp.load(params, trunk, trunk=True), out)
"""


class Course:
    """The files of the race, and the commands of either side.

    Args:
        reference: Python of the environment in which Baskerville is installed.
        scripts: folder with its `hound_transfer.py` and `hound_eval.py`; by default the package's.
        work: folder to write to.
    """

    def __init__(self, reference: Path, scripts: Path | None, work: Path) -> None:
        self.reference, self.work = reference, work
        self.scripts = scripts or _package(reference, "baskerville") / "scripts"
        demo = _package(Path(sys.executable), "whelp") / "demo" / "data"
        self.trunk, self.data = demo / "mini_borzoi" / "trunk.h5", demo / "mm10"
        self.params = {task: self._write_params(task) for task in EPOCHS}
        self.weights = work / "model.h5"
        run([sys.executable, "-c", WEIGHTS, self.params["transfer"], self.trunk, self.weights])

    def _write_params(self, task: str) -> Path:
        params = json.loads(CONFIG.read_text())
        epochs = {"train_epochs_min": EPOCHS[task], "train_epochs_max": EPOCHS[task]}
        params["train"] |= TRAIN | epochs
        path = self.work / f"{task}.json"
        path.write_text(json.dumps(params))
        return path

    def step(self, side: str, out: Path) -> dict[str, float]:
        """Run LoRA training for some epochs; seconds are a step's after the first epoch."""
        times = out / "steps.json"
        if side == "whelp":
            arguments = [self.params["step"], self.trunk, self.data]
            finished = run([sys.executable, HERE / "steps_whelp.py", times, *arguments])
        else:
            script = [HERE / "steps_reference.py", times, self.scripts / "hound_transfer.py"]
            command = [self.reference, *script, *self._transfer_arguments("step", out)]
            finished = run(command, cwd=out)
        ends = json.loads(times.read_text())[1:]
        steps = [late - early for epoch in ends for early, late in pairwise(epoch)]
        return {"seconds": statistics.median(steps), "peak_mb": finished.peak_mb}

    def evaluation(self, side: str, out: Path) -> dict[str, float]:
        """Run `hound_eval.py` on the test windows."""
        arguments = ["-o", out / "eval", self.params["transfer"], self.weights, self.data]
        if side == "whelp":
            command = [_command("hound_eval.py"), *arguments]
        else:
            command = [self.reference, self.scripts / "hound_eval.py", *arguments]
        return run(command, cwd=out).numbers()

    def transfer(self, side: str, out: Path) -> dict[str, float]:
        """Run a transfer of 2 epochs from beginning to end."""
        if side == "reference":
            return self.drop_in(side, out)
        command = [_command("whelp"), "transfer", self.params["transfer"], self.data]
        return run([*command, "--weights", self.trunk, "-o", out / "out"], cwd=out).numbers()

    def drop_in(self, side: str, out: Path) -> dict[str, float]:
        """Run either's `hound_transfer.py`."""
        if side == "whelp":
            command = [_command("hound_transfer.py")]
        else:
            command = [self.reference, self.scripts / "hound_transfer.py"]
        return run([*command, *self._transfer_arguments("transfer", out)], cwd=out).numbers()

    def _transfer_arguments(self, task: str, out: Path) -> list[str | Path]:
        where = ["-o", out / "out", "-l", out / "log", "--restore", self.trunk, "--trunk"]
        return [*where, self.params[task], self.data]


def _package(python: Path, name: str) -> Path:
    return Path(run([python, "-c", WHERE % name]).output.split()[-1])


def _command(name: str) -> Path:
    """Return the path of a console command of this environment."""
    return Path(sys.executable).parent / name


def race(course: Course, task: str, repeats: int, report: Callable[[str], None]) -> dict[str, Any]:
    """Run a task on both sides turn by turn; who begins changes."""
    measured: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
    for repeat in range(repeats):
        for side in SIDES if repeat % 2 else SIDES[::-1]:
            out = course.work / f"{task}_{side}_{repeat}"
            out.mkdir()
            measured[side].append(getattr(course, task.replace("-", "_"))(side, out))
            last = measured[side][-1]
            report(f"{task} {side}: {last['seconds']:.3f} s, {last['peak_mb']:,.0f} MB")
    return measured


def median(rows: list[dict[str, float]], key: str) -> float:
    """Median of a number over the repeats."""
    return statistics.median(row[key] for row in rows)


def table(results: dict[str, Any]) -> Table:
    """Lay out medians, and how whelp's relate to the reference's."""
    shown = Table("task", "", *SIDES, "whelp / reference", title="medians")
    for column in shown.columns[2:]:
        column.justify = "right"
    for task, measured in results.items():
        for key, unit, form in NUMBERS:
            if key not in measured[SIDES[0]][0]:
                continue
            values = [median(measured[side], key) for side in SIDES]
            row = [form.format(value) for value in values]
            shown.add_row(task, unit, *row, f"{values[0] / values[1]:.2f}")
    return shown


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("reference", type=Path, help="python with Baskerville installed")
    parser.add_argument("--scripts", type=Path, help="folder with its hound_*.py")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=TASKS, default=TASKS)
    parser.add_argument("--out", type=Path, help="JSON file of all measurements")
    arguments = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory() as work:
        course = Course(arguments.reference.absolute(), arguments.scripts, Path(work))
        results = {
            task: race(course, task, arguments.repeats, console.print) for task in arguments.only
        }
    console.print(table(results))
    if arguments.out:
        pythons = dict(zip(SIDES, (Path(sys.executable), arguments.reference), strict=True))
        versions = {
            side: json.loads(run([python, "-c", VERSIONS]).output.splitlines()[-1])
            for side, python in pythons.items()
        }
        arguments.out.write_text(json.dumps({"versions": versions, "results": results}, indent=1))


if __name__ == "__main__":
    main()
