"""How the commands with Baskerville's flags score a file of variants."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whelp.cli.errors import import_backend
from whelp.cli.hound_options import check_device, read_shifts, read_statistics
from whelp.cli.score_display import ScoreBar, say_scored, say_transform

if TYPE_CHECKING:
    from whelp.genome.fasta import Fasta
    from whelp.models import SequenceModel
    from whelp.predicting.hound_alleles import HoundAllelePredictor
    from whelp.predicting.settings import PredictSettings
    from whelp.scoring.gene_scores import GeneScorer
    from whelp.scoring.settings import ScoreSettings
    from whelp.scoring.variant_scores import VariantScorer
    from whelp.specs import TargetsTable


@dataclass(frozen=True)
class ScoreJob:
    """What is scored.

    Attributes:
        files: Parameters, weights and variants.
        part: Which of how many jobs this is.
        settings: How.
        more_files: Name -> further file that scores depend on.
        more: What else they depend on.
        what: What the bar counts.
    """

    files: list[Path]
    part: tuple[int, int]
    settings: ScoreSettings | PredictSettings
    more_files: Mapping[str, Path] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)
    what: str = "variants"


def score_job(
    options: argparse.Namespace,
    job: ScoreJob,
    make: Callable[
        [SequenceModel, TargetsTable, Fasta], VariantScorer | GeneScorer | HoundAllelePredictor
    ],
) -> None:
    """Scores variants into a file, taking up unfinished scores of the same command.

    Args:
        options: The options that these commands share.
        job: What is scored.
        make: Makes the scorer of a model, its targets and the genome.
    """
    import_backend()
    check_device(required=getattr(options, "require_gpu", False))
    from whelp.genome.fasta import Fasta
    from whelp.loading import load
    from whelp.scoring.run import VariantFile, describe_run, score_to_file
    from whelp.specs import TargetsTable

    params, weights, variants = job.files
    targets = TargetsTable.read(options.targets_file)
    float16 = getattr(options, "float16", False)
    named = {
        "params": params,
        "weights": weights,
        "variants": variants,
        "targets": Path(options.targets_file),
        "genome": Path(options.genome_fasta),
        **job.more_files,
    }
    run = describe_run(job.settings, named, float16=float16, job=list(job.part), **job.more)
    with Fasta(options.genome_fasta) as fasta, ScoreBar(job.what) as bar:
        head = getattr(options, "head", 0)
        precision = "mixed_float16" if float16 else "float32"
        model = load(params, weights, head=head, trunk=False, dtype=precision)
        scorer = make(model, targets, fasta)
        say_transform(model.spec, job.settings.old)
        summary = score_to_file(
            scorer,
            VariantFile(variants, fasta, scorer.alleles.longest, part=job.part),
            Path(options.out_dir),
            run=run,
            progress=bar.show,
        )
    say_scored(summary)


def score_settings(options: argparse.Namespace, **more: Any) -> ScoreSettings:
    """Gives the settings of Baskerville's scores, as far as these commands share them.

    Args:
        options: Of the command line.
        **more: Settings of a command.
    """
    from whelp.scoring.settings import ScoreSettings

    common = {
        "statistics": tuple(read_statistics(options.snp_stats)),
        "shifts": tuple(read_shifts(options.shifts)),
        "rc": options.rc,
        "old": options.untransform_old or None,
        "merge_first": False,
        "pull": False,
        "half": True,
    }
    return ScoreSettings(**{**common, **more})
