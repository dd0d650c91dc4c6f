"""Race whelp against Baskerville in scoring variants: time and memory of whole processes.

    python benchmarks/score_race.py /path/to/baskerville/environment/bin/python

The pretrained mini Borzoi, 74 human tracks, 1 Mb of hg38; both sides' own commands with the same
arguments, turn by turn, each in a process of its own:

- snps: `hound_snp.py` on 64 SNPs, each in its own window
- averaged: the same with `--rc --shifts 0,1,-1`
- genes: `hound_snpgene.py` on 2,000 SNPs that lie in the windows of two genes. The reference takes
  0.4 s for each, so it may be given fewer (`--reference-variants`); the table then also says what
  its time would be if it grew in proportion
- ism: `hound_ism_bed.py` on 200 bp
- growth: whelp alone, `hound_snpgene.py` on 100, 1,000 and 10,000 SNPs: time in proportion, memory
  as it is

A run on one SNP (or base) tells start-up from the rest: "each" is the time of a further one. Where
both sides score the same variants, the largest difference of their scores is printed, as a share of
the largest score.

The reference needs bedtools on the PATH for `genes`. Run it in an environment with one Keras
backend, and give the machine nothing else to do.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from processes import Finished, run
from rich.console import Console
from rich.table import Table

from whelp.demo import demo_file
from whelp.genome import dna
from whelp.genome.fasta import Fasta

REPOSITORY = Path(__file__).resolve().parent.parent
GENOME = REPOSITORY / "tests" / "golden" / "snp" / "inputs" / "hg38_1m.fa.gz"
TARGETS = REPOSITORY / "tests" / "data" / "hg38" / "targets.txt"
GENES = REPOSITORY / "tests" / "golden" / "snp" / "inputs" / "genes.gtf"
TWO_GENES = ('gene_id "ENSG01.1"', 'gene_id "ENSG02.1"')
IN_BOTH_WINDOWS = (155_000, 265_000)
ANYWHERE = (100_000, 900_000)
MUTATED = 300_000
SIDES = ("whelp", "reference")
WHELP = {
    "hound_snp.py": "from whelp.cli.hound_snp import main; main()",
    "hound_snpgene.py": "from whelp.cli.hound_snpgene import main; main()",
    "hound_ism_bed.py": "from whelp.cli.hound_ism import bed; bed()",
}
WHERE = "import importlib.util as u; print(u.find_spec('baskerville').origin)"


@dataclass(frozen=True)
class Task:
    """A race.

    Attributes:
        command: Name of the command, which both sides have.
        arguments: Its arguments besides files.
        number: How many SNPs, or bases that are mutated.
    """

    command: str
    arguments: tuple[str, ...]
    number: int


def tasks(arguments: argparse.Namespace) -> dict[str, Task]:
    """The races by name."""
    both = ("--stats", "logSUM,logD2")
    return {
        "snps": Task("hound_snp.py", both, arguments.snps),
        "averaged": Task("hound_snp.py", (*both, "--rc", "--shifts", "0,1,-1"), arguments.snps),
        "genes": Task("hound_snpgene.py", ("--stats", "logSED,logD2"), arguments.variants),
        "ism": Task("hound_ism_bed.py", both, arguments.bases),
    }


class Course:
    """The files of the race, and the commands of either side.

    Args:
        reference: Python of the environment in which Baskerville is installed.
        scripts: Folder of its `hound_*.py`; by default the package's.
        work: Folder to write to.
    """

    def __init__(self, reference: Path, scripts: Path | None, work: Path) -> None:
        self.reference, self.work = reference, work
        if scripts is None:
            package = Path(run([reference, "-c", WHERE]).output.split()[-1]).parent
            scripts = package / "scripts"
        self.scripts = scripts
        self.genes = work / "genes.gtf"
        lines = GENES.read_text().splitlines(keepends=True)
        self.genes.write_text("".join(x for x in lines if any(gene in x for gene in TWO_GENES)))

    def run(self, side: str, task: Task, number: int, out: Path) -> Finished:
        """Run one side's command on so many SNPs or bases."""
        own = [sys.executable, "-c", WHELP[task.command]]
        theirs = [self.reference, self.scripts / task.command]
        words = ["-f", GENOME, "-t", TARGETS, "-o", out, *task.arguments]
        words += self._inputs(task, number)
        # bedtools, which the reference runs, may be in its environment only.
        path = os.pathsep.join([str(self.reference.parent), os.environ["PATH"]])
        command = [*(own if side == "whelp" else theirs), *words]
        return run(command, cwd=self.work, env={"PATH": path})

    def _inputs(self, task: Task, number: int) -> list[str | Path]:
        model = [demo_file(f"mini_borzoi/{name}") for name in ("params.json", "model.h5")]
        if task.command == "hound_ism_bed.py":
            bed = self.work / f"{number}.bed"
            bed.write_text(f"chr1\t{MUTATED}\t{MUTATED + number}\tstretch\t.\t+\n")
            return ["-l", str(number), *model, bed]
        if task.command == "hound_snpgene.py":
            return ["-g", self.genes, *model, self._vcf(number, IN_BOTH_WINDOWS)]
        return [*model, self._vcf(number, ANYWHERE)]

    def _vcf(self, number: int, where: tuple[int, int]) -> Path:
        path = self.work / f"{number}_{where[0]}.vcf"
        if not path.exists():
            path.write_text("##fileformat=VCFv4.2\n" + "".join(_snps(number, where)))
        return path


