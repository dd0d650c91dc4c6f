"""`whelp score`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from whelp.cli.common import EXISTING_FILE, guarded, split_words
from whelp.cli.console import say, show_table
from whelp.cli.model_options import existing, model_options_without
from whelp.cli.score_display import ScoreBar, say_scored, say_transform
from whelp.cli.score_files import check_formats, write_score_files
from whelp.cli.scorers import Candidate, check_models, load_candidates, model_files
from whelp.cli.variant_report import write_variant_report

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
    --genes genes.gtf --cluster 0.2 -o by_gene
  whelp score params.json trunk.h5 variants.vcf -g hg38.fa -t data/targets.txt \\
    -a naive/adapter.safetensors -a memory/adapter.safetensors -o both
  whelp score params.json model.h5 variants.vcf -g hg38.fa -t data/targets.txt \\
    --replicate model_r1.h5 --replicate model_r2.h5 -o replicates
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
    "--cluster",
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
@model_options_without("targets", "adapter")
@guarded
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
    check_formats(options)
    check_models(options)
    for summary in _score(params, weights, variants, options):
        _say_end(summary, options)


def _score(params: Path, weights: Path, variants: Path, options: dict[str, Any]) -> list[Any]:
    from whelp.genome.fasta import Fasta
    from whelp.scoring.run import VariantFile, describe_run, score_to_file

    settings = _settings(options)
    files = {"params": params, "weights": weights, "variants": variants} | model_files(options)
    files |= {name: options[name] for name in ("genome", "genes") if options[name]}
    by_gene = ("center", "overlap", "span") if options["genes"] is not None else ()
    known = ("head", "precision", "tf32", *by_gene)
    what = "variants" if options["genes"] is None else "variants by gene"
    with Fasta(options["genome"]) as fasta, ScoreBar(what) as bar:
        candidates = load_candidates(params, weights, fasta, settings=settings, options=options)
        say_transform(candidates[0].model.spec, settings.old)
        say(candidates[0].scorer.alleles.predictor.describe())
        scorer = _together(candidates, options)
        source = VariantFile(variants, fasta, scorer.alleles.longest)
        summary = score_to_file(
            scorer,
            source,
            options["out_dir"],
            run=describe_run(settings, files, **{name: options[name] for name in known}),
            existing=options["existing"],
            strict=options["strict"],
            progress=bar.show,
        )
        bar.close()
        summaries = []
        for one in candidates[:1] if options["replicates"] else candidates:
            path = options["out_dir"] / one.folder / summary.path.name
            summaries.append(summary._replace(path=path))
            write_score_files(path, source, options)
            if options["report"]:
                _report(summaries[-1], one, fasta, files)
        return summaries


def _together(candidates: list[Candidate], options: dict[str, Any]) -> Any:
    """One scorer of all models."""
    from whelp.scoring.several import Adapters, Replicates

    scorers = [one.scorer for one in candidates]
    if len(scorers) == 1:
        return scorers[0]
    if options["replicates"]:
        say(f"Scores are averaged over {len(scorers)} models, with their standard deviation")
        return Replicates(scorers)
    adapters = Adapters({one.folder: one.scorer for one in candidates})
    say(adapters.describe())
    return adapters


def _report(summary: Any, one: Candidate, fasta: Any, files: dict[str, Path]) -> None:
    page = write_variant_report(
        summary, one.scorer, fasta, model=one.model, targets=one.targets, files=files
    )
    say(f"report written to {page}" if page else "no report: there is nothing to rank")


def _settings(options: dict[str, Any]) -> Any:
    from whelp.scoring.settings import ScoreSettings

    return ScoreSettings(
        statistics=options["statistics"],
        shifts=tuple(options["shifts"]),
        rc=options["rc"],
        cluster=options["cluster"],
        old=options["transform_old"],
        batch_size=options["batch_size"],
    )


def _say_end(summary: Any, options: dict[str, Any]) -> None:
    from whelp.scoring.score_table import top_scores
    from whelp.scoring.statistics import STATISTICS
    from whelp.scoring.table import SPREAD

    ranking = [name for name in options["statistics"] if not STATISTICS[name].is_coverage]
    if ranking and summary.variants and options["top"] > 0:
        best = top_scores(summary.path, ranking[0], number=options["top"])
        genes = ["gene_name"] if "gene_name" in best else []
        numbers = [name for name in (ranking[0], ranking[0] + SPREAD) if name in best]
        rows = [
            [row["id"], f"{row['chrom']}:{row['pos']}", row["ref"], row["alt"]]
            + [row[name] for name in [*genes, "track", "description"]]
            + [f"{row[name]:.4g}" for name in numbers]
            for row in best.to_dict("records")
        ]
        headings = ["variant", "place", "ref", "alt", *(["gene"] if genes else [])]
        headings += ["track", "description", *numbers]
        name = f"{summary.path.parent.name}: " if len(options["adapters"]) > 1 else ""
        title = f"{name}Largest {ranking[0]}, in the track where it is"
        show_table(title, headings, rows, numbers=numbers)
    say_scored(summary)
