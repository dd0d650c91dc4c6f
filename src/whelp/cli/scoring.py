"""`whelp score`."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import click

from whelp.cli.cluster_options import check_cluster, cluster_options
from whelp.cli.common import EXISTING_FILE, guarded, split_words
from whelp.cli.model_options import existing, model_options_without
from whelp.cli.score_files import check_formats
from whelp.cli.score_running import ScoreCommand, run_scores
from whelp.cli.scorers import check_models

_HELP = """\
Score what the VARIANTS change in the tracks that a model predicts.

VARIANTS is a VCF file (plain, gzip or bgzip) or a table with the columns chrom, pos, ref and alt.
Scores are of the alternate minus the reference allele of the file, whichever the genome has.
Strands of a track are merged before statistics are taken, and predictions around insertions and
deletions are joined at the variant.

Writes scores.h5 (the layout of hound_snp.py, with 32-bit floats), report.html (the ranking, and
both alleles of the first variants) and rejected.tsv: variants that cannot be scored, and why. Also
with --table scores.tsv.gz and with --parquet scores.parquet, a row for each variant and track; with
--vcf scores.vcf.gz, the records of VARIANTS with the largest score of each in the INFO column.
Memory does not grow with the number of variants.

With --genes a variant is scored for each gene near it: only the bins of the gene's exons count, on
the gene's strand. scores.h5 then has a row for each variant and gene, with the share of the gene's
bins that lay in the window, and scores.tsv.gz is always written. With --center gene (as
hound_snpgene.py) the variants of a gene share its window; with --center variant and --overlap
majority (as borzoi_sed.py) each has its own.

With several adapters (-a) on one trunk, each has its scores in a folder of its name, and what the
adapters leave alone at the beginning of the model is computed once. With --replicate, scores are
averaged over models of other weights, and STATISTIC_sd is their standard deviation over these
(divided by their number less one); pictures are those of the first.

With --cluster the variants are divided among Dask's workers, each with the model. Without a
scheduler, jobs with the same options and --part 1/N to --part N/N score a part each in one folder,
and `whelp gather` puts them together. Either goes on with what the other has begun.

Where the targets table has a column 'group' (of cell types, say), there are also scores of groups:
the mean of a group's tracks, and its difference from the mean of the other groups; in scores.h5,
and beside scores.tsv.gz in groups.tsv.gz (groups.parquet). A merged track bears the name of its +
strand; of a gene on the - strand its scores are of the - strand.

\b
Statistics (log is log2(1 + x)):
  SUM, logSUM, sqrtSUM         change of the sum over bins
  logSED                       log fold change of the sum
  SAX                          largest change in a bin
  D1, logD1, sqrtD1            sum of the absolute changes in all bins
  D2, logD2, sqrtD2            root of the sum of their squares
  JS, logJS                    change of shape
  REF, ALT                     the predictions themselves (large)

\b
Example:
  whelp score params.json model.h5 variants.vcf -g hg38.fa -t data/targets.txt -o scores
  whelp score params.json model.h5 variants.vcf -g hg38.fa -t data/targets.txt \\
    --stats logSUM,logD2 --rc --shifts 0,1,-1 --table -o averaged
  whelp score params.json model.h5 variants.vcf -g hg38.fa -t data/targets.txt \\
    --genes genes.gtf --share 0.2 -o by_gene
  whelp score params.json trunk.h5 variants.vcf -g hg38.fa -t data/targets.txt \\
    -a naive/adapter.safetensors -a memory/adapter.safetensors -o both
  whelp score params.json model.h5 variants.vcf -g hg38.fa -t data/targets.txt \\
    --replicate model_r1.h5 --replicate model_r2.h5 -o replicates
  whelp score params.json model.h5 variants.vcf -g hg38.fa -t data/targets.txt \\
    -o divided --part 1/16
"""


@click.command("score", help=_HELP)
@click.argument("params", type=EXISTING_FILE)
@click.argument("weights", type=EXISTING_FILE)
@click.argument("variants", type=EXISTING_FILE)
@click.option(
    "-t",
    "--targets",
    type=EXISTING_FILE,
    required=True,
    multiple=True,
    help="Targets table: the tracks to score; one for all adapters, or one each.",
)
@click.option(
    "-a",
    "--adapter",
    "adapters",
    type=EXISTING_FILE,
    multiple=True,
    help="Adapter file; WEIGHTS are then those of its base. Scores of several go to folders of "
    "their names.",
)
@click.option(
    "--replicate",
    "replicates",
    type=EXISTING_FILE,
    multiple=True,
    help="More weights of the same model; scores are averaged over all.",
)
@click.option("--stats", help="Statistics, with commas.  [default: logSUM; with --genes logSED]")
@click.option("--genes", type=EXISTING_FILE, help="Score by gene: GTF or GFF3, plain or gzipped.")
@click.option(
    "--center",
    type=click.Choice(["gene", "variant"]),
    default="gene",
    show_default=True,
    help="What windows are centred on, with --genes.",
)
@click.option(
    "--overlap",
    type=click.Choice(["any", "majority"]),
    default="any",
    show_default=True,
    help="Bins of a gene: those with any base of an exon, or a majority.",
)
@click.option("--span", is_flag=True, help="Count all from a gene's first to its last exon.")
@click.option(
    "-c",
    "--share",
    default=0.0,
    show_default=True,
    help="Share of the model's length within which variants, or genes, share a window: quicker.",
)
@click.option("--table", is_flag=True, help="Write scores.tsv.gz, too.")
@click.option("--parquet", is_flag=True, help="Write scores.parquet, too (needs pyarrow).")
@click.option("--vcf", is_flag=True, help="Write scores.vcf.gz, too.")
@click.option(
    "--report/--no-report",
    default=True,
    show_default=True,
    help="Write report.html, with pictures of the first variants.",
)
@click.option("--top", default=10, show_default=True, help="Variants to show at the end.")
@click.option("--strict", is_flag=True, help="Stop if a variant cannot be scored.")
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    help="Sequences to run at a time.  [default: what takes about a gigabyte, at most 4; 2 if each "
    "variant has its own window]",
)
@cluster_options
@model_options_without("targets", "adapter")
@functools.partial(guarded, backend=False)
def command(params: Path, weights: Path, variants: Path, **options: Any) -> None:
    """Score what the VARIANTS change in the tracks that a model predicts."""
    from whelp.scoring.statistics import check_statistics

    options["existing"] = existing(options)
    chosen = (options["center"], options["overlap"], options["span"])
    if options["genes"] is None and chosen != ("gene", "any", False):
        raise click.UsageError("--center, --overlap and --span are for --genes")
    if options["stats"] is None:
        options["stats"] = "logSUM" if options["genes"] is None else "logSED"
    options["statistics"] = check_statistics(split_words([options["stats"]]))
    check_cluster(options)
    check_formats(options)
    check_models(options)
    run_scores(ScoreCommand(params, weights, variants, options))
