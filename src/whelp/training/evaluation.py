"""Evaluate a model on held-out windows: Pearson, Spearman and R2 of every track.

All numbers compare values in the space in which the targets are stored: squashed by the transforms
of the targets table (scale, clip, `sum_sqrt` ...), not in read counts. Sums are float64, so that
they stay right over millions of bins, and do not grow with the number of windows.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from whelp.files import atomic_path
from whelp.report.assays import assay
from whelp.specs import TrainSpec
from whelp.training.committee import Committee
from whelp.training.correlation import RankStore, TrackSums
from whelp.training.losses import BinaryCrossentropy, make_loss
from whelp.training.metrics import SeqAUC
from whelp.training.predictions import predict_batches, targets_of, thin

SPACE = (
    "Computed in the transformed (squashed) space of the stored targets, not in read counts, "
    "over all bins of all windows of a track at once."
)
NUMBERS = ("pearsonr", "spearmanr", "r2", "auroc", "auprc")

Sink = Callable[[np.ndarray, np.ndarray], None]


def evaluate(
    model: Any,
    data: Any,
    *,
    loss: str | Callable[..., Any] | None = None,
    rank: bool = False,
    step: int = 1,
    batch_size: int | None = None,
    sink: Sink | None = None,
) -> pd.DataFrame:
    """Compare a model's predictions with measured tracks on held-out windows.

    Args:
        model: a Keras model, or anything with `predict`, that takes (batch, length, 4) one-hot
            sequences and gives (batch, bins, tracks); or a list of replicates, whose averaged
            predictions are evaluated, and each of them besides.
        data: a data set (`whelp.open_dataset`), arrays `(x, y)`, or `(x, y, targets)` with a
            targets table that has the columns `identifier` and `description`.
        loss: a loss, or its name, whose mean over windows is wanted too. With binary crossentropy
            (`bce`) the table has `auroc` and `auprc` instead of `pearsonr` and `r2`.
        rank: compute Spearman correlations too, which keeps all values (see `RankStore`).
        step: keep every `step`-th bin for the ranks and the sink. The other numbers always use all.
        batch_size: windows a batch; the data set's own, or 1, if not given. It changes no number;
            on a CPU small batches are the lightest and the quickest.
        sink: called with each batch's measured and predicted values, (batch, bins, tracks).

    Returns:
        A table with one row a track: `index`, `pearsonr`, `spearmanr` (with `rank`), `r2`,
        `identifier`, `description`, and `group` where the targets table has it. Tracks whose
        measured values are constant hold NaN and do not count in means. `table.attrs` says in which
        space, over how many windows and positions, which tracks were constant, the `loss`, and the
        `penalty` of the model's weights that Keras (and the original's test loss) adds to it.
        Of replicates there are also, for every number, its mean over them and its sample standard
        deviation (`pearsonr_mean`, `pearsonr_sd`), last, and `table.attrs["replicates"]` holds the
        means over tracks of each of them.

    Raises:
        ValueError: the model's output does not have the shape of the measured values, there are no
            windows, or predictions or measured values are not finite.
    """
    if step < 1:
        raise ValueError(f"step must be 1 or more bins, received {step}")
    loss_function, binary = _resolve_loss(loss)
    committee = Committee.of(model)
    tallies: list[_Tally] = []
    for measured, predicted in predict_batches(committee, data, batch_size=batch_size):
        each = [predicted, *(values[: len(predicted)] for values in committee.each)]
        for _ in each[len(tallies) :]:
            loss_of = loss_function if not tallies else None
            tallies.append(_Tally(measured.shape[-1], loss=loss_of, binary=binary, rank=rank))
        for tally, values in zip(tallies, each, strict=True):
            tally.update(measured, values, step)
        if sink is not None:
            sink(thin(measured, step), thin(predicted, step))
    if not tallies:
        raise ValueError("nothing to evaluate: the data hold no windows (check split and pattern)")
    whole, *replicates = tallies
    table = _label(whole.columns(), targets_of(data))
    facts = whole.facts(table["identifier"].to_numpy())
    table.attrs.update(facts, step=step, penalty=_penalty(committee))
    return _with_replicates(table, [one.columns() for one in replicates])


class _Tally:
    """All that one pass over the windows adds up."""

    def __init__(
        self, num_tracks: int, *, loss: Callable[..., Any] | None, binary: bool, rank: bool
    ) -> None:
        self.sums = TrackSums(num_tracks)
        self.ranks = RankStore() if rank else None
        self._curves = _curve_metrics(num_tracks) if binary else {}
        self._loss = loss
        self._loss_sum = 0.0
        self._windows = 0

    def update(self, measured: np.ndarray, predicted: np.ndarray, step: int) -> None:
        """Add one batch, both (windows, bins, tracks); every `step`-th bin to the ranks."""
        self.sums.update(measured, predicted)
        self._windows += len(measured)
        for metric in self._curves.values():
            metric.update_state(measured, predicted)
        if self._loss is not None:
            value = keras.ops.mean(self._loss(measured, predicted))
            self._loss_sum += float(keras.ops.convert_to_numpy(value)) * len(measured)
        if self.ranks is not None:
            self.ranks.update(thin(measured, step), thin(predicted, step))

    def columns(self) -> dict[str, np.ndarray]:
        """The numbers of each track, in the order of the table's columns."""
        ranks = {} if self.ranks is None else {"spearmanr": self.ranks.spearmanr()}
        if self._curves:
            numbers = {
                name: np.asarray(keras.ops.convert_to_numpy(metric.result()))
                for name, metric in self._curves.items()
            }
            return numbers | ranks
        return {"pearsonr": self.sums.pearsonr(), **ranks, "r2": self.sums.r2()}

    def facts(self, names: np.ndarray) -> dict[str, Any]:
        """What the table's numbers are, for its `attrs`; plain JSON values."""
        measured, predicted = self.sums.constant_measured, self.sums.constant_predicted
        return {
            "space": SPACE,
            "windows": self._windows,
            "positions": self.sums.count,
            "loss": self._loss_sum / self._windows if self._loss is not None else None,
            "constant_measured": [str(name) for name in names[measured]],
            "constant_predicted": [str(name) for name in names[predicted & ~measured]],
        }


