"""The demo's methods, their parameters, and the processes that run them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whelp.demo import demo_file
from whelp.files import atomic_path

if TYPE_CHECKING:
    from whelp.report import RunSummary

HEAD = "head_mouse"
TRACKS = 12
DATA = "data"
"""Folder of the data set, in the demo's folder."""
VARIANTS = "variants"
"""Folder of the scored variants."""

WINDOWS_PER_FILE = 4
_TRAIN = {
    "batch_size": 2,
    "shuffle_buffer": 32,
    "optimizer": "adam",
    "learning_rate": 0.002,
    "loss": "poisson_mn",
    "total_weight": 0.2,
    "warmup_steps": 20,
    "global_clipnorm": 0.1,
    "adam_beta1": 0.9,
    "adam_beta2": 0.999,
}


@dataclass(frozen=True)
class Method:
    """One way of adapting the demo's model.

    Attributes:
        name: What it is called in tables.
        folder: Name of its folder.
        transfer: Section transfer; `None` trains from random weights.
        epochs: Number of epochs.
        note: Remark for tables.
        train: What differs in the section train.
    """

    name: str
    folder: str
    transfer: Mapping[str, Any] | None
    epochs: int = 15
    note: str = ""
    train: Mapping[str, Any] = field(default_factory=dict)


_FEWER = "{epochs} epochs, for time"
METHODS = (
    Method("Linear", "linear", {"mode": "linear"}),
    Method("LoRA", "lora", {"mode": "adapter", "adapter": "lora", "adapter_latent": 8}),
    Method(
        "Locon4",
        "locon4",
        {"mode": "adapter", "adapter": "locon", "conv_select": 4, "conv_latent": 4},
    ),
    Method("Full", "full", {"mode": "full"}, 8, _FEWER, {"learning_rate": 5e-4}),
    Method("From scratch", "scratch", None, 8, _FEWER, {"learning_rate": 5e-4}),
)


_OURS = "whelp's recipe"
RECIPES: dict[str, dict[str, Any]] = {
    "lora": {
        "epochs": 8,
        "note": _OURS,
        "train": {"learning_rate": 0.005, "adapter_after": 8, "patience": 15},
    },
    "locon4": {
        "note": _OURS,
        "train": {"learning_rate": 0.005},
        "transfer": {
            "mode": "adapter",
            "adapter": "locon",
            "conv_select": 4,
            "conv_latent": 4,
            "locon_alpha": 0.1,
        },
    },
}
"""Settings found on validation windows, by the folder of the method that they are for."""


def with_recipe(method: Method) -> Method:
    """Returns a method with whelp's own settings, where there are any."""
    return replace(method, **RECIPES.get(method.folder, {}))


class DemoError(RuntimeError):
    """A method of the demo failed; what finished before is kept."""


def demo_params(method: Method, *, quick: bool) -> dict[str, Any]:
    """Makes a method's parameters from those of the pretrained model.

    Args:
        method: The method.
        quick: Whether one epoch is enough.
    """
    model = json.loads(demo_file("mini_borzoi/params.json").read_text())["model"]
    model = {key: value for key, value in model.items() if not key.startswith("head")}
    model[HEAD] = {"name": "final", "units": TRACKS, "activation": "softplus"}
    model["target_transform"] = "new"
    epochs = 1 if quick else method.epochs
    lengths = {"patience": epochs, "train_epochs_min": epochs, "train_epochs_max": epochs}
    train = {**_TRAIN, **lengths, **method.train}
    if quick and "adapter_after" in train:
        train["adapter_after"] = 1
    params: dict[str, Any] = {"train": train}
    if method.transfer is not None:
        params["transfer"] = dict(method.transfer)
    return {**params, "model": model}


def command_of(method: Method, out_dir: Path, *, quick: bool) -> list[str]:
    """Returns the arguments of `whelp` that run a method, and writes its parameter file."""
    text = json.dumps(demo_params(method, quick=quick), indent=2) + "\n"
    params = out_dir / f"{method.folder}.json"
    with atomic_path(params) as temporary:
        temporary.write_text(text, encoding="utf-8")
    command = ["train" if method.transfer is None else "transfer", str(params)]
    command += [str(out_dir / DATA), "--out-dir", str(out_dir / method.folder)]
    if method.transfer is not None:
        command += ["--weights", str(demo_file("mini_borzoi/trunk.h5")), "--trunk"]
    if quick:
        command += ["--train-pattern", "train-0.tfr", "--valid-pattern", "valid-0.tfr"]
    return command


