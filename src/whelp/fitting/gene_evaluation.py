"""Evaluating weights from files on the expression of held-out genes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from whelp.expression import ExpressionSettings, GeneAccuracy, GeneStudy
from whelp.expression.evaluation import Progress, squashed_old, training_windows
from whelp.expression.files import ProfileWriter, write_gene_accuracy, write_gene_beds
from whelp.expression.levels import Keep
from whelp.fitting.evaluation_inputs import EvaluationFiles, OpenedEvaluation, open_evaluation
from whelp.report import GeneSummary
from whelp.specs import TargetsTable, load_params


@dataclass(frozen=True)
class GeneQuestion:
    """Which genes are evaluated, and how.

    Attributes:
      annotation: GTF or GFF3 file, plain or gzipped.
      settings: How.
    """

    annotation: str | Path
    settings: ExpressionSettings = field(default_factory=ExpressionSettings)


def ask_genes(
    question: GeneQuestion,
    files: EvaluationFiles,
    opened: OpenedEvaluation,
    *,
    keep: Keep | None = None,
) -> GeneStudy:
    """Finds the genes of an evaluation's windows.

    Args:
      question: Which genes, and how.
      files: What is evaluated on what; groups are those of its targets file, or of the data's.
      opened: The same, opened.
      keep: Called with each gene and its coverage.

    Raises:
      whelp.expression.ExpressionError: No gene lies in the windows, or there is no such group.
      whelp.genome.genes.GenesError: The annotation cannot be read.
      whelp.specs.SpecError: The targets table does not say how targets were squashed.
    """
    table = files.targets_file or Path(files.data_dir) / "targets.txt"
    return GeneStudy(
        opened.data,
        question.annotation,
        targets=TargetsTable.read(table),
        old=squashed_old(files.data_dir, opened.spec, question.settings.old),
        settings=question.settings,
        keep=keep,
        trained=training_windows(files.data_dir, files.split),
    )


def evaluate_gene_files(
    question: GeneQuestion,
    files: EvaluationFiles,
    out_dir: str | Path,
    *,
    profiles: bool = False,
    progress: Progress | None = None,
) -> GeneAccuracy:
    """Evaluates weights on held-out genes alone, and writes what `hound_eval_genes.py` does.

    Args:
      question: Which genes, and how.
      files: What is evaluated on what.
      out_dir: Folder of the results, made if it is missing.
      profiles: Whether to write the coverage along each gene, too.
      progress: Called with the number of windows that are done, and of all that are predicted.

    Raises:
      whelp.specs.SpecError: The parameters are wrong or do not fit the data.
      whelp.data.DataError: The data are wrong.
      whelp.weights.WeightsError: The weights cannot be read or do not fit.
      whelp.expression.ExpressionError: No gene lies in the windows, or there is no such group.
      whelp.genome.genes.GenesError: The annotation cannot be read.
    """
    opened = open_evaluation(load_params(files.params), files)
    keep = ProfileWriter(out_dir) if profiles else None
    study = ask_genes(question, files, opened, keep=keep)
    write_gene_beds(study.plan, out_dir)
    accuracy = study.predict(opened.models, progress)
    write_gene_accuracy(accuracy, out_dir)
    return accuracy


def summarize_genes(accuracy: GeneAccuracy) -> GeneSummary:
    """Gathers what a report shows of the expression of genes."""
    return GeneSummary(len(accuracy.genes), accuracy.tracks, accuracy.contrasts, accuracy.reaching)
