"""Which stretches are mutated, and what is compared: from words to scorers and files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from whelp.genome.fasta import Fasta
from whelp.genome.genes import Gene, GenesError
from whelp.genome.located_genes import located_genes
from whelp.interpreting.gene_regions import GenesAround
from whelp.interpreting.measures import (
    Column,
    GeneStatistics,
    Measure,
    ObjectiveChange,
    TrackStatistics,
    check_mutation_statistics,
)
from whelp.interpreting.mutagenesis import Mutagenesis, MutationSettings
from whelp.interpreting.objectives import Objective
from whelp.interpreting.region_file import Kind, RegionFile, kind_of
from whelp.interpreting.regions import Flanks
from whelp.models import SequenceModel
from whelp.scoring.errors import ScoreError
from whelp.scoring.grid import Grid
from whelp.scoring.groups import split_contrast
from whelp.scoring.predictor import Predictor
from whelp.scoring.strands import Strands
from whelp.scoring.untransform import is_old
from whelp.specs import TargetsTable
from whelp.specs.errors import nearest

AROUND_VARIANTS = 200
"""bp that are mutated around a variant, if nothing else is asked for."""


@dataclass(frozen=True)
class MutationPlan:
    """What is mutated, and what is compared.

    Attributes:
        statistics: Names of statistics; none for logSUM, or with genes logSED.
        flanks: What is mutated around the middle of each row, or around each variant; None for the
            rows themselves, and 200 bp around variants.
        kind: What the file of stretches holds; None to tell by the file.
        genes: An annotation, GTF or GFF3: only the bins of a gene's exons count, on its strand, and
            stretches are shown in the windows of the genes near them.
        gene: Names or identifiers of the genes that count; none for all.
        tracks: Names, patterns or indexes of the tracks that count; none for all.
        contrast: Two groups of tracks, `A:B`. What is compared is then the log of coverage in those
            of A less that in those of B (see `Objective`).
        old: Whether targets were squashed in the old way; None to take the model's word.
    """

    statistics: tuple[str, ...] = ()
    flanks: Flanks | None = None
    kind: Kind | None = None
    genes: Path | None = None
    gene: tuple[str, ...] = ()
    tracks: tuple[str | int, ...] = ()
    contrast: str | None = None
    old: bool | None = None

    def __post_init__(self) -> None:
        if self.contrast is not None:
            split_contrast(self.contrast)
            if self.statistics:
                raise ScoreError(
                    "a contrast of groups is a statistic of its own, the log of coverage; leave "
                    "the statistics out"
                )
        if self.gene and self.genes is None:
            raise ScoreError(
                f"the gene {self.gene[0]!r} was asked for without an annotation to find it in; "
                f"give a GTF or GFF3 file of genes"
            )
        default = "logSUM" if self.genes is None else "logSED"
        names = check_mutation_statistics(self.statistics or (default,))
        object.__setattr__(self, "statistics", names)


def plan_mutagenesis(
    model: SequenceModel,
    targets: TargetsTable,
    fasta: Fasta,
    *,
    plan: MutationPlan,
    settings: MutationSettings,
) -> Mutagenesis:
    """Make the scorer of a plan. Only the tracks that count are predicted.

    Args:
        model: A model with one head.
        targets: Its tracks.
        fasta: The genome.
        plan: What is compared.
        settings: How mutations are predicted.

    Raises:
        ScoreError: Model, targets and settings do not go together.
        ObjectiveError: There is no such track or group.
        SpecError: The targets table lacks what is needed to undo the squashing or to merge strands.
    """
    old = is_old(model.spec, plan.old)
    chosen = counting_tracks(targets, plan.tracks, plan.contrast)
    grid = Grid.of(model)
    measure: Measure
    if plan.contrast is not None:
        objective = Objective.for_tracks(chosen, bins=grid.bins, old=old)
        one, other = split_contrast(plan.contrast)
        column = Column(plan.contrast, f"log of {one} less log of {other}")
        measure = ObjectiveChange(objective.contrast(one, other), grid=grid, column=column)
    elif plan.genes is not None:
        measure = GeneStatistics(chosen, plan.statistics, old=old, grid=grid)
    else:
        measure = TrackStatistics(chosen, plan.statistics, old=old)
    predictor = Predictor.of(model, chosen, settings)
    return Mutagenesis(predictor, fasta, measure=measure, settings=settings)


def plan_regions(
    path: Path, fasta: Fasta, model: SequenceModel, *, plan: MutationPlan
) -> RegionFile:
    """Make the stretches of a plan.

    Args:
        path: The file that they stand in.
        fasta: The genome.
        model: The model that they are shown to.
        plan: Which.

    Raises:
        GenesError: The annotation cannot be read, or has no such gene.
        OSError: A file cannot be read.
    """
    grid = Grid.of(model)
    kind = plan.kind or kind_of(path)
    flanks = plan.flanks
    if flanks is None and kind == "variants":
        flanks = Flanks.of(AROUND_VARIANTS)
    around = None
    if plan.genes is not None:
        genes = located_genes(plan.genes, fasta.lengths)
        around = GenesAround(named_genes(genes, plan.gene, plan.genes), grid=grid)
    return RegionFile(path, fasta, grid.length, flanks, kind, around)


def counting_tracks(
    targets: TargetsTable, tracks: Sequence[str | int], contrast: str | None
) -> TargetsTable:
    """Give the rows of the tracks that count, both strands of each.

    Args:
        targets: All tracks.
        tracks: Names, patterns or indexes; none for all.
        contrast: Two groups of them, `A:B`.

    Raises:
        ObjectiveError: There is no such track or group, or none of a group's tracks is chosen.
    """
    objective = Objective.for_tracks(targets, bins=1, tracks=tracks)
    if contrast is not None:
        objective = objective.contrast(*split_contrast(contrast))
    counting = objective.tracks[np.unique(np.concatenate(objective.groups))]
    strands = Strands.of(targets)
    if len(counting) == len(strands):
        return targets
    wanted = {int(row) for track in counting for row in (strands.plus[track], strands.minus[track])}
    rows = tuple(row for at, row in enumerate(targets.rows) if at in wanted)
    return TargetsTable.model_construct(rows=rows, path=targets.path)


def named_genes(genes: Iterable[Gene], names: Sequence[str], path: Path) -> list[Gene]:
    """Find genes by name or identifier, whose version may be left out.

    Args:
        genes: The genes.
        names: The names; none for all genes.
        path: The annotation, for errors.

    Raises:
        GenesError: A name is of no gene; the nearest is told.
    """
    known = list(genes)
    if not names:
        return known
    by_name: dict[str, list[Gene]] = {}
    for gene in known:
        for name in {gene.name, gene.identifier, gene.identifier.split(".")[0]}:
            by_name.setdefault(name, []).append(gene)
    for name in names:
        if name not in by_name:
            near = nearest(name, by_name)
            hint = "" if near is None else f"; did you mean {near!r}?"
            raise GenesError(f"{path}: there is no gene {name!r} on the genome{hint}")
    # A gene that two of the names mean counts once.
    wanted = {id(gene) for name in names for gene in by_name[name]}
    return [gene for gene in known if id(gene) in wanted]
