"""Settings of a run that its parameter file does not hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from whelp.training.devices import POLICIES

if TYPE_CHECKING:
    import keras

    from whelp.fitting.epochs import EpochNews


class RunOptions(TypedDict, total=False):
    """Keyword arguments of `transfer` and `train_from_files`, explained at `RunSettings`."""

    weights: str | Path | None
    trunk: bool | None
    head: int | str
    precision: str
    tf32: bool
    devices: int | None
    resume: bool
    existing: Literal["refuse", "resume", "replace"]
    skip_train: bool
    train_pattern: str | None
    valid_pattern: str | None
    evaluate: bool
    assessment: Mapping[str, Any]
    report: bool
    callbacks: Sequence[keras.callbacks.Callback]
    on_epoch: Callable[[EpochNews], None] | None
    tensorboard_dir: str | Path | None
    command: str
    remarks: Mapping[str, str]


@dataclass(frozen=True)
class RunSettings:
    """Settings of a run, with their defaults.

    Attributes:
      weights: Pretrained weights, a `.h5` of the reference or a `.keras` file of whelp.
      trunk: `True` takes only the trunk from the file, `False` wants heads too; `None` takes heads
        where they fit, else the trunk.
      head: Head that is trained when there is one data directory.
      precision: `float32`, `mixed_float16` or `mixed_bfloat16`.
      tf32: Whether GPUs may round the factors of float32 products to 10 bits.
      devices: Number of devices; `num_gpu` of the parameter file by default.
      existing: What to do with an earlier run in the output folder: `refuse` it, `resume` it, or
        `replace` it.
      skip_train: Whether to stop once all is built and checked.
      train_pattern: Pattern of record files to train on, in place of the split's.
      valid_pattern: The same for validation.
      evaluate: Whether to evaluate on the test windows, if there are any.
      assessment: How to evaluate: `rank`, `rc`, `shifts` and `step` of `AssessmentSettings`.
      report: Whether to write `report.html`.
      callbacks: Keras callbacks to run beside whelp's.
      on_epoch: Called after each epoch, its files written.
      tensorboard_dir: Folder of TensorBoard logs, written if TensorBoard is installed.
      command: Command line, for the record and the report.
      remarks: What else the report is to say of the run, by subject.
    """

    weights: str | Path | None = None
    trunk: bool | None = None
    head: int | str = 0
    precision: str = "float32"
    tf32: bool = False
    devices: int | None = None
    existing: Literal["refuse", "resume", "replace"] = "refuse"
    skip_train: bool = False
    train_pattern: str | None = None
    valid_pattern: str | None = None
    evaluate: bool = True
    assessment: Mapping[str, Any] = field(default_factory=dict)
    report: bool = True
    callbacks: Sequence[keras.callbacks.Callback] = ()
    on_epoch: Callable[[EpochNews], None] | None = None
    tensorboard_dir: str | Path | None = None
    command: str = ""
    remarks: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.precision not in POLICIES:
            raise ValueError(
                f"unknown precision {self.precision!r}: expected one of {', '.join(POLICIES)}"
            )
        if self.existing not in ("refuse", "resume", "replace"):
            raise ValueError(
                f"existing is {self.existing!r}: expected 'refuse', 'resume' or 'replace'"
            )
        if self.weights is not None and not Path(self.weights).exists():
            raise FileNotFoundError(f"There is no weights file {self.weights}.")


def run_settings(options: RunOptions) -> RunSettings:
    """Fills in defaults; `resume=True` is short for `existing="resume"`.

    Raises:
      TypeError: There is no such option.
      ValueError: An option has an impossible value.
      FileNotFoundError: There is no weights file.
    """
    given: dict[str, Any] = dict(options)
    if given.pop("resume", False):
        given["existing"] = "resume"
    known = [each.name for each in fields(RunSettings)]
    if unknown := sorted(set(given) - set(known)):
        raise TypeError(f"unknown option {unknown[0]!r}: expected {', '.join(known)}")
    return RunSettings(**given)
