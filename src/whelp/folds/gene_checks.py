"""Whether replicates can be evaluated on genes, asked before they are trained."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from whelp.data.directory import read_bed, read_statistics
from whelp.expression.contrasts import check_groups
from whelp.expression.gene_plan import plan_windows
from whelp.expression.settings import ExpressionSettings
from whelp.folds.errors import FoldsError
from whelp.folds.settings import GenesAsked
from whelp.genome.genes import read_genes
from whelp.scoring.strands import Strands
from whelp.specs import TargetsTable


def check_genes(asked: GenesAsked, folder: Path, folds: Collection[int]) -> None:
    """Refuses genes and groups that a data set does not have.

    Args:
        asked: The genes, and how they are evaluated.
        folder: The data set.
        folds: The folds that replicates are tested on.

    Raises:
        FoldsError: Nobody knows where the windows lie.
        whelp.expression.ExpressionError: No gene lies in the windows of a fold, there is no such
            group of tracks, or a number is out of its range.
        whelp.genome.genes.GenesError: The annotation cannot be read.
        whelp.specs.SpecError: The targets table cannot be read.
    """
    settings = ExpressionSettings(**asked.settings)
    targets = TargetsTable.read(folder / "targets.txt")
    check_groups(Strands.of(targets).rows(targets), settings)
    windows = read_bed(folder)
    if windows is None:
        raise FoldsError(
            f"{folder} has no sequences.bed, so that nobody knows which genes lie in its windows. "
            "Make the data again, or leave out the genes"
        )
    genes, width = read_genes(asked.annotation), read_statistics(folder).pool_width
    for fold in sorted(folds):
        label = f"fold{fold}"
        own = windows[windows["split"] == label]
        plan_windows(own, genes, settings, width=width, name=f"{folder} ({label})")
