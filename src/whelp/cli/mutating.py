"""`whelp ism`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from whelp.cli.common import EXISTING_FILE, guarded, split_words
from whelp.cli.console import say
from whelp.cli.model_options import existing, load_model, model_options
from whelp.cli.mutation_report import write_mutation_report
from whelp.cli.score_display import ScoreBar, say_mutated, say_transform
from whelp.files import remove_beside

if TYPE_CHECKING:
    from whelp.interpreting.mutagenesis import MutationSettings
    from whelp.interpreting.mutation_plan import MutationPlan
    from whelp.interpreting.mutation_run import MutationSummary

_HELP = """\
Replace every base of stretches of DNA by each of the three others, and score the change.

\b
REGIONS is one of
  BED   stretches of the genome, as long as their rows say, or --length bp around their middles.
        A row of the - strand is shown as its reverse complement.
  VCF   variants, or a table of them with the columns chrom, pos, ref and alt: --length bp around
        each, once with the reference and once with each alternate allele.

A stretch lies in the middle of the model's window. Strands of a track are merged before statistics
are taken. With --genes the windows are those of the genes near a stretch, and only the bins of a
gene's exons count, on its strand. With --contrast A:B (groups in the column `group` of TARGETS) the
number is the natural log of coverage in the tracks of A less that in the tracks of B: what drives
the difference.

Writes scores.h5 (the layout of hound_ism_bed.py, with 32-bit floats), report.html (logos and heat
maps of the mean over tracks), motifs/sequences.npz and motifs/contributions.npz, which
tfmodisco-lite reads, and rejected.tsv: rows that cannot be explained, and why. Memory does not grow
with the number of stretches, and a run that was stopped goes on with --resume.

\b
Statistics, mutation minus sequence (log is log2(1 + x)):
  SUM, logSUM, sqrtSUM         change of the sum over bins
  logSED                       log fold change of the sum
  SAX                          largest change in a bin
  D1, logD1, sqrtD1            sum of the absolute changes in all bins
  D2, logD2, sqrtD2            root of the sum of their squares
  JS, logJS                    change of shape

\b
Example:
  whelp ism params.json model.h5 regions.bed -g hg38.fa -t data/targets.txt -o ism
  whelp ism params.json model.h5 variants.vcf -g hg38.fa -t data/targets.txt --length 20 \\
    --genes genes.gtf --rc -o ism_of_genes
