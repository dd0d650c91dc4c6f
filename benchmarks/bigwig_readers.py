"""Measure two readers of BigWigs, pyBigWig and pybigtools, on windows of 131,072 bp.

    pip install pybigtools
    python benchmarks/bigwig_readers.py

Four files are made: in steps of 32 bp with as many zeros as real RNA tracks have, a value at each
base, points with nothing in between, and blocks of exons; others may be given. Each reader runs in
a process of its own and reads windows in the order of the genome, once, as the making of a data set
does; and again, which shows what it keeps in memory. Times are of the CPU. Values must be the same:
NaN where there is none.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

WINDOW = 131_072
WINDOWS = 100
REPEATS = 3
READERS = ("pyBigWig", "pybigtools")


def make_files(folder: Path) -> dict[str, Path]:
    """Write the four BigWigs, each of one chromosome."""
    from whelp.genome.bigwig import write_bigwig_values

    draw = np.random.default_rng(0)
    length = WINDOW * WINDOWS
    steps = draw.gamma(0.3, 2.0, length // 32) * (draw.random(length // 32) < 0.3)
    points = np.full(length, np.nan)
    places = draw.integers(0, length, length // 300)
    points[places] = draw.gamma(1, 3, len(places))
    blocks = np.repeat(draw.poisson(2, length // 128), 128) * (draw.random(length) > 0.001)
    signals = {
        "steps of 32 bp": np.repeat(steps.round(2), 32),
        "each base": draw.gamma(1, 2, length).round(3),
        "points": points,
        "blocks": blocks.astype(float),
    }
    paths = {}
    for number, (name, values) in enumerate(signals.items()):
        paths[name] = folder / f"{number}.bw"
        write_bigwig_values(paths[name], {"chr1": length}, [("chr1", values)])
    return paths


def measure(reader: str, path: Path) -> dict[str, float]:
    """Read all windows several times; called in a process of its own."""
    before = _memory()
    begun = time.process_time()
    file: Any
    if reader == "pyBigWig":
        import pyBigWig

        file = pyBigWig.open(str(path))

        def values(chrom: str, start: int) -> np.ndarray:
            return file.values(chrom, start, start + WINDOW, numpy=True)
    else:
        import pybigtools

        file = pybigtools.open(str(path))

        def values(chrom: str, start: int) -> np.ndarray:
            read = file.values(chrom, start, start + WINDOW, fillna=np.nan)
            return read.astype(np.float32)

    chrom, length = next(iter(file.chroms().items()))
    opened = time.process_time() - begun
    starts = range(0, min(length - WINDOW, WINDOW * WINDOWS) + 1, WINDOW)
    times, total = [], 0.0
    for _ in range(REPEATS):
        begun = time.process_time()
        for start in starts:
            read = values(chrom, start)
            total += float(np.nansum(read[::101], dtype=np.float64)) + np.isnan(read[::7]).sum()
        times.append((time.process_time() - begun) / len(starts) * 1e3)
    return {
        "open": opened * 1e3,
        "first": times[0],
        "again": min(times[1:]),
        "memory": _memory() - before,
        "check": total,
    }


def _memory() -> float:
    """Largest resident memory of this process so far, in 10^6 bytes."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path, help="more BigWigs; their first chromosome")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(measure(args.measure[0], Path(args.measure[1]))))
        return
    with tempfile.TemporaryDirectory() as folder:
        print(f"{'file':16s} {'reader':12s} {'open ms':>8s} {'first ms':>9s} {'again ms':>9s}  MB")
        files = make_files(Path(folder)) | {path.name: path for path in args.files}
        for name, path in files.items():
            checks = set()
            for reader in READERS:
                command = [sys.executable, __file__, "--measure", reader, str(path)]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                found = json.loads(done.stdout)
                checks.add(found["check"])
                times = f"{found['open']:8.1f} {found['first']:9.3f} {found['again']:9.3f}"
                print(f"{name:16s} {reader:12s} {times} {found['memory']:4.0f}")
            if len(checks) > 1:
                print(f"{name:16s} the readers disagree")


if __name__ == "__main__":
    main()
