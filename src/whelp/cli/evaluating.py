"""`whelp evaluate`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from whelp.cli.common import EXISTING_FILE, EXISTING_FOLDER, NEW_FOLDER, guarded, precision_option
from whelp.cli.console import count, say, score, show_table
from whelp.cli.gene_options import gene_options, gene_question, say_genes


class Numbers(click.ParamType):
    """Whole numbers separated by commas."""

    name = "N,N,..."

    def convert(self, value: Any, param: Any, ctx: Any) -> list[int]:
        """Parses them."""
        if not isinstance(value, str):
            return list(value)
        try:
            return [int(part) for part in value.split(",") if part.strip()]
        except ValueError:
            self.fail(f"{value!r} is not a list of whole numbers such as 0,1,-1", param, ctx)


_HELP = """\
Measure how well WEIGHTS predict the held-out windows of DATA_DIR.

Writes acc.txt (a row a track, with the columns of hound_eval.py), acc_classes.txt (means and
medians by assay), evaluation.json and report.html. Correlations are computed in the transformed
space of the stored targets, not in read counts.

Of several models (--replicate, or several -a) the averaged predictions are evaluated, and each
model besides: acc.txt then also has the mean of each number over the models and its standard
deviation (divided by their number less one), and acc_replicates.txt the means over tracks of each.

With --genes the expression of the genes in these windows is evaluated, too, as log2 of coverage:
gene_targets.tsv.gz, gene_preds.tsv.gz, task_metrics.tsv (by track), gene_metrics.tsv (by gene) and
more, as hound_eval_genes.py writes them. With --contrast A:B (groups in the column `group` of the
targets table) it is the change between two groups, assay by assay: contrasts.tsv and
gene_changes.tsv.

\b
Example:
  whelp evaluate out/lora/params.json out/lora/model_best.h5 data/mm10 -o eval
  whelp evaluate base.json trunk.h5 data/mm10 --adapter out/lora/adapter.safetensors -o eval
  whelp evaluate params.json model_r0.h5 data/mm10 --replicate model_r1.h5 -o eval
  whelp evaluate params.json model.h5 data --genes annotation.gtf --contrast liver:blood -o eval
"""


@click.command("evaluate", help=_HELP)
@click.argument("params", type=EXISTING_FILE)
@click.argument("weights", type=EXISTING_FILE)
@click.argument("data_dir", type=EXISTING_FOLDER)
@click.option("-o", "--out-dir", type=NEW_FOLDER, required=True, help="Folder of the results.")
@click.option(
    "-a",
    "--adapter",
    "adapters",
    type=EXISTING_FILE,
    multiple=True,
    help="Adapter file; WEIGHTS are then those of its base. Several are replicates.",
)
@click.option(
    "--replicate",
    "replicates",
    type=EXISTING_FILE,
    multiple=True,
    help="Weights of another replicate of the model; can be given again.",
)
@click.option("--head", default="0", help="Head to evaluate, by index or name.  [default: 0]")
@click.option("--split", default="test", show_default=True, help="Windows to evaluate on.")
@click.option("--pattern", help="Record files in tfrecords/, in place of the split's.")
@click.option("-t", "--targets", type=EXISTING_FILE, help="Targets table: tracks to evaluate.")
@click.option("--rank", is_flag=True, help="Compute Spearman correlations, too.")
@click.option("--rc", is_flag=True, help="Average predictions over both strands.")
@click.option(
    "--shifts", type=Numbers(), default="0", show_default=True, help="Shifts to average over, bp."
)
@click.option(
    "--step", default=1, show_default=True, help="Take every so-manieth bin for --rank and --save."
)
@click.option("--save", is_flag=True, help="Write preds.h5 and targets.h5.")
@click.option("--bedgraph", type=Numbers(), default="", help="Tracks to write as bedGraph files.")
@gene_options
@click.option("--no-report", is_flag=True, help="Write no report.html.")
@precision_option
@guarded
def command(params: Path, weights: Path, data_dir: Path, **options: Any) -> None:
    """Measure how well WEIGHTS predict the held-out windows of DATA_DIR."""
    from whelp.fitting import (
        AssessmentSettings,
        EvaluationFiles,
        evaluate_files,
        write_evaluation_report,
    )

    head, adapters = options["head"], options["adapters"]
    if adapters and options["replicates"]:
        raise click.UsageError("-a and --replicate exclude each other: give several adapters")
    files = EvaluationFiles(
        params=params,
        weights=weights,
        data_dir=data_dir,
        adapter=adapters[0] if adapters else None,
        replicates=adapters[1:] or options["replicates"],
        head=int(head) if head.isdigit() else head,
        split=options["split"],
        pattern=options["pattern"],
        targets_file=options["targets"],
        precision=options["precision"],
    )
    settings = AssessmentSettings(
        rank=options["rank"],
        rc=options["rc"],
        shifts=options["shifts"],
        step=options["step"],
        save=options["save"],
        bedgraph=options["bedgraph"],
        examples=not options["no_report"],
    )
    question = gene_question(options, rc=options["rc"], shifts=options["shifts"])
    assessment, data = evaluate_files(files, options["out_dir"], settings, genes=question)
    if not options["no_report"]:
        write_evaluation_report(assessment, data, files, options["out_dir"])
    _say_accuracy(assessment)
    if assessment.genes is not None:
        say_genes(assessment.genes)
    say(f"written to {options['out_dir']}")


def _say_accuracy(assessment: Any) -> None:
    from whelp.training.evaluation import class_summary

    table = class_summary(assessment.accuracy)
    words = {
        "pearsonr": "Pearson r",
        "spearmanr": "Spearman r",
        "r2": "R2",
        "auroc": "AUROC",
        "auprc": "AUPRC",
    }
    names = [name for name in words if name in table]
    rows = [
        [row["assay"], count(row["tracks"]), *(score(row[name]) for name in names)]
        for row in table.to_dict("records")
    ]
    headings = ["assay", "tracks", *(words[name] for name in names)]
    show_table("Means over tracks", headings, rows, numbers=headings[1:])
    attributes = assessment.accuracy.attrs
    if "replicates" in attributes:
        _say_replicates(assessment.accuracy, words)
    if attributes.get("loss") is not None:
        say(f"loss {attributes['loss'] + attributes['penalty']:.5f}")
    say(f"{attributes['windows']} windows. {attributes['space']}")
    for sentence in attributes.get("training_windows", {}).get("sentences", ()):
        say(sentence)


def _say_replicates(accuracy: Any, words: Mapping[str, str]) -> None:
    from whelp.training.evaluation import replicate_summary

    table = replicate_summary(accuracy)
    names = [name for name in words if name in table]
    rows = [
        [row["replicate"], *(score(row[name]) for name in names)]
        for row in table.to_dict("records")
    ]
    headings = ["replicate", *(words[name] for name in names)]
    show_table("Means over tracks, by replicate", headings, rows, numbers=headings[1:])
