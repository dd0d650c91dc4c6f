"""What a finished run was, in one object, and its report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from whelp.data import DataError, Dataset
from whelp.fitting.assessment import Assessment
from whelp.inspection import ModelFacts
from whelp.models import SequenceModel
from whelp.report import RunSummary, ScatterSample, WindowExample, training_report
from whelp.training.trainer import TrainingResult


@dataclass(frozen=True)
class TransferRun:
    """What came of a run.

    Attributes:
      name: The method, such as `lora`.
      out_dir: Folder of its files.
      model: The trained model, with the best epoch's weights and its adapters.
      facts: Lengths and parameters.
      training: History and best epoch; `None` if training was skipped.
      head_first: The same of the epochs in which the head was trained alone, if there were any.
      peak_memory: Highest resident memory until the end of training, bytes.
      accuracy: Head -> accuracy on the test windows, one row a track; empty without such windows.
    """

    name: str
    out_dir: Path
    model: SequenceModel
    facts: ModelFacts
    training: TrainingResult | None = None
    head_first: TrainingResult | None = None
    peak_memory: int = 0
    accuracy: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Wall time of all epochs, those before a resumption included."""
        histories = [part.history for part in (self.head_first, self.training) if part is not None]
        return float(sum(history["seconds"].sum() for history in histories if len(history)))

    @property
    def valid_pearsonr(self) -> float | None:
        """Validation Pearson at the best epoch: mean over tracks, then over heads."""
        if self.training is None or not self.training.best_epoch:
            return None
        return valid_pearsonr(self.training)

    def test_mean(self, number: str) -> float | None:
        """Mean of a column of `accuracy` over the tracks where it is defined, then over heads."""
        tables = [table for table in self.accuracy.values() if number in table]
        if not tables:
            return None
        return float(sum(table[number].mean() for table in tables) / len(tables))


def valid_pearsonr(training: TrainingResult) -> float | None:
    """Validation Pearson at the best epoch; `None` without validation."""
    row = training.history.iloc[training.best_epoch - 1].to_dict()
    found = [
        float(value)
        for name, value in row.items()
        if str(name).startswith("val_") and str(name).endswith("pearsonr")
    ]
    return sum(found) / len(found) if found else None


def run_record(run: TransferRun) -> dict[str, object]:
    """Returns a finished run's numbers, for `run.json`; plain JSON values."""
    training = run.training
    return {
        "method": run.name,
        "trained_parameters": run.facts.trained_parameters,
        "total_parameters": run.facts.total_parameters,
        "seconds": round(run.seconds, 2),
        "peak_memory": run.peak_memory,
        "epochs": 0 if training is None else len(training.history),
        "head_epochs": 0 if run.head_first is None else len(run.head_first.history),
        "best_epoch": 0 if training is None else training.best_epoch,
        "stopped_by": None if training is None else training.stopped_by,
        "valid_pearsonr": run.valid_pearsonr,
        "test": {
            head: {
                name: None if pd.isna(mean := table[name].mean()) else float(mean)
                for name in ("pearsonr", "spearmanr", "r2", "auroc", "auprc")
                if name in table
            }
            for head, table in run.accuracy.items()
        },
    }


def write_reports(
    run: TransferRun,
    assessments: Mapping[str, tuple[Assessment, Dataset]],
    facts: Mapping[str, str],
) -> None:
    """Writes `report.html`, or one report a head if there are several.

    Args:
      run: The run.
      assessments: Head -> what its evaluation gave, and the windows; may be empty.
      facts: How the run was made, in words.
    """
    heads = list(run.facts.heads)
    for head in heads:
        name = "report.html" if len(heads) == 1 else f"report_{head}.html"
        summary = summarize_run(run, head, assessments.get(head), facts)
        tracks = run.facts.heads[head]
        training_report(
            summary,
            run.out_dir / name,
            title=f"{run.name}: {run.out_dir.name}",
            subtitle=f"{tracks} tracks of {head}, bins of {run.facts.stride} bp",
        )


def summarize_run(
    run: TransferRun,
    head: str,
    assessed: tuple[Assessment, Dataset] | None,
    facts: Mapping[str, str],
) -> RunSummary:
    """Gathers what a report shows of a run, for one of its heads."""
    examples, scatter = ((), ()) if assessed is None else shown_examples(*assessed)
    training = run.training
    return RunSummary(
        name=run.name,
        facts=facts,
        trained_parameters=run.facts.trained_parameters,
        total_parameters=run.facts.total_parameters,
        seconds=run.seconds,
        peak_memory=run.peak_memory,
        valid_pearsonr=run.valid_pearsonr,
        history=None if training is None else head_history(training.history, head),
        best_epoch=None if training is None else training.best_epoch,
        accuracy=None if assessed is None else assessed[0].accuracy,
        examples=examples,
        scatter=scatter,
    )


def shown_examples(
    assessment: Assessment, data: Dataset
) -> tuple[Sequence[WindowExample], Sequence[ScatterSample]]:
    """Chooses windows and bins to look at, if they were noted during the evaluation."""
    noted, table = assessment.examples, assessment.accuracy
    if noted is None:
        return (), ()
    scatter = noted.scatter(table) if "pearsonr" in table else []
    try:
        return noted.windows(assessment.model, data, table), scatter
    except DataError:
        return (), scatter  # the windows' coordinates are not known


def head_history(history: pd.DataFrame, head: str) -> pd.DataFrame:
    """Returns the history with one head's columns under their plain names."""
    renamed = {name: str(name).replace(f"{head}_", "", 1) for name in history}
    return history.rename(columns=renamed)
