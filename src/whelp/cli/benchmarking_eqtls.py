"""`whelp eqtl`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from whelp.cli.common import EXISTING_FILE, NEW_FOLDER, command_line, guarded
from whelp.cli.console import count, say, score, show_table, warn
from whelp.files import remove_beside

if TYPE_CHECKING:
    from whelp.eqtls.benchmark import EqtlBenchmark, EqtlSettings

_FILE_OR_FOLDER = click.Path(exists=True, path_type=Path)

_HELP = """\
Benchmark scores by expression QTLs: do they tell CAUSAL variants from matched NEGATIVES, and which
way a variant acts?

CAUSAL is a VCF file whose INFO column names tissue, gene, effect and effect allele, as
TISSUE=Liver;GENE=ENSG00000187634;AFC=-0.31;EA=A;TSSD=1250 (the distance to the start of the
gene). Without EA the alternate is the effect allele. NEGATIVES have no effects, and serve for all
tissues where they name none. Or both are folders of TISSUE_pos.vcf and TISSUE_neg.vcf, as
calico/westminster has them. TISSUES is a table with the columns tissue and tracks: identifiers or
descriptions, with * and ?, and commas. SCORES are the scores.h5 of `whelp score`, by track or by
gene, or of hound_snp.py (whelp score params.json model.h5 causal.vcf -g hg38.fa -t targets.txt -o
causal); together they hold both kinds of variants. Alleles may be the other way
round in any of them.

A variant's score is the mean over the tissue's tracks; by gene, that for its own gene. Absolute
scores tell causal variants (AUROC, AUPRC), against the distance to the start of the gene, and
random forests on the scores of all tracks, in cross-validation as in westminster_classify.py.
Signs of scores tell the signs of effects (AUROC, AUPRC, Spearman). What has no score, for the
model does not see it, has 0, and there are all numbers without such variants, too.

Writes metrics.tsv (a row a tissue), variants.tsv.gz, report.html, and unused.tsv: records that
cannot be used, and why.

\b
Example:
  whelp eqtl causal.vcf negatives.vcf tissues.tsv causal/scores.h5 negatives/scores.h5 -o eqtl
"""


@click.command("eqtl", help=_HELP)
@click.argument("causal", type=_FILE_OR_FOLDER)
@click.argument("negatives", type=_FILE_OR_FOLDER)
@click.argument("tissues", type=EXISTING_FILE)
@click.argument("scores", type=EXISTING_FILE, nargs=-1, required=True)
@click.option("-o", "--out-dir", type=NEW_FOLDER, required=True, help="Folder of the results.")
@click.option("--stat", help="Statistic of the scores.  [default: logSUM or logSED, as there are]")
@click.option("--gene-tag", default="GENE", show_default=True, help="INFO field of the gene.")
@click.option("--effect-tag", default="AFC", show_default=True, help="INFO field of the effect.")
@click.option(
    "--allele-tag", default="EA", show_default=True, help="INFO field of the effect allele."
)
@click.option("--tissue-tag", default="TISSUE", show_default=True, help="INFO field of the tissue.")
@click.option(
    "--distance-tag", default="TSSD", show_default=True, help="INFO field of the distance, bp."
)
@click.option(
    "--genes",
    type=EXISTING_FILE,
    help="GTF or GFF3, for distances that INFO does not give: to the start of the gene that it "
    "names, or of the nearest.",
)
@click.option(
    "--min-variants",
    type=click.IntRange(min=1),
    default=32,
    show_default=True,
    help="Leave out tissues with fewer causal variants.",
)
@click.option("--forest/--no-forest", default=True, show_default=True, help="Random forests, too.")
@click.option(
    "--folds", type=click.IntRange(min=2), default=8, show_default=True, help="Folds of forests."
)
@click.option(
    "--iterations",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="How often variants are divided into folds.",
)
@click.option("--no-report", is_flag=True, help="Write no report.html.")
@partial(guarded, backend=False)
def command(causal: Path, negatives: Path, tissues: Path, scores: Any, **options: Any) -> None:
    """Benchmark scores by expression QTLs."""
    from whelp.cli.score_display import ScoreBar
    from whelp.eqtls.benchmark import benchmark_eqtls
    from whelp.eqtls.writing import write_benchmark

    with ScoreBar("tissues") as bar:
        made = benchmark_eqtls(
            causal,
            negatives,
            tissues,
            scores,
            settings=_settings(options),
            progress=bar.show,
        )
    folder: Path = options["out_dir"]
    write_benchmark(made, folder)
    remove_beside(folder / "metrics.tsv", ("report.html",))
    if not options["no_report"]:
        files = {"causal": causal, "negatives": negatives, "tissues": tissues}
        _report(made, {**files, "scores": ", ".join(map(str, scores))}, folder)
    _say_end(made, folder)


def _settings(options: dict[str, Any]) -> EqtlSettings:
    from whelp.eqtls.benchmark import EqtlSettings
    from whelp.eqtls.forest import ForestSettings
    from whelp.eqtls.records import InfoTags

    tags = {name: options[f"{name}_tag"] for name in InfoTags.__dataclass_fields__}
    forest = ForestSettings(folds=options["folds"], iterations=options["iterations"])
    return EqtlSettings(
        statistic=options["stat"],
        tags=InfoTags(**tags),
        genes=options["genes"],
        least=options["min_variants"],
        forest=forest if options["forest"] else None,
    )


def _report(made: EqtlBenchmark, files: dict[str, Any], folder: Path) -> None:
    import whelp
    from whelp.report import EqtlTables, eqtls_report

    facts = {name: str(value) for name, value in files.items()}
    facts = {"command": command_line(), **facts, "whelp": whelp.__version__}
    tables = EqtlTables(
        made.metrics,
        made.variants,
        made.statistic,
        left_out=made.left_out,
        facts=facts,
        notes=made.notes,
    )
    eqtls_report(tables, folder / "report.html")


def _say_end(made: EqtlBenchmark, folder: Path) -> None:
    words = {
        "auroc_class": "class AUROC",
        "auprc_class": "AUPRC",
        "auroc_distance": "distance AUROC",
        "auroc_forest": "forest AUROC",
        "auroc_sign": "sign AUROC",
        "spearmanr": "Spearman",
        "measured": "measured",
        "negatives_measured": "of negatives",
    }
    names = [name for name in words if name in made.metrics]
    rows = [
        [row["tissue"], count(row["variants"]), count(row["negatives"])]
        + [score(row[name]) for name in names]
        for row in made.metrics.to_dict("records")
    ]
    if len(rows) > 1:
        numbers = [count(int(made.metrics[name].sum())) for name in ("variants", "negatives")]
        rows.append(["mean", *numbers, *(score(made.metrics[name].mean()) for name in names)])
    headings = ["tissue", "causal", "negatives", *(words[name] for name in names)]
    show_table(f"eQTLs by {made.statistic}", headings, rows, numbers=headings[1:])
    for note in made.notes:
        warn(note)
    for tissue, why in made.left_out.items():
        warn(f"{tissue} is left out: {why}")
    if made.unused:
        warn(f"{count(len(made.unused))} records cannot be used; {folder / 'unused.tsv'} says why")
    say(f"written to {folder}")
