"""Predicted against measured expression of the genes in held-out windows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from whelp.data import Dataset, open_dataset
from whelp.data.directory import read_bed, read_statistics
from whelp.expression.accuracy import GeneAccuracy, gene_accuracy
from whelp.expression.contrasts import check_groups
from whelp.expression.errors import ExpressionError
from whelp.expression.gene_plan import GenePlan, Genes, plan_genes
from whelp.expression.levels import GeneCollector, Keep
from whelp.expression.settings import ExpressionSettings
from whelp.models import ensemble
from whelp.scoring.strands import Strands
from whelp.scoring.untransform import is_old
from whelp.specs import ModelSpec, TargetsTable
from whelp.training.predictions import predict_batches

_TRAINING = "train"

Progress = Callable[[int, int], object]


def evaluate_genes(
    model: Any,
    data_dir: str | Path,
    genes: Genes,
    *,
    split: str = "test",
    targets_file: str | Path | None = None,
    settings: ExpressionSettings | None = None,
    progress: Progress | None = None,
) -> GeneAccuracy:
    """Compare predicted with measured expression of the genes in held-out windows.

    A gene's expression is the coverage of the bins that hold its exons, on its strand, with the
    squashing of the targets undone, averaged and scaled to the gene's length. Only windows in which
    genes lie are predicted.

    Args:
        model: A Keras model, or anything with `predict`, that takes `(batch, length, 4)` one-hot
            sequences and gives `(batch, bins, tracks)`: the tracks of the targets table. Or a list
            of such, whose predictions are averaged.
        data_dir: Data directory.
        genes: GTF or GFF3 file, plain or gzipped; or genes.
        split: Split of the windows.
        targets_file: Targets table, in place of the directory's: the tracks that the model
            predicts, and their groups.
        settings: How; see `ExpressionSettings`.
        progress: Called with the number of windows that are done, and of all that are predicted.

    Returns:
        Accuracy by track, by gene and by contrast, and the values that they come from.

    Raises:
        ExpressionError: No gene lies in the windows, or there is no such group of tracks.
        whelp.data.DataError: The data are wrong, or their windows' coordinates unknown.
        whelp.genome.genes.GenesError: The annotation cannot be read.
        whelp.specs.SpecError: The targets table does not say how targets were squashed.
        ValueError: The model's output does not have the shape of the data, or is not finite.
    """
    settings = settings or ExpressionSettings()
    study = GeneStudy(
        open_dataset(data_dir, split, targets_file=targets_file, memory_budget=0),
        genes,
        targets=TargetsTable.read(targets_file or Path(data_dir) / "targets.txt"),
        old=squashed_old(data_dir, _spec(model), settings.old),
        settings=settings,
        trained=training_windows(data_dir, split),
    )
    return study.predict(model, progress)


class GeneStudy:
    """The genes of a data set's windows, and the coverage of them that is added up.

    Its `collector` takes windows: all in the data's order, as a sink of `whelp.evaluate`, or those
    of `plan.windows` alone.

    Args:
        data: The windows; their coordinates have to be known.
        genes: GTF or GFF3 file; or genes.
        targets: The tracks of the data.
        old: Whether the targets were squashed in the old way.
        settings: How.
        keep: Called with each gene and its coverage; see `GeneCollector`.
        trained: Windows of the training; see `training_windows`.

    Raises:
        ExpressionError: No gene lies in the windows, or there is no such group of tracks.
        whelp.data.DataError: The windows' coordinates are unknown.
        whelp.genome.genes.GenesError: The annotation cannot be read.
        whelp.specs.SpecError: The targets table does not say how targets were squashed.
    """

    def __init__(
        self,
        data: Dataset,
        genes: Genes,
        *,
        targets: TargetsTable,
        old: bool,
        settings: ExpressionSettings,
        keep: Keep | None = None,
        trained: pd.DataFrame | None = None,
    ) -> None:
        self._data = data
        self._settings = settings
        self._rows = Strands.of(targets).rows(targets)
        check_groups(self._rows, settings)
        self.plan: GenePlan = plan_genes(data, genes, settings, trained=trained)
        self.collector = GeneCollector(
            self.plan,
            targets=targets,
            old=old,
            width=data.pool_width or 1,
            half=settings.as_reference,
            keep=keep,
        )

    def predict(self, model: Any, progress: Progress | None = None) -> GeneAccuracy:
        """Predict the windows in which genes lie, and compare.

        Args:
            model: As for `evaluate_genes`.
            progress: The same.
        """
        rc, shifts = self._settings.rc, self._settings.shifts
        pairs = self._data.strand_pair if rc else None
        strand_pair = None if pairs is None else pairs.tolist()
        models = model if isinstance(model, list | tuple) else [model]
        averaging = [ensemble(one, rc=rc, shifts=shifts, strand_pair=strand_pair) for one in models]
        wanted = self.plan.windows
        values = predict_batches(averaging, self._data, batch_size=1, batches=wanted)
        for done, (window, (measured, predicted)) in enumerate(zip(wanted, values, strict=True), 1):
            self.collector.add(window, measured[0], predicted[0])
            if progress is not None:
                progress(done, len(wanted))
        return self.accuracy()

    def accuracy(self) -> GeneAccuracy:
        """Compare predicted with measured coverage, when all windows were added."""
        return gene_accuracy(
            self.collector.levels(self._settings.min_shown), self._rows, self._settings
        )


def training_windows(data_dir: str | Path, split: str) -> pd.DataFrame | None:
    """Give the windows of the training: genes that are held out may reach into them.

    Args:
        data_dir: Data directory.
        split: The split that is evaluated; of that of the training itself none are given.
    """
    windows = read_bed(data_dir)
    if windows is None or split == _TRAINING:
        return None
    return windows[windows["split"] == _TRAINING]


def _spec(model: Any) -> ModelSpec | None:
    """The specification of a model, or of the first of several, if it has one."""
    return getattr(model[0] if isinstance(model, list | tuple) else model, "spec", None)


def squashed_old(data_dir: str | Path, spec: ModelSpec | None, asked: bool | None) -> bool:
    """Say whether targets were squashed in the old way, by the word of data, model and user.

    Args:
        data_dir: Data directory; its statistics.json may say.
        spec: The model's specification, which may say; None if there is none.
        asked: What a user says; None to take the word of the others, else the new way.

    Raises:
        ExpressionError: The user and the data say different things.
        whelp.scoring.errors.ScoreError: The model says another thing.
    """
    said = read_statistics(data_dir).transform
    if said is not None and asked is not None and asked != (said == "old"):
        raise ExpressionError(
            f"{data_dir}: the targets were squashed in the {said} way (target_transform in "
            f"statistics.json), and the {'old' if asked else 'new'} was asked for. Leave the "
            "choice to the data"
        )
    wanted = asked if said is None else said == "old"
    return bool(wanted) if spec is None else is_old(spec, wanted)
