"""Race workers of a local Dask cluster that make a data set: two against one, and one against none.

    python benchmarks/cluster_data_race.py

BigWigs of random coverage over a genome of 20 contigs of 2 Mb, windows of 131,072 bp at steps of a
quarter. Workers are warm, each of one thread; the data sets must be equal, byte for byte.

- no Dask: the processes of `whelp data -p 1`
- one worker, two workers: `--cluster local`

Give the machine nothing else to do.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from whelp.cluster import open_runner
from whelp.genome.bigwig import write_bigwig_values
from whelp.making import DataSettings, WindowSettings, make_data
from whelp.workers import Processes

CONTIGS = {f"chr{number}": 2_000_000 for number in range(1, 21)}
WINDOWS = WindowSettings(stride_train=0.25, stride_test=0.25, break_length=400_000)
RUNNERS = {"no Dask": 0, "one worker": 1, "two workers": 2}


def write_inputs(folder: Path, tracks: int) -> tuple[Path, Path]:
    """A genome, BigWigs with a value for each run of bases, and their table."""
    draw = np.random.default_rng(3)
    genome = folder / "genome.fa"
    with genome.open("w", encoding="ascii") as file:
        for name, length in CONTIGS.items():
            file.write(f">{name}\n{''.join(draw.choice(list('ACGT'), length))}\n")
    rows = ["\tidentifier\tfile\tclip\tclip_soft\tscale\tsum_stat\tdescription"]
    for track in range(tracks):
        values = (
            (name, np.repeat(draw.gamma(0.3, 2.0, length // 20), 20).astype(np.float32))
            for name, length in CONTIGS.items()
        )
        write_bigwig_values(folder / f"t{track}.bw", CONTIGS, values)
        file_name = folder / f"t{track}.bw"
        rows.append(f"{track}\tt{track}\t{file_name}\t768\t384\t1.0\tsum_sqrt\tRNA:t{track}")
    targets = folder / "targets.txt"
    targets.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return genome, targets


def contents(folder: Path) -> dict[str, bytes]:
    """All files."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def opened(workers: int) -> Any:
    """A runner with so many workers of one thread; with 0, a process without Dask."""
    if workers == 0:
        return nullcontext(Processes(1, threads=1, apart=True))
    return open_runner("local", workers=workers, threads=1, gpus=False)


def race(folder: Path, inputs: tuple[Path, Path], repeats: int) -> Iterator[dict[str, Any]]:
    """Time the runners in turns; the first data set of each cluster warms it and is not counted."""
    settings = DataSettings(WINDOWS, processes=1)
    expected = contents(make_data(*inputs, folder / "expected", settings).path)
    for repeat in range(repeats):
        for name, workers in list(RUNNERS.items())[:: 1 if repeat % 2 else -1]:
            with opened(workers) as runner:
                for turn in ("warm", "timed"):
                    out = folder / f"{repeat}-{workers}-{turn}"
                    begun = time.perf_counter()
                    make_data(*inputs, out, settings, runner=runner)
                    seconds = time.perf_counter() - begun
            if contents(out) != expected:
                raise RuntimeError(f"{name} made another data set")
            yield {"runner": name, "seconds": seconds}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tracks", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        inputs = write_inputs(Path(name), args.tracks)
        rows = []
        for row in race(Path(name), inputs, args.repeats):
            rows.append(row)
            print(json.dumps(row), flush=True)
    middle = {
        runner: statistics.median(row["seconds"] for row in rows if row["runner"] == runner)
        for runner in RUNNERS
    }
    for runner, seconds in middle.items():
        print(f"{runner}: {seconds:.2f} s")
    print(f"two workers over one: {middle['two workers'] / middle['one worker']:.2f}")
    print(f"one worker over none: {middle['one worker'] / middle['no Dask']:.2f}")


if __name__ == "__main__":
    main()