def _with_replicates(table: pd.DataFrame, replicates: list[dict[str, np.ndarray]]) -> pd.DataFrame:
    """Add to each number of the averaged predictions the mean and the spread over replicates."""
    if not replicates:
        return table
    for name in replicates[0]:
        values = np.array([columns[name] for columns in replicates])
        table[f"{name}_mean"], table[f"{name}_sd"] = values.mean(axis=0), values.std(axis=0, ddof=1)
    table.attrs["replicates"] = [
        {name: _mean(values) for name, values in columns.items()} for columns in replicates
    ]
    return table


def _mean(values: np.ndarray) -> float | None:
    """The mean over tracks that have a number, as plain JSON."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None


def _penalty(model: Any) -> float:
    """The sum of a model's weight penalties, which Keras adds to the loss that it reports."""
    losses = getattr(model, "losses", [])
    return float(sum(float(keras.ops.convert_to_numpy(loss)) for loss in losses))


def _resolve_loss(loss: str | Callable[..., Any] | None) -> tuple[Callable[..., Any] | None, bool]:
    """The loss as a function, and whether its targets are binary."""
    function = (
        make_loss(TrainSpec.model_validate({"loss": loss})) if isinstance(loss, str) else loss
    )
    binary = isinstance(function, BinaryCrossentropy | keras.losses.BinaryCrossentropy)
    return function, binary


def _curve_metrics(num_tracks: int) -> dict[str, keras.Metric]:
    """The areas under the ROC and the precision-recall curve of each track."""
    return {
        "auroc": SeqAUC(num_tracks, curve="ROC", summarize=False),
        "auprc": SeqAUC(num_tracks, curve="PR", summarize=False),
    }


