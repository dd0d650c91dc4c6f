"""Replicates on the folds of a data set: their folders, their training, what came of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from whelp.files import atomic_path
from whelp.folds.data_layout import (
    FoldData,
    read_fold_data,
    replicate_data,
    write_replicate_data,
)
from whelp.folds.errors import FoldsError
from whelp.folds.gene_checks import check_genes
from whelp.folds.parameters import digest, write_params
from whelp.folds.past import with_provenance
from whelp.folds.places import FAILURE, PARAMS
from whelp.folds.planning import plan_folds
from whelp.folds.record import RECORD, FoldsRecord, joined, read_record, write_record
from whelp.folds.settings import FoldsSettings, Replicate
from whelp.folds.summary import FoldsResult, summarize_folds
from whelp.folds.training_task import TrainingJob, TrainReplicates
from whelp.specs import Params, SpecError, load_params
from whelp.workers import Failure, Processes, Runner

if TYPE_CHECKING:
    from whelp.fitting.options import RunOptions

_RANDOM = (
    "there are no weights to begin from (--pretrained), so what the section transfer says is done "
    "to random ones"
)

EndHook = Callable[[Replicate, Failure | None], None]


def train_folds(
    params: str | Path | Mapping[str, Any],
    data_dirs: str | Path | Sequence[str | Path],
    out_dir: str | Path,
    settings: FoldsSettings | None = None,
    *,
    runner: Runner | None = None,
    on_end: EndHook | None = None,
    **options: Unpack[RunOptions],
) -> FoldsResult:
    """Trains replicates on the folds of a data set, evaluates each, and sums up.

    Each replicate is tested on one fold, validated on another, and trained on the others, in a
    process of its own and in its folder `f{fold}c{cross}`: `data0/` has its windows (see
    `set_up_folds`), `train/` what `whelp.transfer` writes, where the parameters have the section
    transfer, else what a training writes. Cross 1 has the seed of the parameters plus 1, and so
    on. A replicate that fails costs no other.

    Args:
        params: Path of the parameter file, or its contents.
        data_dirs: A data set with folds, or several for the first heads of the file.
        out_dir: Folder of the replicates.
        settings: Which replicates, and the weights that they begin from.
        runner: Who trains them; by default one after the other on this machine.
        on_end: Called when a replicate is finished or has failed.
        **options: Head, precision and so on, see `whelp.fitting.RunSettings`; plain values.

    Returns:
        What the folder now holds, also in its files (see `summarize_folds`).

    Raises:
        FoldsError: The replicates cannot be as asked, or the folder holds some.
        whelp.specs.SpecError: The parameters are wrong.
        whelp.data.DataError: The data are wrong, or have no such folds.
        OSError: A file cannot be read or written.
    """
    jobs, _ = set_up_folds(params, data_dirs, out_dir, settings, **options)
    train_replicates(jobs, runner=runner, on_end=on_end)
    return summarize_folds(out_dir)


def train_replicates(
    jobs: Sequence[TrainingJob], *, runner: Runner | None = None, on_end: EndHook | None = None
) -> None:
    """Trains replicates that are set up; the finished ones are left alone.

    Args:
        jobs: The replicates, as `set_up_folds` gives them.
        runner: Who trains them; by default one after the other on this machine.
        on_end: Called when a replicate is finished or has failed.

    Raises:
        OSError: A folder cannot be written.
    """
    waiting = [job for job in jobs if not job.is_finished]
    for job in waiting:
        (job.folder / FAILURE).unlink(missing_ok=True)
    for place, failure in (runner or Processes()).run(TrainReplicates(), waiting):
        job = waiting[place]
        if failure is not None:
            with atomic_path(job.folder / FAILURE) as temporary:
                temporary.write_text(failure.message + "\n", encoding="utf-8")
        if on_end is not None:
            on_end(job.replicate, failure)


def set_up_folds(
    params: str | Path | Mapping[str, Any],
    data_dirs: str | Path | Sequence[str | Path],
    out_dir: str | Path,
    settings: FoldsSettings | None = None,
    **options: Unpack[RunOptions],
) -> tuple[list[TrainingJob], list[str]]:
    """Makes the folders of replicates and their data directories, as Baskerville's scripts do.

    All is checked before anything is written. Folders that `setup_folds.py` has made of the same
    data are gone on with, where `resume` is set.

    Returns:
        What is to be trained (of this part, where there are parts), and what a user should be told.

    Raises:
        As `train_folds`.
    """
    settings = settings or FoldsSettings()
    folder, given = Path(out_dir), _trainable(params)
    several = [data_dirs] if isinstance(data_dirs, str | Path) else list(data_dirs)
    data = [read_fold_data(each) for each in several]
    settings = with_provenance(settings, given.model, data_sets=len(data))
    replicates, notes = plan_folds(data, settings)
    _check_genes(data, replicates, settings)
    if given.transfer is not None and settings.pretrained is None:
        notes.append(_RANDOM)
    before = _found(folder, settings)
    record = FoldsRecord(
        data=[str(each.folder) for each in data],
        params=digest(given),
        # Without those that say no more than the default.
        options={name: value for name, value in options.items() if value and name != "command"},
        replicates=tuple(replicates),
        genes=settings.genes,
        command=options.pop("command", ""),
    )
    record = joined(before, record, folder)
    mine = _part(replicates, settings.part)
    views = {
        folder / each.name / f"data{number}": replicate_data(
            data_set, test=each.fold, valid=each.valid_fold
        )
        for each in mine
        for number, data_set in enumerate(data)
    }
    write_params(params, folder / PARAMS)
    for place, view in views.items():
        write_replicate_data(view, place)
    write_record(folder, record)
    jobs = [_job(folder, each, len(data), options) for each in mine]
    return [replace(job, genes=record.genes) for job in jobs], notes


def _check_genes(
    data: Sequence[FoldData], replicates: Sequence[Replicate], settings: FoldsSettings
) -> None:
    if settings.genes is None:
        return
    if len(data) > 1:
        raise FoldsError("genes can be evaluated where there is one data set, of one genome")
    check_genes(settings.genes, data[0].folder, {each.fold for each in replicates})


def _trainable(params: str | Path | Mapping[str, Any]) -> Params:
    given = load_params(params)
    if given.train is None:
        source = "" if isinstance(params, Mapping) else str(params)
        raise SpecError("this section", file=source, path="train", problem="the section is missing")
    return given


def _found(folder: Path, settings: FoldsSettings) -> FoldsRecord | None:
    """Reads what is in the folder; refuses it where nothing there is to be gone on with."""
    if not (settings.resume or settings.part):
        there = [path.name for path in (folder / RECORD, *folder.glob("f*c*/")) if path.exists()]
        if there:
            raise FoldsError(
                f"{folder} holds replicates already ({there[0]}). Go on with them (--resume), or "
                "choose another folder"
            )
    return read_record(folder)


def _part(replicates: Sequence[Replicate], part: tuple[int, int] | None) -> list[Replicate]:
    number, parts = part or (1, 1)
    if not 1 <= number <= parts:
        raise FoldsError(f"part {number} of {parts}: expected a number from 1 to {parts}")
    return list(replicates[number - 1 :: parts])


def _job(folder: Path, replicate: Replicate, data: int, options: RunOptions) -> TrainingJob:
    own = Path(os.path.abspath(folder)) / replicate.name
    return TrainingJob(
        replicate=replicate,
        folder=own,
        params=own.parent / PARAMS,
        data_dirs=[own / f"data{number}" for number in range(data)],
        options=options,
    )
