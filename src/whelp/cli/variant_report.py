"""The HTML report that `whelp score` ends with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import whelp
from whelp.cli.common import command_line

if TYPE_CHECKING:
    from whelp.genome.fasta import Fasta
    from whelp.scoring.run import ScoreSummary
    from whelp.scoring.variant_scores import VariantScorer


def write_variant_report(
    summary: ScoreSummary, scorer: VariantScorer, fasta: Fasta, *, weights: Path, variants: Path
) -> Path | None:
    """Writes `report.html` beside the scores: the ranking, and pictures of the first variants.

    Returns:
        The page; None where there are no variants, or no statistic that ranks them.
    """
    from whelp.interpreting.variant_report import variant_tables, with_pictures
    from whelp.report import variants_report
    from whelp.scoring.statistics import STATISTICS

    ranking = [name for name in scorer.settings.statistics if not STATISTICS[name].is_coverage]
    if not ranking or not summary.variants:
        return None
    facts = {
        "command": command_line(),
        "weights": str(weights),
        "variants": str(variants),
        "genome": str(fasta.path),
        "engine": scorer.alleles.predictor.describe(),
        "whelp": whelp.__version__,
    }
    tables = variant_tables(summary.path, ranking[0], rejected=summary.rejected, facts=facts)
    tables = with_pictures(tables, scorer, fasta)
    return variants_report(
        tables, summary.path.with_name("report.html"), title=f"Variants of {variants.name}"
    )
