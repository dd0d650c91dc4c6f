"""Genes, tracks and coverage of a chromosome in miniature."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from whelp.expression.gene_plan import GenePlan
from whelp.expression.levels import GeneCollector, GeneLevels
from whelp.expression.places import find_places
from whelp.genome.gene_stretches import gene_stretches
from whelp.genome.genes import Gene
from whelp.specs import TargetsTable

WIDTH = 10
_TARGETS = """\
\tidentifier\tclip_soft\tscale\tsum_stat\tstrand_pair\tdescription\tgroup
0\ta-\t\t1\tsum\t3\tRNA:a\told
1\tb\t\t1\tsum\t1\tRNA:b\tyoung
2\tc\t\t1\tsum\t2\tATAC:c\tyoung
3\ta+\t\t1\tsum\t0\tRNA:a\told
4\td\t\t1\tsum\t4\tATAC:d\told
"""


@pytest.fixture
def targets(tmp_path: Path) -> TargetsTable:
    """Five tracks, the strands of the first far apart; values are coverage as it is."""
    (tmp_path / "targets.txt").write_text(_TARGETS)
    return TargetsTable.read(tmp_path / "targets.txt")


@pytest.fixture
def genes() -> list[Gene]:
    """Genes on one chromosome of 400 bp."""
    places = {
        "g1": ("+", (20, 40), (95, 118)),
        "g2": ("-", (60, 70)),
        "g3": ("+", (205, 206), (209, 215)),
        "g4": ("-", (250, 390)),
        "g5": (".", (140, 160)),
        "elsewhere": ("+", (1000, 1010)),
    }
    return [
        Gene(name, name.upper(), "chr1", strand, np.array(exons))
        for name, (strand, *exons) in places.items()
    ]


@pytest.fixture
def levels_of(targets: TargetsTable) -> Callable[..., GeneLevels]:
    """Adds up genes over windows of coverage `(positions, 2, tracks)`, measured and predicted."""

    def add(
        genes: list[Gene],
        coverage: np.ndarray,
        windows: list[tuple[int, int]],
        min_shown: float = 0.0,
    ) -> GeneLevels:
        table = pd.DataFrame(windows, columns=["start", "end"]).assign(chrom="chr1")
        own = gene_stretches(genes)
        plan = GenePlan(
            genes, own, own, find_places(genes, own, table, width=WIDTH), np.zeros(len(genes))
        )
        collector = GeneCollector(plan, targets=targets, old=False, width=WIDTH)
        for number, (start, end) in enumerate(windows):
            collector.add(number, *coverage[start // WIDTH : end // WIDTH].swapaxes(0, 1))
        return collector.levels(min_shown)

    return add


@pytest.fixture
def coverage() -> np.ndarray:
    """Coverage of 40 bins, `(bins, 2, tracks)`."""
    return np.random.default_rng(3).gamma(2.0, 3.0, (40, 2, 5))
