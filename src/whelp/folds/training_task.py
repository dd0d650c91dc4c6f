"""Training one replicate, in a process of its own."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from whelp._keras_setup import keras_alone
from whelp.cluster.machine import visible_gpus
from whelp.files import atomic_path, exclusive
from whelp.folds.gpus import own_gpus
from whelp.folds.leaks import leak_words
from whelp.folds.parameters import with_seed, write_params
from whelp.folds.places import GENES, LOG, PARAMS, TRAIN, is_finished, is_trained
from whelp.folds.settings import GenesAsked, Replicate
from whelp.specs import load_params
from whelp.stopping import ended_by_sigterm
from whelp.workers import Failure, Processes

if TYPE_CHECKING:
    from whelp.fitting.options import RunOptions


@dataclass(frozen=True)
class TrainingJob:
    """What a process needs to train a replicate.

    Attributes:
        replicate: The replicate.
        folder: Its folder, with its data directories.
        params: Path of the parameter file.
        data_dirs: Its data directories.
        options: Head, precision and so on; plain values.
        genes: The genes to evaluate on, if any.
    """

    replicate: Replicate
    folder: Path
    params: Path
    data_dirs: Sequence[Path]
    options: RunOptions
    genes: GenesAsked | None = None

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left to do."""
        return is_finished(self.folder, genes=self.genes is not None)


class TrainReplicates:
    """Trains replicates, each in a fresh process that has its memory and its GPU for itself.

    A crash of one then costs no other, and what one says of its memory is its own.
    """

    def __call__(self, job: TrainingJob) -> Failure | None:
        """Trains a replicate to its end.

        Returns:
            Why it failed, or nothing.
        """
        wanted = job.options.get("devices") or 1
        # Asked to end in the middle, this waits for the checkpoint of the process below.
        with ended_by_sigterm(), own_gpus(visible_gpus(), wanted) as environment:
            alone = Processes(1, threads=None, environment=environment, apart=True)
            (_, failure), *_ = alone.run(train_replicate, [job])
        return failure


def train_replicate(job: TrainingJob) -> Failure | None:
    """Trains a replicate in this process, or goes on with it; its folder says how far it is."""
    job.folder.mkdir(parents=True, exist_ok=True)
    busy = f"another process trains {job.folder}"
    with _logged(job.folder / LOG):
        try:
            with keras_alone():
                importlib.import_module("keras")
            with exclusive(job.folder / ".lock", busy):
                if not is_trained(job.folder):
                    _train(job)
                if job.genes is not None and not job.is_finished:
                    _evaluate_genes(job, job.genes)
        except Exception as error:
            traceback.print_exc()
            return Failure(_message(error), isinstance(error, OSError | MemoryError))
    return None


def _message(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0]


def _train(job: TrainingJob) -> None:
    from whelp.fitting import train_from_files, transfer

    params = replicate_params(job)
    run = train_from_files if load_params(params).transfer is None else transfer
    replicate = job.replicate
    options: RunOptions = {
        **job.options,
        "weights": replicate.weights,
        "remarks": _remarks(replicate),
        "existing": "resume",
    }
    run(params, list(job.data_dirs), job.folder / TRAIN, **options)
    if replicate.leak:
        for table in (job.folder / TRAIN).glob("test*/acc*.txt"):
            _label(table, replicate.leak)


def _evaluate_genes(job: TrainingJob, genes: GenesAsked) -> None:
    from whelp.expression import ExpressionSettings
    from whelp.fitting import EvaluationFiles, GeneQuestion, evaluate_gene_files

    trained = job.folder / TRAIN
    files = EvaluationFiles(
        params=trained / "params.json",
        weights=trained / "model_best.h5",
        data_dir=job.data_dirs[0],
        head=job.options.get("head", 0),
        precision=job.options.get("precision", "float32"),
    )
    question = GeneQuestion(genes.annotation, ExpressionSettings(**genes.settings))
    partial = job.folder / f".{GENES}.part"
    shutil.rmtree(partial, ignore_errors=True)
    evaluate_gene_files(question, files, partial)
    if job.replicate.leak:
        for table in partial.glob("*.tsv"):
            _label(table, job.replicate.leak)
    partial.rename(job.folder / GENES)


def replicate_params(job: TrainingJob) -> Path:
    """Writes the parameters of a replicate: those of all, with a seed of its own in each cross."""
    path, cross = job.folder / PARAMS, job.replicate.cross
    write_params(with_seed(job.params, cross) if cross else job.params, path)
    return path


def _remarks(replicate: Replicate) -> Mapping[str, str]:
    """What the replicate's own report is to say of it."""
    folds = f"tested on fold {replicate.fold}, validated on fold {replicate.valid_fold}"
    remarks = {"replicate": f"{replicate.name}: {folds}"}
    if replicate.leak:
        remarks["leak"] = leak_words(replicate.leak)
    return remarks


def _label(table: Path, leak: str) -> None:
    """Adds a column to a table of accuracy."""
    heading, *rows = table.read_text(encoding="utf-8").splitlines()
    lines = [f"{heading}\tleak", *(f"{row}\t{leak}" for row in rows)]
    with atomic_path(table) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


@contextmanager
def _logged(path: Path) -> Iterator[None]:
    """Sends what this process prints, native libraries included, to a file, at its end."""
    kept = [os.dup(1), os.dup(2)]
    with path.open("ab", buffering=0) as log:
        for number in (1, 2):
            os.dup2(log.fileno(), number)
        try:
            yield
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for number, saved in zip((1, 2), kept, strict=True):
                os.dup2(saved, number)
                os.close(saved)
