"""Scores of variants as a table, from Python."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from whelp.genome.fasta import Fasta
from whelp.models import SequenceModel
from whelp.scoring.existing import REJECTED
from whelp.scoring.exposure import exposure_sentences
from whelp.scoring.gene_scores import GeneScorer
from whelp.scoring.gene_windows import GeneSettings
from whelp.scoring.run import VariantFile, score_to_file
from whelp.scoring.score_table import group_frames, has_groups, score_frames
from whelp.scoring.settings import ScoreSettings
from whelp.scoring.several import Replicates
from whelp.scoring.variant_scores import VariantScorer
from whelp.specs import TargetsTable


def score(
    model: SequenceModel | Sequence[SequenceModel],
    variants: str | Path | pd.DataFrame,
    genome: str | Path,
    targets: str | Path | TargetsTable,
    *,
    statistics: Sequence[str] | None = None,
    settings: ScoreSettings | None = None,
    genes: str | Path | GeneSettings | None = None,
) -> pd.DataFrame:
    """Score what variants change in the tracks that a model predicts.

    Scores are of the alternate allele minus the reference allele of the file, whichever of them the
    genome has. Strands are merged before the statistics are taken, and predictions around
    insertions and deletions are joined at the variant.

    Args:
        model: A model with one head, or several replicates of it: scores are means over them, and
            a column STATISTIC_sd behind each statistic holds the sample standard deviation.
        variants: A VCF file or a table (see `whelp.genome.variants.read_variants`), or a data frame
            with the columns chrom, pos (bp from 1), ref, alt, and perhaps id.
        genome: A FASTA file.
        targets: The targets table of the data that the model was trained on, or some of its rows.
        statistics: Names of statistics, such as logSUM, logSED, D2 (see
            `whelp.scoring.statistics`). By default logSUM; with `genes` logSED.
        settings: How variants are scored: both strands, shifts, shared windows, old targets. Takes
            the place of `statistics`.
        genes: Score by gene: a GTF or GFF3 file, or `whelp.scoring.gene_windows.GeneSettings` to
            say what windows are centred on and which bins are a gene's.

    Returns:
        A row for each variant and track: chrom, pos, id, ref, alt, track, description, and a
        float32 column for each statistic. With `genes` a row for each variant, gene and track, with
        gene, gene_name, strand and share (of the gene's bins that lay in the window) behind alt.
        `pd.DataFrame(table.attrs["rejected"])` is a table of the variants that cannot be scored,
        with the reasons. If the targets table has groups, `pd.DataFrame(table.attrs["groups"])` is
        that of their scores: a row for each group instead of each track, with the mean of its
        tracks for each statistic, and in STATISTIC_against_others what sets it apart from the mean
        of the other groups. Where the model names the windows that it was trained on,
        `table.attrs["training_windows"]` says how many of the variants lie in them.

    Raises:
        whelp.genome.variants.VariantError: The variants cannot be read.
        whelp.genome.fasta.FastaError: The genome cannot be read.
        whelp.scoring.errors.ScoreError: Model, targets and settings do not go together.
        whelp.scoring.statistics.StatisticError: A statistic is not known.
        whelp.genome.genes.GenesError: The annotation cannot be read, or is of another genome.

    Example:
        >>> table = whelp.score(model, "variants.vcf", "hg38.fa", "data/targets.txt")
        >>> table.sort_values("logSUM", key=abs, ascending=False).head()
    """
    named = tuple(statistics or (("logSUM",) if genes is None else ("logSED",)))
    chosen = settings or ScoreSettings(statistics=named)
    table = targets if isinstance(targets, TargetsTable) else TargetsTable.read(targets)
    with tempfile.TemporaryDirectory() as name, Fasta(genome) as fasta:
        folder = Path(name)
        if isinstance(variants, pd.DataFrame):
            path = folder / "variants.tsv"
            variants.to_csv(path, sep="\t", index=False, na_rep=".")
        else:
            path = Path(variants)
        replicates = [model] if isinstance(model, SequenceModel) else list(model)
        scorers: list[VariantScorer | GeneScorer] = []
        for one in replicates:
            if genes is None:
                scorers.append(VariantScorer(one, table, fasta, settings=chosen))
            else:
                which = genes if isinstance(genes, GeneSettings) else GeneSettings(Path(genes))
                scorers.append(GeneScorer(one, table, fasta, settings=chosen, genes=which))
        scorer = scorers[0] if len(scorers) == 1 else Replicates(scorers)
        file = VariantFile(path, fasta, scorer.alleles.longest)
        summary = score_to_file(scorer, file, folder / "out", run={})
        scores = pd.concat(list(score_frames(summary.path)), ignore_index=True)
        # Lists, not tables: pandas compares attributes where it joins tables.
        if has_groups(summary.path):
            groups = pd.concat(list(group_frames(summary.path)), ignore_index=True)
            scores.attrs["groups"] = groups.to_dict("list")
        if sentences := exposure_sentences(summary.path):
            scores.attrs["training_windows"] = sentences
        scores.attrs["rejected"] = {}
        if summary.rejected:
            rejected = pd.read_csv(
                summary.path.with_name(REJECTED), sep="\t", dtype=str, na_filter=False
            )
            scores.attrs["rejected"] = rejected.to_dict("list")
    return scores
