"""Measure how many windows a second the input pipeline gives, on one core, and the model trains on.

    python benchmarks/pipeline.py

The demo's windows (131,072 bp, 32 tracks) with both augmentations, batch 2: from record files, as
in the first epoch, and from memory, as in all others where the data fit. The training step is that
of LoRA on the mini Borzoi, with all cores. The pipeline runs in a process that may use one core.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import whelp
from whelp.demo import demo_file

CONFIG = Path(__file__).resolve().parent.parent / "json_configs" / "mini_borzoi_lora.json"
BATCH = 2


def windows_per_second(memory_budget: int | None, *, passes: int) -> float:
    """Windows that the pipeline gives in a second, after a first pass."""
    given = {} if memory_budget is None else {"memory_budget": memory_budget}
    data = whelp.open_dataset(
        demo_file("mm10"),
        "train",
        batch_size=BATCH,
        augment_rc=True,
        augment_shift=[-3, 0, 3],
        **given,
    )
    times = []
    for _ in range(passes + 1):
        begun = time.perf_counter()
        for at in range(len(data)):
            data[at]
        data.on_epoch_end()
        times.append(time.perf_counter() - begun)
    return data.num_seqs / min(times[1:])


def feeding() -> dict[str, float]:
    """Both kinds of pass, in this process."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    return {
        "from record files": windows_per_second(0, passes=3),
        "from memory": windows_per_second(None, passes=5),
    }


def training(epochs: int = 3) -> float:
    """Windows that LoRA trains on in a second: the quickest epoch after the first."""
    params = whelp.load_params(CONFIG)
    base = whelp.load(CONFIG, demo_file("mini_borzoi/trunk.h5"), trunk=True)
    model = whelp.adapt(base, params.transfer)
    data = whelp.open_dataset(demo_file("mm10"), "train", batch_size=BATCH)
    spec = params.train.model_copy(update={"train_epochs_min": 1, "train_epochs_max": epochs})
    result = whelp.train(model, data, spec, verbose=0)
    return data.num_seqs / float(result.history["seconds"].iloc[1:].min())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--feed", action="store_true", help=argparse.SUPPRESS)
    if parser.parse_args().feed:
        print(json.dumps(feeding()))
        return
    answer = subprocess.run(
        [sys.executable, __file__, "--feed"], check=True, capture_output=True, text=True
    )
    fed: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    trained = training()
    table = Table("", "windows a second", "times the training")
    table.add_row("training, all cores", f"{trained:.1f}", "")
    for name, rate in fed.items():
        table.add_row(f"pipeline on one core, {name}", f"{rate:.1f}", f"{rate / trained:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
