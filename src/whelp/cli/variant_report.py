"""The HTML report that `whelp score` ends with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import whelp
from whelp.cli.common import command_line

if TYPE_CHECKING:
    from whelp.genome.fasta import Fasta
    from whelp.models import SequenceModel
    from whelp.scoring.gene_scores import GeneScorer
    from whelp.scoring.run import ScoreSummary
    from whelp.scoring.variant_scores import VariantScorer
    from whelp.specs import TargetsTable


def write_variant_report(
    summary: ScoreSummary,
    scorer: VariantScorer | GeneScorer,
    fasta: Fasta,
    *,
    model: SequenceModel,
    targets: TargetsTable,
    files: Mapping[str, Path],
) -> Path | None:
    """Writes `report.html` beside the scores: the ranking, and pictures of the first variants.

    Args:
        summary: What was scored.
        scorer: What scored it.
        fasta: The genome.
        model: The scorer's model.
        targets: Its tracks.
        files: What was read, by name; `variants` among them.

    Returns:
        The page; None where there are no variants, or no statistic that ranks them.
    """
    from whelp.interpreting.measures import GeneStatistics, TrackStatistics
    from whelp.interpreting.mutagenesis import Mutagenesis, MutationSettings
    from whelp.interpreting.variant_pictures import with_pictures
    from whelp.interpreting.variant_report import variant_tables
    from whelp.report import variants_report
    from whelp.scoring.gene_scores import GeneScorer
    from whelp.scoring.grid import Grid
    from whelp.scoring.statistics import STATISTICS
    from whelp.scoring.untransform import is_old

    settings = scorer.settings
    ranking = [name for name in settings.statistics if not STATISTICS[name].is_coverage]
    if not ranking or not summary.variants:
        return None
    facts = {"command": command_line(), **{name: str(path) for name, path in files.items()}}
    facts |= {"engine": scorer.alleles.predictor.describe(), "whelp": whelp.__version__}
    tables = variant_tables(summary.path, ranking[0], rejected=summary.rejected, facts=facts)
    old = is_old(model.spec, settings.old)
    measure = TrackStatistics(targets, ranking[:1], old=old)
    if isinstance(scorer, GeneScorer):
        overlap, span = scorer.recipe.overlap, scorer.recipe.span
        measure = GeneStatistics(
            targets, ranking[:1], old=old, grid=Grid.of(model), overlap=overlap, span=span
        )
    # What was compiled for the scores serves here, too.
    mutagenesis = Mutagenesis(
        scorer.alleles.predictor, fasta, measure=measure, settings=MutationSettings()
    )
    return variants_report(
        with_pictures(tables, scorer, mutagenesis, fasta),
        summary.path.with_name("report.html"),
        title=f"Variants of {files['variants'].name}",
    )
