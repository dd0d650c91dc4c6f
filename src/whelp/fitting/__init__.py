"""From files to a fitted model: transfer, training from scratch, evaluation, and their records."""

from whelp.fitting.assessment import Assessment, AssessmentSettings, assess
from whelp.fitting.base import load_keras, read_weights
from whelp.fitting.epochs import EpochNews
from whelp.fitting.evaluation import evaluate_files, write_evaluation_report
from whelp.fitting.evaluation_inputs import EvaluationFiles
from whelp.fitting.folder import OutputFolderError, read_run
from whelp.fitting.from_tracks import FitRun, TrackInput, fit, plan_fit
from whelp.fitting.gene_evaluation import GeneQuestion, evaluate_gene_files
from whelp.fitting.options import RunOptions, RunSettings
from whelp.fitting.planning import FitPlan, PlanError
from whelp.fitting.resources import peak_memory
from whelp.fitting.run import train_from_files, transfer
from whelp.fitting.specificity import evaluate_specificity_files
from whelp.fitting.summary import TransferRun

__all__ = [
    "Assessment",
    "AssessmentSettings",
    "EpochNews",
    "EvaluationFiles",
    "FitPlan",
    "FitRun",
    "GeneQuestion",
    "OutputFolderError",
    "PlanError",
    "RunOptions",
    "RunSettings",
    "TrackInput",
    "TransferRun",
    "assess",
    "evaluate_files",
    "evaluate_gene_files",
    "evaluate_specificity_files",
    "fit",
    "load_keras",
    "peak_memory",
    "plan_fit",
    "read_run",
    "read_weights",
    "train_from_files",
    "transfer",
    "write_evaluation_report",
]
