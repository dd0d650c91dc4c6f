"""What is attributed to which stretches of DNA: from words to objectives and files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from whelp.genome.fasta import Fasta
from whelp.genome.genes import Gene
from whelp.genome.located_genes import located_genes
from whelp.interpreting.attributor import Attributor
from whelp.interpreting.gene_regions import GenesAround, bins_of_gene, whole_genes
from whelp.interpreting.gradients import Differentiator, GradientError, GradientSettings
from whelp.interpreting.mutation_plan import counting_tracks, named_genes
from whelp.interpreting.objectives import PSEUDO, Objective, ObjectiveError, Pool
from whelp.interpreting.region_file import Kind, RegionFile, Stretches, Unfit
from whelp.interpreting.regions import Flanks, Region, RegionError
from whelp.models import SequenceModel
from whelp.scoring.grid import Grid
from whelp.scoring.groups import split_contrast
from whelp.scoring.untransform import is_old
from whelp.specs import TargetsTable

IN_GENES = 1000
"""bp that are kept around a row that is shown in the windows of genes, if nothing else is said."""


@dataclass(frozen=True)
class AttributionPlan:
    """What is explained, and which bases are kept.

    Attributes:
        length: bp that are kept around the middle of each row, or variant, or of each gene's
            window; None for the whole window (1,000 bp of rows with `genes`).
        kind: What the file of stretches holds; None to tell by the file.
        genes: An annotation, GTF or GFF3: the number is of the bins of a gene's exons, on its
            strand, in a window centred on them.
        gene: Names or identifiers of the genes that count; none for all.
        span: Take all bins from a gene's first to its last exon.
        tracks: Names, patterns or indexes of the tracks that count; none for all.
        contrast: Two groups of tracks, `A:B`: the number is the difference between them.
        middle: Bins in the middle of a window that count, without `genes`; None for all.
        pseudo: What is added to coverage (times its scale) before its log is taken.
        pool: How tracks are joined, see `Objective`.
        old: Whether targets were squashed in the old way; None to take the model's word.

    Raises:
        ObjectiveError: The choices contradict one another.
    """

    length: int | None = None
    kind: Kind | None = None
    genes: Path | None = None
    gene: tuple[str, ...] = ()
    span: bool = False
    tracks: tuple[str | int, ...] = ()
    contrast: str | None = None
    middle: int | None = None
    pseudo: float = PSEUDO
    pool: Pool = "logs"
    old: bool | None = None

    def __post_init__(self) -> None:
        if self.contrast is not None:
            split_contrast(self.contrast)
        if self.genes is None and (self.gene or self.span):
            what = f"the gene {self.gene[0]!r}" if self.gene else "the span of genes"
            raise ObjectiveError(
                f"{what} was asked for without an annotation to find it in; give a GTF or GFF3 "
                f"file of genes"
            )
        if self.genes is not None and self.middle is not None:
            raise ObjectiveError(
                "with genes their exons' bins count, not those in the middle of a window; leave "
                "one of them out"
            )
        if self.length is not None and self.length < 1:
            raise ObjectiveError(f"1 bp or more are kept; received {self.length}")


def plan_attribution(
    models: Sequence[SequenceModel],
    targets: TargetsTable,
    fasta: Fasta,
    *,
    plan: AttributionPlan,
    settings: GradientSettings,
) -> Attributor:
    """Make what explains stretches. Only the tracks that count are predicted.

    Args:
        models: A model with one head, or replicates over which is averaged.
        targets: Its tracks.
        fasta: The genome.
        plan: What is explained.
        settings: How gradients are computed.

    Raises:
        GradientError: The models differ, or the backend cannot differentiate.
        ScoreError: Model and targets do not go together.
        ObjectiveError: There are no such tracks, groups or bins.
        RegionError: More is to be kept than a window has.
        SpecError: The targets table lacks what is needed to undo the squashing or to merge strands.
    """
    if not models:
        raise GradientError("expected a model, or several replicates; received none")
    grid = Grid.of(models[0])
    if plan.length is not None and plan.length > grid.length:
        raise RegionError(
            f"{plan.length:,} bp were to be kept; the model's window has {grid.length:,} bp"
        )
    objective = Objective.for_tracks(
        counting_tracks(targets, plan.tracks, plan.contrast),
        bins=grid.bins,
        middle=plan.middle,
        old=is_old(models[0].spec, plan.old),
        pseudo=plan.pseudo,
        pool=plan.pool,
    )
    if plan.contrast is not None:
        objective = objective.contrast(*split_contrast(plan.contrast))
    differentiator = Differentiator(models, objective, settings=settings)
    return Attributor(differentiator, objective, fasta, grid=grid, span=plan.span)


def plan_stretches(
    path: Path | None, fasta: Fasta, model: SequenceModel, *, plan: AttributionPlan
) -> Stretches:
    """Make the stretches of a plan.

    Args:
        path: BED, or VCF or a table of variants; None for the windows of genes.
        fasta: The genome.
        model: The model that they are shown to.
        plan: Which.

    Raises:
        RegionError: There are neither stretches nor genes.
        GenesError: The annotation cannot be read, or has no such gene.
        OSError: A file cannot be read.
    """
    grid = Grid.of(model)
    genes: list[Gene] | None = None
    if plan.genes is not None:
        genes = named_genes(located_genes(plan.genes, fasta.lengths), plan.gene, plan.genes)
    if path is None:
        if genes is None or plan.genes is None:
            raise RegionError(
                "there is nothing to explain; give a BED file of stretches, a VCF of variants, or "
                "an annotation of genes"
            )
        return WholeGenes(plan.genes, tuple(genes), grid, plan.length or grid.length, plan.span)
    flanks = Flanks.of(plan.length or (grid.length if genes is None else IN_GENES))
    around = None if genes is None else GenesAround(genes, grid=grid)
    return RegionFile(path, fasta, grid.length, flanks, plan.kind, around)


@dataclass(frozen=True)
class WholeGenes:
    """Genes, each in a window that is centred on its exons.

    Attributes:
        path: The annotation.
        genes: The genes.
        grid: The bins of the model's predictions.
        length: bp around the middle of a window that are kept.
        span: Take all bins from a gene's first to its last exon.
    """

    path: Path
    genes: tuple[Gene, ...]
    grid: Grid
    length: int
    span: bool

    def items(self) -> Iterator[Region | Unfit]:
        """Give each gene's window, or say why it cannot be explained."""
        for region in whole_genes(self.genes, length=self.grid.length):
            (gene,) = region.window.genes
            if not len(bins_of_gene(gene, region, self.grid, span=self.span).inside):
                shown = self.grid.bins * self.grid.stride
                reason = (
                    f"none of its exons lies in the {shown:,} bp around their middle that the "
                    f"model predicts"
                )
                yield Unfit(gene.name, f"{gene.chrom}:{gene.start}-{gene.end}", reason)
                continue
            first = (self.grid.length - self.length) // 2
            start = region.window.start + first
            yield region._replace(start=start, end=start + self.length)

    def regions(self) -> Iterator[Region]:
        """Give the windows of the genes that can be explained."""
        return (item for item in self.items() if isinstance(item, Region))
