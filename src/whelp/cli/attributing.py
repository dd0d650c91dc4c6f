"""`whelp attribute`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from whelp.cli.common import EXISTING_FILE, command_line, guarded, split_words
from whelp.cli.console import count, say, warn
from whelp.cli.model_options import existing, load_model, model_options
from whelp.cli.score_display import ScoreBar, say_transform
from whelp.files import remove_beside

if TYPE_CHECKING:
    from whelp.interpreting.attribution_plan import AttributionPlan
    from whelp.interpreting.attribution_run import AttributionSummary
    from whelp.interpreting.gradients import GradientSettings
    from whelp.models import SequenceModel

_HELP = """\
Say by gradients what each base of stretches of DNA does to the coverage that a model predicts.

\b
REGIONS is one of
  BED   stretches of the genome, each in the middle of a window.
  VCF   variants, or a table of them with the columns chrom, pos, ref and alt: the window around
        each, once with the reference and once with each alternate allele.
  none  with --genes: a window around each gene, centred on its exons.

What is explained is the natural log of coverage (times its scale, plus --pseudo), summed over the
bins of the window or, with --genes, of a gene's exons, in the tracks of its strand. Of several
tracks it is the mean of their logs. With --contrast A:B (groups in the column `group` of TARGETS)
it is the number of group A less that of group B: what drives the difference.

A base contributes its gradient, less the mean over the four bases: "gradient times input". With
--method smooth_grad gradients are averaged over copies with random mutations.

Writes attributions.h5 (gradients, contributions, sequences; the layout of borzoi_satg_gene.py),
report.html (logos of the strongest stretches), motifs/sequences.npz and motifs/contributions.npz,
which tfmodisco-lite reads, and rejected.tsv: rows that cannot be explained, and why. Memory does
not grow with the number of stretches, and a run that was stopped goes on with --resume.

\b
Example:
  whelp attribute params.json model.h5 -g hg38.fa -t data/targets.txt --genes genes.gtf \\
    --gene TP53 --tracks 'RNA:*' --rc -o tp53
  whelp attribute params.json model.h5 regions.bed -g hg38.fa -t data/targets.txt --length 2000 \\
    --contrast liver:blood --bigwig -o what_sets_liver_apart
