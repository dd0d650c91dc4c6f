"""Evaluating weights from files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from whelp.data import Dataset
from whelp.expression.files import write_gene_accuracy
from whelp.fitting.assessment import Assessment, AssessmentSettings, assess
from whelp.fitting.evaluation_inputs import EvaluationFiles, open_evaluation
from whelp.fitting.gene_evaluation import GeneQuestion, ask_genes, summarize_genes
from whelp.fitting.summary import shown_examples
from whelp.report import RunSummary, training_report
from whelp.specs import load_params
from whelp.training.evaluation import write_evaluation
from whelp.training.losses import make_loss


def evaluate_files(
    files: EvaluationFiles,
    out_dir: str | Path,
    settings: AssessmentSettings,
    *,
    genes: GeneQuestion | None = None,
) -> tuple[Assessment, Dataset]:
    """Evaluates weights on the windows of a data directory, and writes what came of it.

    The loss is that of the section train, with all of its settings, if there is one.

    Args:
      files: What is evaluated on what.
      out_dir: Folder of the results, made if it is missing.
      settings: How to evaluate; see `assess` for what is written.
      genes: Genes whose expression is evaluated, too, in the same pass over the windows; see
        `whelp.expression.files.write_gene_accuracy` for what is written.

    Returns:
      The accuracy, and the windows.

    Raises:
      whelp.specs.SpecError: The parameters are wrong or do not fit the data.
      whelp.data.DataError: The data are wrong.
      whelp.weights.WeightsError: The weights cannot be read or do not fit.
      whelp.adapters.AdapterError: The adapter cannot be read or belongs to another base.
      whelp.expression.ExpressionError: No gene lies in the windows, or there is no such group.
    """
    params = load_params(files.params)
    opened = open_evaluation(params, files)
    data, labels = opened.data, opened.labels
    if params.train is not None and settings.loss is None:
        settings = replace(settings, loss=make_loss(params.train))
    study = None if genes is None else ask_genes(genes, files, opened)
    if study is not None:
        settings = replace(settings, watch=study.collector)
    assessed = assess(opened.models, data, out_dir, settings)
    if study is not None:
        by_gene = study.accuracy()
        write_gene_accuracy(by_gene, out_dir)
        assessed = replace(assessed, genes=by_gene)
    if labels is not None:
        named = labels.reindex(columns=["identifier", "description"]).fillna("")
        assessed.accuracy["index"] = labels.index.to_numpy()
        for name in named:
            assessed.accuracy[name] = named[name].to_numpy()
        write_evaluation(assessed.accuracy, out_dir)
    return assessed, data


def write_evaluation_report(
    assessment: Assessment, data: Dataset, files: EvaluationFiles, out_dir: str | Path
) -> Path:
    """Writes `report.html` of an evaluation.

    Args:
      assessment: What `evaluate_files` gave.
      data: The windows.
      files: What was evaluated on what.
      out_dir: The folder.

    Returns:
      The report's path.
    """
    examples, scatter = shown_examples(assessment, data)
    facts = {
        "parameters": "given as a mapping" if isinstance(files.params, Mapping) else files.params,
        "weights": files.weights,
        "adapter": files.adapter,
        "replicates": ", ".join(map(str, files.replicates)) or None,
        "data": files.data_dir,
        "windows": f"{data.num_seqs} of {files.pattern or files.split}",
    }
    summary = RunSummary(
        name=Path(files.weights).stem,
        facts={name: str(value) for name, value in facts.items() if value is not None},
        accuracy=assessment.accuracy,
        split=files.split,
        examples=examples,
        scatter=scatter,
        genes=None if assessment.genes is None else summarize_genes(assessment.genes),
    )
    return training_report(
        summary,
        Path(out_dir) / "report.html",
        title=f"{files.weights} on {files.split} windows",
        subtitle=f"{data.num_targets} tracks, {data.num_seqs} windows",
    )