def _snps(number: int, where: tuple[int, int]) -> Iterator[str]:
    """SNPs at even distances, each to the next base of the alphabet."""
    with Fasta(GENOME) as genome:
        bases = genome.fetch("chr1", *where)
    known = np.flatnonzero(bases != dna.UNKNOWN)
    for row, place in enumerate(known[np.linspace(0, len(known) - 1, number).astype(int)]):
        base = int(bases[place])
        ref, alt = dna.BASES[base], dna.BASES[(base + 1) % 4]
        yield f"chr1\t{where[0] + place + 1}\tsnp{row}\t{ref}\t{alt}\t.\t.\t.\n"


def difference(one: Path, other: Path) -> float:
    """Largest difference of two files of scores, as a share of the largest score of its kind."""
    worst = 0.0
    with h5py.File(one) as ours, h5py.File(other) as theirs:

        def compare(name: str, data: h5py.HLObject) -> None:
            nonlocal worst
            is_score = isinstance(data, h5py.Dataset) and data.dtype == np.float16
            if not is_score or name.endswith("_pct") or name not in ours:
                return
            values = data[:].astype(float)
            largest = np.abs(values).max(initial=0)
            if largest:
                worst = max(worst, float(np.abs(ours[name][:] - values).max() / largest))

        theirs.visititems(compare)
    return worst


def race(course: Course, name: str, task: Task, arguments: argparse.Namespace) -> list[dict]:
    """Run a task on both sides turn by turn; who begins changes."""
    numbers = {side: task.number for side in SIDES}
    if name == "genes":
        numbers["reference"] = min(task.number, arguments.reference_variants)
    measured = []
    for repeat in range(arguments.repeats):
        for side in SIDES if repeat % 2 else SIDES[::-1]:
            for number in (1, numbers[side]):
                out = course.work / f"{name}_{side}_{number}_{repeat}"
                finished = course.run(side, task, number, out)
                row = {"task": name, "side": side, "number": number, **finished.numbers()}
                measured.append(row)
                print(json.dumps(row), flush=True)
        if len(set(numbers.values())) == 1:
            outs = [course.work / f"{name}_{side}_{task.number}_{repeat}" for side in SIDES]
            share = difference(*(out / "scores.h5" for out in outs))
            print(f"{name}: scores differ by {share:.2%} of the largest", flush=True)
    return measured


def growth(course: Course, task: Task, numbers: Sequence[int]) -> list[dict]:
    """Run whelp alone on more and more SNPs."""
    measured = []
    for number in numbers:
        out = course.work / f"growth_{number}"
        row = {"task": "growth", "side": "whelp", "number": number}
        measured.append(row | course.run("whelp", task, number, out).numbers())
        print(json.dumps(measured[-1]), flush=True)
    return measured


def table(measured: Sequence[dict]) -> Table:
    """Medians by task and side; and how many times as long the reference takes."""
    shown = Table("task", "side", "number", "s", "s of CPU", "MB, peak", "s each", "times")
    for column in shown.columns[2:]:
        column.justify = "right"
    medians: dict[tuple, dict[str, float]] = {}
    for key in {(row["task"], row["side"], row["number"]): 0 for row in measured}:
        rows = [row for row in measured if (row["task"], row["side"], row["number"]) == key]
        names = ("seconds", "cpu_seconds", "peak_mb")
        medians[key] = {name: statistics.median(row[name] for row in rows) for name in names}
    for (task, side, number), one in medians.items():
        start = medians.get((task, side, 1), {}).get("seconds")
        if number == 1:
            continue
        each = None if start is None else (one["seconds"] - start) / (number - 1)
        seconds, text = one["seconds"], f"{one['seconds']:.1f}"
        mine = next((key for key in medians if key[:2] == (task, "whelp") and key[2] > 1), None)
        times = ""
        if side == "reference" and mine is not None:
            if mine[2] != number and start is not None and each is not None:
                seconds = start + each * (mine[2] - 1)
                text += f" (scaled to {mine[2]:,}: {seconds:.0f})"
            times = f"{seconds / medians[mine]['seconds']:.1f}"
        numbers = [f"{one['cpu_seconds']:.1f}", f"{one['peak_mb']:,.0f}"]
        shown.add_row(
            task, side, f"{number:,}", text, *numbers, "" if each is None else f"{each:.4f}", times
        )
    return shown


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("reference", type=Path, help="python with Baskerville installed")
    parser.add_argument("--scripts", type=Path, help="folder with its hound_*.py")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", nargs="+", default=["snps", "averaged", "genes", "ism", "growth"])
    parser.add_argument("--snps", type=int, default=64)
    parser.add_argument("--variants", type=int, default=2000, help="SNPs in two genes' windows")
    parser.add_argument("--reference-variants", type=int, default=200, help="of these at most")
    parser.add_argument("--bases", type=int, default=200)
    parser.add_argument("--growth", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--out", type=Path, help="JSON file of all measurements")
    arguments = parser.parse_args()
    measured: list[dict] = []
    with tempfile.TemporaryDirectory() as work:
        course = Course(arguments.reference.absolute(), arguments.scripts, Path(work))
        known = tasks(arguments)
        for name in arguments.only:
            if name == "growth":
                measured += growth(course, known["genes"], arguments.growth)
            else:
                measured += race(course, name, known[name], arguments)
    Console(width=120).print(table(measured))
    if arguments.out:
        arguments.out.write_text(json.dumps(measured, indent=1))


if __name__ == "__main__":
    main()