def _label(numbers: dict[str, np.ndarray], targets: pd.DataFrame | None) -> pd.DataFrame:
    """Put each track's numbers between its index and its names."""
    num_tracks = len(next(iter(numbers.values())))
    if targets is None:
        names = [f"t{track}" for track in range(num_tracks)]
        targets = pd.DataFrame({"identifier": names, "description": ""})
    if len(targets) != num_tracks:
        raise ValueError(
            f"the targets table has {len(targets)} rows, the model and the data {num_tracks} "
            "tracks: give the table of these data"
        )
    names = ["identifier", "description", *(["group"] if "group" in targets else [])]
    labels = {name: targets[name].to_numpy() for name in names}
    return pd.DataFrame({"index": targets.index.to_numpy(), **numbers, **labels})


def class_summary(table: pd.DataFrame) -> pd.DataFrame:
    """Mean and median of every number over the tracks of an assay, and over all.

    Args:
        table: what `evaluate` gives.

    Returns:
        A table with `assay`, `tracks`, `undefined` (tracks with a constant measurement, left out of
        the means) and, for every number, its mean and its median (`pearsonr`, `pearsonr_median`);
        the last row, `all`, is over all tracks.
    """
    names = [name for name in NUMBERS if name in table]
    assays = table["description"].map(assay)
    groups = [(name, table[assays == name]) for name in sorted(assays.unique())]
    rows = []
    for name, tracks in [*groups, ("all", table)]:
        row: dict[str, Any] = {
            "assay": name,
            "tracks": len(tracks),
            "undefined": int(tracks[names[0]].isna().sum()),
        }
        for number in names:
            row[number] = tracks[number].mean()
            row[f"{number}_median"] = tracks[number].median()
        rows.append(row)
    return pd.DataFrame(rows)


def replicate_summary(table: pd.DataFrame) -> pd.DataFrame:
    """Means over tracks by replicate, and what they are together.

    Args:
        table: what `evaluate` gives of replicates.

    Returns:
        A table with `replicate`, and each number: rows `0`, `1` and so on, their `mean` and `sd`
        (sample standard deviation), and `ensemble`, of the averaged predictions.
    """
    each = pd.DataFrame(table.attrs["replicates"], dtype="float64")
    rows = [each, each.mean().to_frame().T, each.std().to_frame().T]
    rows.append(table[list(each)].mean().to_frame().T)
    made = pd.concat(rows, ignore_index=True)
    made.insert(0, "replicate", [*map(str, range(len(each))), "mean", "sd", "ensemble"])
    return made


def summarize(table: pd.DataFrame) -> dict[str, Any]:
    """The means over tracks with what they are means of, as plain JSON values."""
    total = class_summary(table).iloc[-1]
    names = [name for name in NUMBERS if name in table]
    means = {name: None if pd.isna(total[name]) else float(total[name]) for name in names}
    return {
        "tracks": int(total["tracks"]),
        "undefined": int(total["undefined"]),
        "mean": means,
        **{str(name): value for name, value in table.attrs.items()},
    }


def write_accuracy(table: pd.DataFrame, path: str | Path) -> None:
    """Write the table as `acc.txt`: tab separated, five decimals, an empty cell for no number.

    Columns and format are those of the original `hound_eval.py`.
    """
    _write_text(Path(path), table.to_csv(sep="\t", index=False, float_format="%.5f"))


def write_evaluation(table: pd.DataFrame, out_dir: str | Path) -> None:
    """Write `acc.txt`, `acc_classes.txt` (by assay) and `evaluation.json` (means, of what).

    Of replicates also `acc_replicates.txt`: means over tracks of each, of their averaged
    predictions (`ensemble`), and the mean and the sample standard deviation over replicates.
    """
    folder = Path(out_dir)
    folder.mkdir(parents=True, exist_ok=True)
    write_accuracy(table, folder / "acc.txt")
    write_accuracy(class_summary(table), folder / "acc_classes.txt")
    _write_text(folder / "evaluation.json", json.dumps(summarize(table), indent=2) + "\n")
    if "replicates" in table.attrs:
        write_accuracy(replicate_summary(table), folder / "acc_replicates.txt")


def _write_text(path: Path, text: str) -> None:
    with atomic_path(path) as partial:
        partial.write_text(text, encoding="utf-8")
