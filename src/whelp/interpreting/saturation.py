"""Saturation mutagenesis from Python."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pandas as pd

from whelp.genome.fasta import Fasta
from whelp.interpreting.mutagenesis import MutationSettings
from whelp.interpreting.mutation_plan import MutationPlan, plan_mutagenesis, plan_regions
from whelp.interpreting.mutation_run import mutate_to_file
from whelp.interpreting.mutations import Mutations, read_mutations
from whelp.interpreting.regions import RegionError
from whelp.models import SequenceModel
from whelp.specs import TargetsTable

_BED = ("chrom", "start", "end")
_VARIANTS = ("chrom", "pos", "ref", "alt")


def ism(
    model: SequenceModel,
    regions: str | Path | pd.DataFrame,
    genome: str | Path,
    targets: str | Path | TargetsTable,
    *,
    plan: MutationPlan | None = None,
    settings: MutationSettings | None = None,
) -> Mutations:
    """Replace every base of some stretches by each of the three others, and score the change.

    Scores are of the mutation minus the sequence. Strands are merged before statistics are taken.

    Args:
        model: A model with one head.
        regions: Stretches: a BED file or a data frame with the columns chrom, start, end (bp from
            0) and perhaps name and strand; or variants, around which bases are replaced: a VCF, a
            table, or a data frame with chrom, pos (from 1), ref, alt and perhaps id.
        genome: A FASTA file.
        targets: The targets table of the data that the model was trained on, or some of its rows.
        plan: What is replaced and compared: statistics, length, genes, tracks, contrasts. By
            default logSUM over the rows themselves, or over 200 bp around variants.
        settings: How mutations are predicted: both strands, shifts.

    Returns:
        The scores, in memory.

    Raises:
        whelp.interpreting.regions.RegionError: There is nothing that can be explained.
        whelp.genome.fasta.FastaError: The genome cannot be read.
        whelp.scoring.errors.ScoreError: Model, targets and settings do not go together.
        whelp.interpreting.objectives.ObjectiveError: There is no such track or group.
        ValueError: A file cannot be read.

    Example:
        >>> found = whelp.ism(model, "peaks.bed", "hg38.fa", "data/targets.txt")
        >>> found.scores["logSUM"].shape  # regions, bp, bases, tracks
        (12, 200, 4, 47)
        >>> logo = found.contributions() * found.sequences
        >>> plan = whelp.MutationPlan(flanks=whelp.Flanks.of(50), tracks=("RNA:*",))
        >>> near = whelp.ism(model, "variants.vcf", "hg38.fa", "data/targets.txt", plan=plan)
    """
    plan, settings = plan or MutationPlan(), settings or MutationSettings()
    table = targets if isinstance(targets, TargetsTable) else TargetsTable.read(targets)
    with tempfile.TemporaryDirectory() as name, Fasta(genome) as fasta:
        folder = Path(name)
        path = region_path(regions, folder)
        mutagenesis = plan_mutagenesis(model, table, fasta, plan=plan, settings=settings)
        file = plan_regions(path, fasta, model, plan=plan)
        summary = mutate_to_file(mutagenesis, file, folder / "out", run={})
        return read_mutations(summary.path)


def region_path(regions: str | Path | pd.DataFrame, folder: Path) -> Path:
    """Give the file of stretches or variants; of a data frame, one it could be read from.

    Args:
        regions: A path, or a data frame as `ism` takes it.
        folder: Where a file is written, if need be.

    Raises:
        RegionError: The data frame lacks columns.
    """
    if not isinstance(regions, pd.DataFrame):
        return Path(regions)
    if set(_VARIANTS) <= set(regions):
        path = folder / "regions.tsv"
        regions.to_csv(path, sep="\t", index=False, na_rep=".")
        return path
    if not set(_BED) <= set(regions):
        raise RegionError(
            f"expected stretches with the columns chrom, start and end, or variants with chrom, "
            f"pos, ref and alt; received a table with {', '.join(map(str, regions))}"
        )
    more = {"name": ".", "score": 0, "strand": "+"}
    columns = {name: regions[name] for name in _BED}
    rows = pd.DataFrame(columns | {name: regions.get(name, value) for name, value in more.items()})
    rows.to_csv(folder / "regions.bed", sep="\t", index=False, header=False, na_rep=".")
    return folder / "regions.bed"
