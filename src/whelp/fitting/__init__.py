"""From files to a fitted model: transfer, training from scratch, evaluation, and their records."""

from whelp.fitting.assessment import Assessment, AssessmentSettings, assess
from whelp.fitting.base import load_keras, read_weights
from whelp.fitting.epochs import EpochNews
from whelp.fitting.evaluation import EvaluationFiles, evaluate_files, write_evaluation_report
from whelp.fitting.folder import OutputFolderError, read_run
from whelp.fitting.options import RunOptions, RunSettings
from whelp.fitting.resources import peak_memory
from whelp.fitting.run import train_from_files, transfer
from whelp.fitting.summary import TransferRun

__all__ = [
    "Assessment",
    "AssessmentSettings",
    "EpochNews",
    "EvaluationFiles",
    "OutputFolderError",
    "RunOptions",
    "RunSettings",
    "TransferRun",
    "assess",
    "evaluate_files",
    "load_keras",
    "peak_memory",
    "read_run",
    "read_weights",
    "train_from_files",
    "transfer",
    "write_evaluation_report",
]