def data_command(out_dir: Path) -> list[str]:
    """Returns the arguments of `whelp` that make the data set from FASTA and BigWigs.

    The parameter file of the first method must be there: it has the lengths.
    """
    tracks = demo_file("mm10_tracks")
    return [
        "data",
        str(tracks / "mm10_windows.fa.gz"),
        str(tracks / "targets.txt"),
        *("--out", str(out_dir / DATA)),
        *("--model", str(out_dir / f"{METHODS[0].folder}.json")),
        *("--windows", str(tracks / "regions.bed")),
        *("--seqs-per-tfr", str(WINDOWS_PER_FILE)),
    ]


def score_command(method: Method, out_dir: Path) -> list[str]:
    """Returns the arguments of `whelp` that score the demo's variants by a finished method."""
    tracks = demo_file("mm10_tracks")
    folder = out_dir / method.folder
    return [
        "score",
        str(folder / "params.json"),
        str(folder / "model_best.h5"),
        str(tracks / "variants.vcf"),
        *("--genome", str(tracks / "mm10_windows.fa.gz")),
        *("--targets", str(out_dir / DATA / "targets.txt")),
        *("--out-dir", str(out_dir / VARIANTS)),
        *("--share", "0.01"),
        *("--stats", "logD2,logSUM"),
        "--table",
    ]


def run_command(arguments: Sequence[str], name: str) -> None:
    """Runs `whelp` in a process of its own, which needs the memory; it stops with this one.

    Args:
        arguments: What follows `whelp`.
        name: What it is, to name it if it fails.

    Raises:
        DemoError: The process failed.
        KeyboardInterrupt: Ctrl-C; the process has stopped, too.
    """
    process = subprocess.Popen([sys.executable, "-m", "whelp.cli.main", *arguments])
    try:
        code = process.wait()
    except KeyboardInterrupt:
        process.wait()
        raise
    if code:
        raise DemoError(
            f"{name} failed with exit code {code}; its message is above. Call whelp demo again to "
            "go on from here."
        )


def begun(method: Method, out_dir: Path) -> str:
    """Says how far a method is: `finished`, `resume`, or `new` (also after other parameters)."""
    folder = out_dir / method.folder
    try:
        same = _asked(folder / "params.json") == _asked(out_dir / f"{method.folder}.json")
        record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError):
        return "new"
    if not same:
        return "new"
    return "finished" if record.get("status") == "finished" else "resume"


def _asked(params: Path) -> dict[str, Any]:
    """Reads parameters, without what a run adds to them: where its weights come from."""
    values = json.loads(params.read_text(encoding="utf-8"))
    values["model"].pop("provenance", None)
    return values


def run_method(method: Method, out_dir: Path, *, quick: bool) -> bool:
    """Runs a method in a process of its own, whose peak of memory is then its own.

    Returns:
        Whether there was anything left to do.

    Raises:
        DemoError: The process failed.
        KeyboardInterrupt: Ctrl-C; the process has stopped, too.
    """
    arguments = command_of(method, out_dir, quick=quick)
    state = begun(method, out_dir)
    if state == "finished":
        return False
    arguments += ["--resume"] if state == "resume" else ["--overwrite"]
    run_command(arguments, method.name)
    return True


def summary_of(method: Method, out_dir: Path) -> RunSummary:
    """Reads what a finished method wrote."""
    import pandas as pd

    from whelp.report import RunSummary

    folder = out_dir / method.folder
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    notes = [method.note.format(epochs=record["epochs"])]
    if record["head_epochs"]:
        notes.insert(0, f"after {record['head_epochs']} epochs of the head alone")
    return RunSummary(
        name=method.name,
        note="; ".join(note for note in notes if note),
        trained_parameters=record["trained_parameters"],
        total_parameters=record["total_parameters"],
        seconds=record["seconds"],
        peak_memory=record["peak_memory"],
        valid_pearsonr=record["valid_pearsonr"],
        history=pd.read_csv(folder / "log.csv"),
        best_epoch=record["best_epoch"],
        accuracy=pd.read_table(folder / "test" / "acc.txt"),
    )


def best_of(runs: Sequence[RunSummary]) -> int:
    """Returns the place of the run with the highest test Pearson."""
    scores = [run.mean("pearsonr") for run in runs]
    known = [-1.0 if score is None or score != score else score for score in scores]
    return max(range(len(known)), key=known.__getitem__)
