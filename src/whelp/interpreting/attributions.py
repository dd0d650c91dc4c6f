"""Attributions of stretches of DNA, in memory."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt
import pandas as pd

from whelp.genome.fasta import Fasta
from whelp.interpreting.attribution_plan import (
    AttributionPlan,
    plan_attribution,
    plan_stretches,
)
from whelp.interpreting.attribution_run import attribute_to_file
from whelp.interpreting.gradients import GradientSettings
from whelp.interpreting.saturation import region_path
from whelp.models import SequenceModel
from whelp.scoring.existing import REJECTED
from whelp.specs import TargetsTable

Floats = npt.NDArray[np.float32]

_COLUMNS = {
    "label": "name",
    "chr": "chrom",
    "start": "start",
    "end": "end",
    "gene": "gene",
    "gene_strand": "gene_strand",
    "share": "share",
    "altered": "altered",
    "value": "value",
}


@dataclass(frozen=True, eq=False)
class Attributions:
    """What the bases of some stretches do to the number that is explained.

    Attributes:
        regions: A row a stretch: name, chrom, start, end (bp from 0), share (how much of the gene
            its window shows), altered (whether the sequence has another allele than the genome),
            value (the number, natural log units), and of genes gene and gene_strand.
        sequences: One-hot, bool of shape `(regions, length, 4)`.
        gradients: What each base would contribute, float32 of the same shape: gradients less their
            mean over the four bases.
        rejected: Rows of the file that cannot be explained, with reasons.
    """

    regions: pd.DataFrame
    sequences: npt.NDArray[np.bool_]
    gradients: Floats
    rejected: pd.DataFrame

    @property
    def contributions(self) -> Floats:
        """What the bases of the sequences contribute: gradient times input, `(regions, length)`."""
        return np.asarray((self.gradients * self.sequences).sum(axis=-1))


def read_attributions(path: str | Path) -> Attributions:
    """Read an `attributions.h5`, and what could not be explained.

    Raises:
        OSError: It cannot be read.
    """
    path = Path(path)
    with h5py.File(path) as file:
        regions = regions_of(file)
        sequences, gradients = file["seqs"][:], file["grads"][..., 0]
    rejected = path.with_name(REJECTED)
    unfit = pd.DataFrame(columns=["name", "place", "reason"], dtype=str)
    if rejected.exists():
        unfit = pd.read_csv(rejected, sep="\t", dtype=str, na_filter=False)
    return Attributions(regions, sequences, gradients, unfit)


def regions_of(file: h5py.File) -> pd.DataFrame:
    """Give the table of the stretches of an `attributions.h5`, see `Attributions.regions`."""
    columns = {ours: file[theirs][:] for theirs, ours in _COLUMNS.items() if theirs in file}
    texts = {
        name: values.astype(str) for name, values in columns.items() if values.dtype.kind == "S"
    }
    return pd.DataFrame(columns | texts)


def attribute(
    model: SequenceModel | Sequence[SequenceModel],
    regions: str | Path | pd.DataFrame | None,
    genome: str | Path,
    targets: str | Path | TargetsTable,
    *,
    genes: str | Path | None = None,
    plan: AttributionPlan | None = None,
    settings: GradientSettings | None = None,
) -> Attributions:
    """Say by gradients what each base of some stretches does to the coverage that is predicted.

    What is explained is the natural log of coverage (times its scale, plus 1), summed over the bins
    of a window or of a gene's exons on its strand; or its difference between two groups of tracks.

    Args:
        model: A model with one head, or replicates, over which is averaged.
        regions: A BED file or a data frame with the columns chrom, start, end (bp from 0) and
            perhaps name; or a VCF, a table or a data frame of variants with chrom, pos (from 1),
            ref and alt, which are explained once with each allele; None for genes as a whole.
        genome: A FASTA file.
        targets: The targets table of the data that the model was trained on, or some of its rows.
        genes: An annotation, GTF or GFF3: the coverage of genes is explained.
        plan: What is explained: tracks, genes, contrasts; and how many bp are kept.
        settings: How: gradients at the sequence or smoothed, both strands, shifts.

    Returns:
        The attributions, in memory.

    Raises:
        whelp.interpreting.regions.RegionError: There is nothing that can be explained.
        whelp.interpreting.objectives.ObjectiveError: There are no such tracks or groups.
        whelp.interpreting.gradients.GradientError: The backend is neither TensorFlow nor JAX, or
            the models differ.
        whelp.scoring.errors.ScoreError: Model and targets do not go together.
        ValueError: A file cannot be read.

    Example:
        >>> found = whelp.attribute(model, None, "hg38.fa", "data/targets.txt", genes="genes.gtf")
        >>> found.contributions.shape
        (12, 524288)
    """
    models = list(model) if isinstance(model, Sequence) else [model]
    plan = plan or AttributionPlan()
    if genes is not None:
        plan = replace(plan, genes=Path(genes))
    table = targets if isinstance(targets, TargetsTable) else TargetsTable.read(targets)
    with tempfile.TemporaryDirectory() as name, Fasta(genome) as fasta:
        folder = Path(name)
        path = None if regions is None else region_path(regions, folder)
        chosen = settings or GradientSettings()
        attributor = plan_attribution(models, table, fasta, plan=plan, settings=chosen)
        stretches = plan_stretches(path, fasta, models[0], plan=plan)
        summary = attribute_to_file(attributor, stretches, folder / "out", run={})
        return read_attributions(summary.path)
