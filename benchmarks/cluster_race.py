"""Race workers of a local Dask cluster that score variants: two against one, and one against none.

    python benchmarks/cluster_race.py

The pretrained mini Borzoi, 74 human tracks, SNPs of 1 Mb of hg38; every worker computes in one
thread. Pieces are those of `whelp score --cluster`, written to disk. Rates are those of warm
workers: what comes before the first results of all is left out.

- plan: 1,000,000 SNPs are read, checked against the genome, put into windows and divided into
  pieces, in a process of its own: seconds and peak memory
- race: pieces a second of one process without Dask, of one worker, and of two, in turns; the
  difference of the first two is what Dask costs
- empty: time of a job that does nothing, as a share of a piece's: what Dask costs, again
- rate: 10,000 of the million by two workers, from the start of the cluster to the last piece

Give the machine nothing else to do.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, nullcontext
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from processes import run

from whelp.cli.scorers import load_scorer
from whelp.cluster import open_runner
from whelp.demo import demo_file
from whelp.genome import dna
from whelp.genome.fasta import Fasta
from whelp.genome.variant_windows import cluster_variants
from whelp.scoring.census import VariantFile, take_census
from whelp.scoring.pieces import Piece, PieceFolder, ScorePieces, in_chunks, in_pieces
from whelp.scoring.settings import ScoreSettings
from whelp.workers import Failure, Processes

REPOSITORY = Path(__file__).resolve().parent.parent
GENOME = REPOSITORY / "tests" / "golden" / "snp" / "inputs" / "hg38_1m.fa.gz"
TARGETS = REPOSITORY / "tests" / "data" / "hg38" / "targets.txt"
MARGIN = 150_000
WINDOW = 131_072
RUNNERS = {"no Dask": 0, "one worker": 1, "two workers": 2}


def write_variants(path: Path, number: int) -> None:
    """SNPs at random places, up to three at a place, in the order of the genome."""
    with Fasta(GENOME) as genome:
        length = genome.lengths["chr1"]
        bases = genome.fetch("chr1", 0, length)
    inner = np.flatnonzero(bases[MARGIN : length - MARGIN] != dna.UNKNOWN) + MARGIN
    chosen = np.sort(np.random.default_rng(1).choice(3 * len(inner), number, replace=False))
    with path.open("w", encoding="ascii") as file:
        file.write("##fileformat=VCFv4.2\n")
        for row, (place, other) in enumerate(zip(inner[chosen // 3], chosen % 3, strict=True)):
            base = int(bases[place])
            alt = dna.BASES[(base + 1 + int(other)) % 4]
            file.write(f"chr1\t{place + 1}\tsnp{row}\t{dna.BASES[base]}\t{alt}\t.\t.\t.\n")


def plan(variants: Path, out: Path) -> None:
    """Do what the planner does, without a model; the stage `plan` in a process of its own."""
    begun = time.perf_counter()
    windows = partial(cluster_variants, length=WINDOW)
    with Fasta(GENOME) as genome:
        file = VariantFile(variants, genome, WINDOW // 2)
        census = take_census(file, out, windows=windows, count=lambda some: len(some))
        counted = time.perf_counter()
        chunks = sum(1 for _ in in_chunks(windows(file.variants())))
    ended = time.perf_counter()
    print(json.dumps([census.rows, chunks, counted - begun, ended - counted]))


def scoring() -> partial:
    """What loads the scorer, here and in workers."""
    options = {
        **{"genome": GENOME, "targets": (TARGETS,), "adapters": (), "replicates": ()},
        **{"genes": None, "head": "0", "precision": "float32", "tf32": False},
    }
    files = (demo_file(f"mini_borzoi/{name}") for name in ("params.json", "model.h5"))
    settings = ScoreSettings(statistics=("logSUM", "logD2"))
    return partial(load_scorer, *files, settings=settings, options=options)


def opened(workers: int) -> Any:
    """A runner with so many workers of one thread; with 0, a process without Dask."""
    if workers == 0:
        return nullcontext(Processes(1, threads=1, apart=True))
    return open_runner("local", workers=workers, threads=1, gpus=False)


def seconds_a_piece(runner: Any, task: ScorePieces, pieces: list[Piece], skip: int) -> float:
    """Time of a piece, all workers together, behind the first `skip` of them."""
    ends = []
    with closing(runner.run(task, pieces)) as results:
        for _, result in results:
            if isinstance(result, Failure):
                raise RuntimeError(result.message)
            ends.append(time.perf_counter())
    return (ends[-1] - ends[skip - 1]) / (len(ends) - skip)


def race(pieces: list[Piece], folder: Path, repeats: int) -> Iterator[dict[str, Any]]:
    """Time the runners in turns."""
    load = scoring()
    for repeat in range(repeats):
        for name, workers in list(RUNNERS.items())[:: 1 if repeat % 2 else -1]:
            task = ScorePieces(load, PieceFolder(folder / f"{repeat}-{workers}"))
            with opened(workers) as runner:
                seconds = seconds_a_piece(runner, task, pieces, skip=2 * max(1, workers))
            yield {"runner": name, "seconds": seconds}


def empty_job(jobs: int = 1000) -> float:
    """Seconds of a job that does nothing, by one worker."""
    with opened(1) as runner:
        dict(runner.run(abs, range(50)))
        begun = time.perf_counter()
        dict(runner.run(abs, range(jobs)))
        return (time.perf_counter() - begun) / jobs


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--variants", type=int, default=1_000_000, help="SNPs that are planned")
    parser.add_argument("--scored", type=int, default=10_000, help="of these, scored; 0 for none")
    parser.add_argument("--pieces", type=int, default=12, help="pieces of a turn of the race")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--stage", nargs=2, type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.pieces < 6:
        parser.error("--pieces: the first four are left out; expected six or more")
    if arguments.stage:
        plan(*arguments.stage)
        return
    with tempfile.TemporaryDirectory() as name:
        compare(arguments, Path(name))


def compare(arguments: argparse.Namespace, work: Path) -> None:
    """Run all stages, and print what they measure."""
    variants = work / "variants.vcf"
    write_variants(variants, arguments.variants)
    planned = run([sys.executable, __file__, "--stage", variants, work])
    rows, chunks, counting, dividing = json.loads(planned.output.splitlines()[-1])
    print(
        f"plan: {rows:,} SNPs counted in {counting:.1f} s, divided into {chunks:,} chunks in "
        f"{dividing:.1f} s; {planned.seconds:.1f} s in all, {planned.peak_mb:.0f} MB"
    )
    with Fasta(GENOME) as genome:
        file = VariantFile(variants, genome, WINDOW // 2)
        planner = scoring()()
        pieces = list(islice(in_pieces(planner, file.variants()), arguments.pieces))
        times: dict[str, list[float]] = {name: [] for name in RUNNERS}
        for row in race(pieces, work, arguments.repeats):
            print(json.dumps(row), flush=True)
            times[row["runner"]].append(row["seconds"])
        none, one, two = (statistics.median(times[name]) for name in RUNNERS)
        print(f"race: {pieces[0].rows} SNPs in {none:.2f} s without Dask, {one:.2f} s by a worker")
        print(f"      {two:.2f} s by two, {two / one:.2f} times that of one")
        share = empty_job() / one
        print(f"empty: a job takes {share * one * 1e3:.1f} ms, {share:.2%} of a piece")
        if arguments.scored:
            some = islice(file.variants(), arguments.scored)
            begun = time.perf_counter()
            task = ScorePieces(scoring(), PieceFolder(work / "all"))
            with opened(2) as runner:
                done = sum(result for _, result in runner.run(task, in_pieces(planner, some)))
            seconds = time.perf_counter() - begun
            print(f"rate: {done:,} SNPs in {seconds:.0f} s, {done / seconds:.1f} a second")


if __name__ == "__main__":
    main()
