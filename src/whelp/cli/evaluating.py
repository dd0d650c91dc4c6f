"""`whelp evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from whelp.cli.common import EXISTING_FILE, EXISTING_FOLDER, NEW_FOLDER, guarded, precision_option
from whelp.cli.console import count, say, score, show_table


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

\b
Example:
  whelp evaluate out/lora/params.json out/lora/model_best.h5 data/mm10 -o eval
  whelp evaluate base.json trunk.h5 data/mm10 --adapter out/lora/adapter.safetensors -o eval
"""


@click.command("evaluate", help=_HELP)
@click.argument("params", type=EXISTING_FILE)
@click.argument("weights", type=EXISTING_FILE)
@click.argument("data_dir", type=EXISTING_FOLDER)
@click.option("-o", "--out-dir", type=NEW_FOLDER, required=True, help="Folder of the results.")
@click.option(
    "-a", "--adapter", type=EXISTING_FILE, help="Adapter file; WEIGHTS are then those of its base."
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

    head = options["head"]
    files = EvaluationFiles(
        params=params,
        weights=weights,
        data_dir=data_dir,
        adapter=options["adapter"],
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
    assessment, data = evaluate_files(files, options["out_dir"], settings)
    if not options["no_report"]:
        write_evaluation_report(assessment, data, files, options["out_dir"])
    _say_accuracy(assessment, options["out_dir"])


def _say_accuracy(assessment: Any, out_dir: Path) -> None:
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
    if attributes.get("loss") is not None:
        say(f"loss {attributes['loss'] + attributes['penalty']:.5f}")
    say(f"{attributes['windows']} windows. {attributes['space']}")
    say(f"written to {out_dir}")
