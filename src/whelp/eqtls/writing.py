"""The benchmark of eQTLs as files."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd

from whelp.eqtls.benchmark import EqtlBenchmark
from whelp.eqtls.records import Unused
from whelp.files import atomic_path

_DIGITS = "%.6g"


def write_benchmark(benchmark: EqtlBenchmark, folder: str | Path) -> None:
    """Write `metrics.tsv`, `variants.tsv.gz`, and `unused.tsv` where there are such records.

    Args:
        benchmark: What came of it.
        folder: The folder, made if it is missing; files of an earlier benchmark are replaced.

    Raises:
        OSError: A file cannot be written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    _write(benchmark.metrics, folder / "metrics.tsv")
    with atomic_path(folder / "variants.tsv.gz") as new, gzip.open(new, "wt") as file:
        benchmark.variants.to_csv(file, sep="\t", index=False, float_format=_DIGITS)
    unused = folder / "unused.tsv"
    if benchmark.unused:
        _write(pd.DataFrame(benchmark.unused, columns=Unused._fields), unused)
    else:
        unused.unlink(missing_ok=True)


def _write(table: pd.DataFrame, path: Path) -> None:
    with atomic_path(path) as new:
        table.to_csv(new, sep="\t", index=False, float_format=_DIGITS)