"""


@click.command("ism", help=_HELP)
@click.argument("params", type=EXISTING_FILE)
@click.argument("weights", type=EXISTING_FILE)
@click.argument("regions", type=EXISTING_FILE)
@click.option("--length", type=click.IntRange(min=1), help="Bp to mutate around each middle.")
@click.option("--up", type=click.IntRange(min=0), help="Bp to mutate before each middle.")
@click.option("--down", type=click.IntRange(min=0), help="Bp to mutate from each middle on.")
@click.option(
    "--input-type",
    "kind",
    type=click.Choice(["bed", "vcf"]),
    help="What REGIONS is.  [default: what it looks like]",
)
@click.option("--stats", help="Statistics, with commas.  [default: logSUM; with --genes logSED]")
@click.option("--genes", type=EXISTING_FILE, help="Annotation, GTF or GFF3: score by genes.")
@click.option("--gene", multiple=True, help="Name or ID of a gene that counts; can be repeated.")
@click.option(
    "--tracks",
    multiple=True,
    help="Tracks that count: indexes, names, or patterns such as 'RNA:*'; with commas.",
)
@click.option("--contrast", metavar="A:B", help="Explain what sets group A apart from group B.")
@click.option("--strict", is_flag=True, help="Stop if a row cannot be explained.")
@click.option("--batch-size", type=click.IntRange(min=1), help="Mutations to run at a time.")
@click.option("--report/--no-report", default=True, help="Write report.html.  [default: --report]")
@click.option(
    "--logos", default=20, show_default=True, help="Stretches to be drawn in the report, at most."
)
@model_options
@guarded
def command(params: Path, weights: Path, regions: Path, **options: Any) -> None:
    """Replace every base of the REGIONS."""
    from whelp.interpreting.mutation_report import write_motif_arrays

    options["existing"] = existing(options)
    plan = _plan(options)
    summary, engine = _mutate(params, weights, regions, plan, options)
    if options["overwrite"]:
        remove_beside(summary.path, ("report.html",))
    say_mutated(summary)
    motifs = summary.path.with_name("motifs")
    write_motif_arrays(summary.path, motifs)
    say(f"arrays for tfmodisco-lite written to {motifs}")
    if options["report"]:
        facts = {"weights": weights, "stretches": regions, "genome": options["genome"]}
        facts |= {"engine": engine}
        page = write_mutation_report(summary, facts, most=options["logos"])
        say(f"report written to {page}")


def _plan(options: dict[str, Any]) -> MutationPlan:
    from whelp.interpreting.mutation_plan import MutationPlan
    from whelp.interpreting.regions import Flanks

    up, down, length = options["up"], options["down"], options["length"]
    if length is not None and (up is not None or down is not None):
        raise click.UsageError("--length and --up, --down exclude each other")
    flanks = None if length is None else Flanks.of(length)
    if up or down:
        flanks = Flanks(up or 0, down or 0)
    elif (up, down) != (None, None):
        raise click.UsageError("--up and --down are both 0: there is nothing to mutate")
    return MutationPlan(
        statistics=split_words([options["stats"] or ""]),
        flanks=flanks,
        kind="variants" if options["kind"] == "vcf" else options["kind"],
        genes=options["genes"],
        gene=options["gene"],
        tracks=split_words(options["tracks"]),
        contrast=options["contrast"],
        old=options["transform_old"],
    )


def _settings(options: dict[str, Any]) -> MutationSettings:
    from whelp.interpreting.mutagenesis import MutationSettings

    return MutationSettings(
        shifts=tuple(options["shifts"]), rc=options["rc"], batch_size=options["batch_size"]
    )


def _mutate(
    params: Path, weights: Path, regions: Path, plan: MutationPlan, options: dict[str, Any]
) -> tuple[MutationSummary, str]:
    """Mutate; also say how mutations were predicted."""
    from whelp.genome.fasta import Fasta
    from whelp.interpreting.mutation_plan import plan_mutagenesis, plan_regions
    from whelp.interpreting.mutation_run import mutate_to_file
    from whelp.specs import TargetsTable

    settings = _settings(options)
    targets = TargetsTable.read(options["targets"])
    with Fasta(options["genome"]) as fasta, ScoreBar("bases") as bar:
        model = load_model(params, weights, options)
        mutagenesis = plan_mutagenesis(model, targets, fasta, plan=plan, settings=settings)
        file = plan_regions(regions, fasta, model, plan=plan)
        say_transform(model.spec, plan.old)
        engine = mutagenesis.predictor.describe()
        say(engine)
        summary = mutate_to_file(
            mutagenesis,
            file,
            options["out_dir"],
            run=_described(params, weights, regions, plan, options),
            existing=options["existing"],
            strict=options["strict"],
            progress=bar.show,
        )
    return summary, engine


def _described(
    params: Path, weights: Path, regions: Path, plan: MutationPlan, options: dict[str, Any]
) -> dict[str, Any]:
    """Say what the scores depend on."""
    from dataclasses import asdict

    from whelp.scoring.run import describe_run

    files = {"params": params, "weights": weights, "regions": regions}
    names = ("targets", "genome", "adapter", "genes")
    files |= {name: options[name] for name in names if options[name]}
    words = {name: value for name, value in asdict(plan).items() if name != "genes"}
    words |= {name: options[name] for name in ("head", "precision", "tf32")}
    return describe_run(_settings(options), files, **words)
