"""Race whelp against Baskerville from BigWigs to records: time, and memory of all processes.

    python benchmarks/data_race.py DEMO /path/to/baskerville/environment/bin/python

DEMO is a folder with a FASTA of windows of 131,072 bp, one a contig, and `bigwig/` with tracks over
them. From these, 32 BigWigs over 200 windows on 25 chromosomes are made: the windows in another
order for each chromosome, the values of each BigWig times a factor of its own.

- reference: `bw_w5.py` on each BigWig, as many at a time as there are processes, and then
  `hound_data.py --local`
- whelp: its `hound_data.py` with the same arguments, on the BigWigs themselves; its records must
  equal the reference's

Memory is the sum over all processes of a side, each page that they share counted once (PSS), as
seen five times a second. Run it with nothing else on the machine.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

from whelp.data import WindowFormat, read_windows
from whelp.genome import dna
from whelp.genome.bigwig import BigWig, write_bigwig_values
from whelp.genome.fasta import Fasta

WINDOW = 131_072
CHROMOSOMES = 25
WINDOWS_EACH = 8
TRACKS = 32
LABELS = {"test": "chr24", "valid": "chr25"}
SAMPLING = 0.2
ARGUMENTS = ("-l", WINDOW, "--break", 10_000_000, "-t", LABELS["test"], "-v", LABELS["valid"])


@dataclass
class Inputs:
    """The genome and the tracks of the race."""

    folder: Path
    bigwigs: list[Path] = field(default_factory=list)

    @property
    def genome(self) -> Path:
        return self.folder / "genome.fa"

    def table(self, ending: str) -> Path:
        return self.folder / f"targets_{ending}.txt"


@dataclass(frozen=True)
class Measured:
    """One run of one side."""

    seconds: float
    cpu_seconds: float
    peak_mb: float


def make_inputs(demo: Path, folder: Path) -> Inputs:
    """Write the genome, the BigWigs and the tables of the race."""
    inputs = Inputs(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (fasta,) = [*demo.glob("*.fa"), *demo.glob("*.fa.gz")]
    layout = dict(_layout(list(Fasta(fasta).lengths)))
    with Fasta(fasta) as source, inputs.genome.open("w") as out:
        for chrom, (contigs, length) in layout.items():
            text = dna.decode(np.concatenate([source.fetch(c, 0, WINDOW) for c in contigs]))
            text = text.ljust(length, "N")
            lines = (text[at : at + 60] for at in range(0, length, 60))
            out.write(f">{chrom}\n" + "\n".join(lines) + "\n")
    lengths = {chrom: length for chrom, (_, length) in layout.items()}
    sources = itertools.cycle(sorted((demo / "bigwig").glob("*.bw")))
    for number, source_path in zip(range(TRACKS), sources, strict=False):
        path = folder / f"track{number}.bw"
        with BigWig(source_path) as track:
            write_bigwig_values(path, lengths, _arrays(track, layout, 1 + number / TRACKS))
        inputs.bigwigs.append(path)
    for ending in ("bw", "w5"):
        _write_table(inputs, ending)
    return inputs


def _layout(contigs: Sequence[str]) -> Iterator[tuple[str, tuple[list[str], int]]]:
    """Give chromosomes: the windows on them, and their length.

    The reference drops a window that ends with its chromosome, and its largest contig.
    """
    order = itertools.cycle(contigs)
    for number in range(1, CHROMOSOMES + 1):
        windows = list(itertools.islice(order, WINDOWS_EACH))
        yield f"chr{number}", (windows, WINDOWS_EACH * WINDOW + 1)
    yield "chrLost", (list(itertools.islice(order, WINDOWS_EACH)), WINDOWS_EACH * WINDOW + 2)


def _arrays(
    track: BigWig, layout: dict[str, tuple[list[str], int]], factor: float
) -> Iterator[tuple[str, np.ndarray]]:
    for chrom, (contigs, _) in layout.items():
        values = [track.values(contig, 0, WINDOW) for contig in contigs]
        yield chrom, np.concatenate(values) * np.float32(factor)


def _write_table(inputs: Inputs, ending: str) -> None:
    header = ["", "identifier", "file", "clip", "clip_soft", "scale", "sum_stat", "strand_pair"]
    lines = ["\t".join([*header, "description"])]
    for number, path in enumerate(inputs.bigwigs):
        name = path.stem
        file = path.with_suffix(f".{ending}")
        values = [number, name, file, 384, 64, 0.3, "sum_sqrt", number, name]
        lines.append("\t".join(str(value) for value in values))
    inputs.table(ending).write_text("\n".join(lines) + "\n")


class Watch:
    """Measures the time of a block, and the memory of the processes that it starts."""

    def __enter__(self) -> Watch:
        self._peak = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample)
        self._begun, self._cpu = time.perf_counter(), _cpu_seconds()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        seconds = time.perf_counter() - self._begun
        self._over.set()
        self._thread.join()
        self.measured = Measured(seconds, _cpu_seconds() - self._cpu, self._peak / 1e6)

    def _sample(self) -> None:
        me = psutil.Process()
        while not self._over.wait(SAMPLING):
            total = 0
            for child in me.children(recursive=True):
                try:
                    total += child.memory_full_info().pss
                except psutil.Error:
                    continue
            self._peak = max(self._peak, total)


def _cpu_seconds() -> float:
    """CPU time of all processes that were started from here and have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run(command: Sequence[object], *, path: Sequence[Path] = (), log: Path) -> None:
    """Run a command; its output goes to a file."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment["PATH"] = os.pathsep.join([*map(str, path), environment["PATH"]])
    with log.open("a") as out:
        words = [str(word) for word in command]
        subprocess.run(words, env=environment, stdout=out, stderr=out, check=True)


def run_reference(
    inputs: Inputs, reference: Path, out: Path, processes: int
) -> dict[str, Measured]:
    """Convert each BigWig, then make the data set."""
    scripts = _scripts(reference)
    path = [scripts, scripts / "utils", reference.parent]
    log = out.with_suffix(".log")
    for old in inputs.folder.glob("*.w5"):
        old.unlink()

    def convert(bigwig: Path) -> None:
        run(["bw_w5.py", bigwig, bigwig.with_suffix(".w5")], path=path, log=log)

    with Watch() as conversion, ThreadPoolExecutor(processes) as pool:
        list(pool.map(convert, inputs.bigwigs))
    command = ["hound_data.py", "--local", "-p", processes, *ARGUMENTS, "-o", out]
    with Watch() as making:
        run([*command, inputs.genome, inputs.table("w5")], path=path, log=log)
    both = [conversion.measured, making.measured]
    whole = Measured(
        sum(m.seconds for m in both),
        sum(m.cpu_seconds for m in both),
        max(m.peak_mb for m in both),
    )
    return {"bw_w5.py": both[0], "hound_data.py": both[1], "both": whole}


def run_whelp(inputs: Inputs, out: Path, processes: int) -> Measured:
    """Make the data set from the BigWigs."""
    code = "from whelp.cli.hound_data import main; main()"
    command = [sys.executable, "-c", code, "--local", "-p", processes, *ARGUMENTS, "-o", out]
    with Watch() as watch:
        run([*command, inputs.genome, inputs.table("bw")], log=out.with_suffix(".log"))
    return watch.measured


def compare(one: Path, other: Path) -> str:
    """Say whether two data sets hold the same records."""
    statistics = json.loads((one / "statistics.json").read_text())
    form = WindowFormat(
        statistics["seq_length"], statistics["target_length"], statistics["num_targets"]
    )
    count = 0
    for path in sorted((one / "tfrecords").glob("*.tfr")):
        other_path = other / "tfrecords" / path.name
        for a, b in zip(read_windows(path, form), read_windows(other_path, form), strict=True):
            if not (np.array_equal(a.sequence, b.sequence) and np.array_equal(a.target, b.target)):
                return f"window {count} differs"
            count += 1
    return f"{count} windows are equal"


def _scripts(reference: Path) -> Path:
    code = "import importlib.util as u; print(u.find_spec('baskerville').origin)"
    found = subprocess.run([reference, "-c", code], capture_output=True, text=True, check=True)
    return Path(found.stdout.strip()).parent / "scripts"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("demo", type=Path)
    parser.add_argument("reference", type=Path, nargs="?", help="python; without it only whelp")
    parser.add_argument("-p", "--processes", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--work", type=Path, help="folder to work in, kept")
    args = parser.parse_args()
    work = args.work or Path(tempfile.mkdtemp())
    inputs = make_inputs(args.demo, work / "inputs")
    for repeat in range(args.repeats):
        for old in ("reference", "whelp"):
            shutil.rmtree(work / old, ignore_errors=True)
        numbers = {"whelp": run_whelp(inputs, work / "whelp", args.processes)}
        if args.reference:
            done = run_reference(inputs, args.reference, work / "reference", args.processes)
            numbers |= {f"reference, {name}": measured for name, measured in done.items()}
        for name, measured in numbers.items():
            seconds = f"{measured.seconds:7.1f} s {measured.cpu_seconds:7.1f} s of CPU"
            print(f"{repeat} {name:26s} {seconds} {measured.peak_mb:6.0f} MB", flush=True)
        if args.reference:
            print(compare(work / "reference", work / "whelp"))
    if not args.work:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
