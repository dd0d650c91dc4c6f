"""From a genome and tracks to a trained and evaluated model, in one call."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Unpack

from whelp.fitting.estimates import estimate_training
from whelp.fitting.folder import check_folder
from whelp.fitting.options import RunOptions, run_settings
from whelp.fitting.planning import FitPlan, PlanError, params_for_tracks
from whelp.fitting.run import transfer
from whelp.fitting.summary import TransferRun
from whelp.genome.fasta import chromosome_lengths
from whelp.making import DataSettings, DataSummary, make_data, plan_windows
from whelp.making.folder import is_data_folder
from whelp.making.inputs import check_contigs, plan_tracks
from whelp.making.options import ProgressHook
from whelp.making.page import write_page
from whelp.specs import Params, TargetsTable
from whelp.workers import Runner

DATA = "data"
"""Folder of the data set, in the folder of the results."""

SEEN = (
    "test windows may have been seen in pretraining: give the windows that the model was trained on"
)
UNSEEN = "test windows were held out from pretraining: windows and labels are those of {path}"


@dataclass(frozen=True)
class TrackInput:
    """What a fit starts from.

    Attributes:
      genome: FASTA file, plain or bgzipped.
      targets: Targets table or its path; its files are BigWig, w5 or BED. See `whelp targets`.
      data: How windows are laid and tracks read; lengths and bins come from the model. With the
        `sequences.bed` of the data that the model was pretrained on as `windows.regions` test
        windows are ones that it has never seen; else they are laid anew.
      assumed: What was assumed of the tracks, for the reports; `notes` of a table that
        `whelp.making.targets_table.make_targets` made.
    """

    genome: str | Path
    targets: str | Path | TargetsTable
    data: DataSettings = field(default_factory=DataSettings)
    assumed: Sequence[str] = ()


@dataclass(frozen=True)
class FitRun:
    """A finished fit.

    Attributes:
      plan: What was planned.
      data: What the data set holds.
      run: The trained model and its numbers.
    """

    plan: FitPlan
    data: DataSummary
    run: TransferRun


def fit(
    params: str | Path | Mapping[str, Any],
    tracks: TrackInput,
    out_dir: str | Path,
    *,
    ignore_memory: bool = False,
    on_plan: Callable[[FitPlan], None] | None = None,
    on_data: ProgressHook | None = None,
    data_runner: Callable[[], AbstractContextManager[Runner | None]] = nullcontext,
    **options: Unpack[RunOptions],
) -> FitRun:
    """Makes a data set from tracks, adapts a pretrained model to it, evaluates and reports.

    The model keeps its graph; its head gets an output a track. The folder then holds the data set
    in `data/`, and beside it all that `whelp.transfer` writes. A fit that was stopped goes on with
    `resume=True`: what is done of the data and of the training is not done again.

    Args:
      params: Parameter file of the model, or its contents. Without the section transfer, LoRA.
      tracks: Genome and tracks.
      out_dir: Folder of the results.
      ignore_memory: Whether to go on where the estimated memory is more than there is.
      on_plan: Called with the plan before anything is made.
      on_data: Called while the data set is made; see `whelp.making.make_data`.
      data_runner: Opens, once the plan is good, what reads tracks and writes records.
      **options: Weights, precision, resuming; see `RunSettings`.

    Returns:
      The plan, the data set in numbers, and the trained model.

    Raises:
      PlanError: The memory of this machine is not enough.
      OutputFolderError: The folder holds an earlier run.
      whelp.specs.SpecError: The parameters or the targets table are wrong.
      ValueError: Genome, tracks, windows or data cannot be used; the message says why.
      OSError: A file cannot be read or written.
    """
    folder = Path(out_dir)
    head = options.pop("head", 0)
    adapted = params_for_tracks(params, len(_table(tracks)), head=head)
    chosen = run_settings(options)
    check_folder(folder, chosen.existing, {})
    plan, settings = plan_fit(adapted, tracks, precision=chosen.precision, weights=chosen.weights)
    if on_plan is not None:
        on_plan(plan)
    if not ignore_memory:
        plan.check_memory()
    if chosen.existing == "replace" and is_data_folder(folder / DATA):
        shutil.rmtree(folder / DATA)
    with data_runner() as runner:
        data = make_data(
            Path(tracks.genome),
            _table(tracks),
            folder / DATA,
            settings,
            resume=chosen.existing == "resume",
            runner=runner,
            progress=on_data,
        )
    facts = {"genome": str(tracks.genome), **_remarks(tracks)}
    lengths = chromosome_lengths(tracks.genome)
    write_page(data, lengths=lengths, facts={"command": chosen.command, **facts})
    if not isinstance(params, Mapping):
        facts["parameters"] = f"{params}, with a head for {len(data.tracks)} tracks"
    given: RunOptions = {"trunk": True, **options, "remarks": {**facts, **chosen.remarks}}
    return FitRun(plan, data, transfer(adapted.to_dict(), folder / DATA, folder, **given))


def plan_fit(
    params: Params,
    tracks: TrackInput,
    *,
    precision: str = "float32",
    weights: str | Path | None = None,
) -> tuple[FitPlan, DataSettings]:
    """Plans a fit: lays the windows and estimates memory and time; writes nothing.

    Args:
      params: Parameters of the model, with a head for the tracks.
      tracks: Genome and tracks.
      precision: Name of the dtype policy.
      weights: Pretrained weights, which are read to see whether they fit.

    Returns:
      The plan, and the settings of the data set with the model's lengths.

    Raises:
      ValueError: Weights, genome, tracks or windows cannot be used.
    """
    table, genome = _table(tracks), Path(tracks.genome)
    jobs = plan_tracks(table, tracks.data).jobs  # tells at once which files are missing
    estimate = estimate_training(params, precision=precision, weights=weights)
    facts = estimate.facts
    crop_bp = facts.crop * facts.stride
    given = tracks.data.windows
    side_by_side = facts.target_length * facts.stride
    stride = side_by_side if given.stride_train == 1 else given.stride_train
    windows = replace(
        given,
        seq_length=facts.seq_length,
        crop_bp=crop_bp,
        pool_width=facts.stride,
        stride_train=stride,
        stride_test=stride if given.stride_test == 1 else given.stride_test,
    )
    laid = plan_windows(genome, table, windows)
    counts = {name: sum(w.label == name for w in laid.windows) for name in laid.labels}
    _check_parts(counts)
    assert params.train is not None
    epochs = params.train.train_epochs_max + params.train.adapter_after
    settings = replace(tracks.data, windows=windows)
    told = check_contigs(jobs, laid.windows, chromosome_lengths(genome), settings)
    notes = (*laid.notes, *told, _remarks(tracks)["pretraining"])
    return FitPlan(counts, len(table), epochs, estimate, notes), settings


def _check_parts(counts: Mapping[str, int]) -> None:
    """Refuses windows without some to train on and some to choose the best epoch by."""
    if missing := [label for label in ("train", "valid") if not counts.get(label)]:
        raise PlanError(
            f"there are no windows to {'train' if 'train' in missing else 'validate'} on: the "
            f"labels are {', '.join(counts)}. Say which of them are for testing and validation, "
            "such as --test fold3 --valid fold4; the others are trained on"
        )


def _table(tracks: TrackInput) -> TargetsTable:
    given = tracks.targets
    return given if isinstance(given, TargetsTable) else TargetsTable.read(given)


def _remarks(tracks: TrackInput) -> dict[str, str]:
    """Says whether the pretrained model may know the test windows, and what was assumed."""
    regions = tracks.data.windows.regions
    remarks = {"pretraining": SEEN if regions is None else UNSEEN.format(path=regions)}
    return remarks | ({"tracks": "; ".join(tracks.assumed)} if tracks.assumed else {})