"""


@click.command("attribute", help=_HELP)
@click.argument("params", type=EXISTING_FILE)
@click.argument("weights", type=EXISTING_FILE)
@click.argument("regions", type=EXISTING_FILE, required=False)
@click.option(
    "--length",
    type=click.IntRange(min=1),
    help="Bp to keep around each middle.  [default: the window; 1000 for REGIONS with --genes]",
)
@click.option(
    "--input-type",
    "kind",
    type=click.Choice(["bed", "vcf"]),
    help="What REGIONS is.  [default: what it looks like]",
)
@click.option("--genes", type=EXISTING_FILE, help="Annotation, GTF or GFF3: explain genes.")
@click.option("--gene", multiple=True, help="Name or ID of a gene that counts; can be repeated.")
@click.option("--span", is_flag=True, help="All bins from a gene's first to its last exon count.")
@click.option("--middle", type=click.IntRange(min=1), help="Bins in the middle that count.")
@click.option(
    "--tracks",
    multiple=True,
    help="Tracks that count: indexes, names, or patterns such as 'RNA:*'; with commas.",
)
@click.option("--contrast", metavar="A:B", help="Explain what sets group A apart from group B.")
@click.option(
    "--pool",
    type=click.Choice(["logs", "coverage"]),
    default="logs",
    show_default=True,
    help="Of several tracks: the mean of their logs, or the log of their mean as in Borzoi.",
)
@click.option(
    "--pseudo", default=1.0, show_default=True, help="Coverage to add before the log is taken."
)
@click.option(
    "--method",
    type=click.Choice(["grad_input", "smooth_grad"]),
    default="grad_input",
    show_default=True,
    help="Gradient at the sequence, or averaged over mutated copies.",
)
@click.option("--samples", default=5, show_default=True, help="Copies, for smooth_grad.")
@click.option(
    "--sample-prob",
    default=0.9,
    show_default=True,
    help="Share of the bases that stay in a copy, for smooth_grad.",
)
@click.option("--seed", default=42, show_default=True, help="Of the mutations, for smooth_grad.")
@click.option(
    "--replicate",
    type=EXISTING_FILE,
    multiple=True,
    help="Weights (with --adapter, adapter) of a replicate to average over; can be repeated.",
)
@click.option("--strict", is_flag=True, help="Stop if a row cannot be explained.")
@click.option("--batch-size", default=1, show_default=True, help="Copies to run at a time.")
@click.option("--bigwig", is_flag=True, help="Write contributions.bw, too.")
@click.option("--report/--no-report", default=True, help="Write report.html.  [default: --report]")
@click.option(
    "--logos", default=20, show_default=True, help="Stretches to be drawn in the report, at most."
)
@model_options
@guarded
def command(params: Path, weights: Path, regions: Path | None, **options: Any) -> None:
    """Say by gradients what each base does."""
    from whelp.interpreting.attribution_table import write_attributed_motifs

    options["existing"] = existing(options)
    if regions is None and options["genes"] is None:
        raise click.UsageError("give REGIONS (BED or VCF), or genes to explain with --genes")
    plan = _plan(options)
    summary = _attribute(params, weights, regions, plan, options)
    if options["overwrite"]:
        remove_beside(summary.path, ("report.html", "contributions.bw"))
    _say_attributed(summary)
    motifs = summary.path.with_name("motifs")
    write_attributed_motifs(summary.path, motifs)
    say(f"arrays for tfmodisco-lite written to {motifs}")
    if options["bigwig"]:
        _write_bigwig(summary, options["genome"])
    if options["report"]:
        page = _write_report(summary, plan, {"weights": weights, **options})
        say(f"report written to {page}")


def _plan(options: dict[str, Any]) -> AttributionPlan:
    from whelp.interpreting.attribution_plan import AttributionPlan

    return AttributionPlan(
        length=options["length"],
        kind="variants" if options["kind"] == "vcf" else options["kind"],
        genes=options["genes"],
        gene=options["gene"],
        span=options["span"],
        tracks=split_words(options["tracks"]),
        contrast=options["contrast"],
        middle=options["middle"],
        pseudo=options["pseudo"],
        pool=options["pool"],
        old=options["transform_old"],
    )


def _settings(options: dict[str, Any]) -> GradientSettings:
    from whelp.interpreting.gradients import GradientSettings

    return GradientSettings(
        method=options["method"],
        rc=options["rc"],
        shifts=tuple(options["shifts"]),
        samples=options["samples"],
        sample_prob=options["sample_prob"],
        seed=options["seed"],
        batch_size=options["batch_size"],
    )


def _models(params: Path, weights: Path, options: dict[str, Any]) -> list[SequenceModel]:
    """Loads the model and its replicates."""
    models = [load_model(params, weights, options)]
    for replicate in options["replicate"]:
        if options["adapter"] is None:
            models.append(load_model(params, replicate, options))
        else:
            models.append(load_model(params, weights, {**options, "adapter": replicate}))
    return models


def _attribute(
    params: Path,
    weights: Path,
    regions: Path | None,
    plan: AttributionPlan,
    options: dict[str, Any],
) -> AttributionSummary:
    from whelp.genome.fasta import Fasta
    from whelp.interpreting.attribution_plan import plan_attribution, plan_stretches
    from whelp.interpreting.attribution_run import attribute_to_file
    from whelp.specs import TargetsTable

    settings = _settings(options)
    targets = TargetsTable.read(options["targets"])
    with Fasta(options["genome"]) as fasta, ScoreBar("regions") as bar:
        models = _models(params, weights, options)
        attributor = plan_attribution(models, targets, fasta, plan=plan, settings=settings)
        say_transform(models[0].spec, plan.old)
        return attribute_to_file(
            attributor,
            plan_stretches(regions, fasta, models[0], plan=plan),
            options["out_dir"],
            run=_described(
                {"params": params, "weights": weights, "regions": regions}, plan, options
            ),
            existing=options["existing"],
            strict=options["strict"],
            progress=bar.show,
        )


def _described(
    files: dict[str, Path | None], plan: AttributionPlan, options: dict[str, Any]
) -> dict[str, Any]:
    """Say what the numbers depend on."""
    from dataclasses import asdict

    from whelp.scoring.run import describe_run

    files |= {name: options[name] for name in ("targets", "genome", "adapter", "genes")}
    files |= {f"replicate {at}": path for at, path in enumerate(options["replicate"], start=1)}
    chosen = {name: value for name, value in asdict(plan).items() if name != "genes"}
    chosen |= {name: options[name] for name in ("head", "precision", "tf32")}
    given = {name: path for name, path in files.items() if path is not None}
    return describe_run(_settings(options), given, **chosen)


def _say_attributed(summary: AttributionSummary) -> None:
    """Prints how many stretches were explained, and what is not whole."""
    if summary.resumed:
        say(f"{count(summary.resumed)} regions had been explained before")
    if summary.rejected:
        rejected = summary.path.with_name("rejected.tsv")
        warn(f"{count(summary.rejected)} rows cannot be explained; {rejected} says why")
    if summary.partly:
        warn(
            f"of {count(summary.partly)} genes the windows show only a part of the exons; the data "
            f"set `share` says how much, and the number is of that part"
        )
    say(f"{count(summary.regions)} regions explained, attributions in {summary.path}")


def _write_bigwig(summary: AttributionSummary, genome: Path) -> None:
    from whelp.genome.fasta import chromosome_lengths
    from whelp.interpreting.attribution_table import write_contribution_track

    path = summary.path.with_name("contributions.bw")
    write_contribution_track(summary.path, path, chromosome_lengths(genome))
    say(f"track written to {path}")


def _write_report(
    summary: AttributionSummary, plan: AttributionPlan, options: dict[str, Any]
) -> Path:
    import whelp
    from whelp.genome.fasta import chromosome_lengths
    from whelp.genome.located_genes import located_genes
    from whelp.interpreting.attribution_report import attribution_tables
    from whelp.report import attributions_report

    facts = {"command": command_line()}
    for name in ("weights", "genome", "targets", "method"):
        facts[name] = str(options[name])
    facts["tracks"] = ", ".join(map(str, plan.tracks)) or "all"
    facts |= {"contrast": plan.contrast} if plan.contrast else {}
    facts["whelp"] = whelp.__version__
    lengths = chromosome_lengths(options["genome"])
    tables = attribution_tables(
        summary.path,
        most=options["logos"],
        genes=[] if plan.genes is None else located_genes(plan.genes, lengths),
        rejected=summary.rejected,
        facts=facts,
    )
    title = (
        "What raises and lowers coverage" if not plan.contrast else f"What drives {plan.contrast}"
    )
    return attributions_report(tables, summary.path.with_name("report.html"), title=title)
