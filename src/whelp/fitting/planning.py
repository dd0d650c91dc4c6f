"""What a fit will do and take, before anything is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from whelp.fitting.estimates import Estimate, Setting
from whelp.specs import Params, SpecError, load_params

_GB = 1e9


class PlanError(ValueError):
    """What is planned does not fit this machine; the message says what would."""


@dataclass(frozen=True)
class FitPlan:
    """What a fit will do and take.

    Attributes:
      windows: Label -> number of windows.
      tracks: Number of tracks.
      epochs: Most epochs that are trained, those of the head alone included.
      estimate: Parameters, memory and time.
      notes: What a user should be told.
    """

    windows: Mapping[str, int]
    tracks: int
    epochs: int
    estimate: Estimate
    notes: Sequence[str] = ()

    @property
    def epoch_seconds(self) -> float:
        """Time of an epoch with its validation."""
        training = self.windows.get("train", 0) * self.estimate.training_seconds
        return training + self.windows.get("valid", 0) * self.estimate.prediction_seconds

    def check_memory(self) -> None:
        """Refuses a plan that needs more memory than there is.

        Raises:
          PlanError: It does; the message lists what would fit.
        """
        estimate = self.estimate
        if estimate.fits:
            return
        there = (estimate.machine.memory or 0) / _GB
        found = "; ".join(describe(each) for each in estimate.alternatives)
        advice = f"What would fit: {found}" if found else "Nothing lighter would fit either"
        raise PlanError(
            f"training takes about {estimate.setting.memory / _GB:.1f} GB "
            f"({describe(estimate.setting, memory=False)}), and {estimate.machine.device} has "
            f"{there:.1f} GB. {advice}. This is an estimate: --ignore-memory tries all the same."
        )


def describe(setting: Setting, *, memory: bool = True) -> str:
    """Says a setting in words."""
    text = f"{setting.method}, batch {setting.batch_size}, {setting.precision}"
    return f"{text} ({setting.memory / _GB:.1f} GB)" if memory else text


def params_for_tracks(source: Any, tracks: int, *, head: int | str = 0) -> Params:
    """Makes parameters for new tracks from those of a pretrained model.

    The model keeps one head, with an output a track; strand pairs and the transform of the targets
    come from the data. Where the section transfer is missing, LoRA is taken.

    Args:
      source: Path of a parameter file, or its contents.
      tracks: Number of tracks.
      head: The head that the new one is modelled on.

    Raises:
      SpecError: The parameters are wrong, lack the section train, or the head says no units.
    """
    params = load_params(source)
    values = params.to_dict()
    if params.train is None:
        raise SpecError("this section", path="train", problem="the section is missing")
    kept = params.model.head_name(head)
    left_out = {"strand_pair", "target_transform", *params.model.heads} - {kept}
    model = {key: value for key, value in values["model"].items() if key not in left_out}
    model[kept] = _with_units(model[kept], tracks, path=f"model.{kept}")
    transfer = values.get("transfer", {"mode": "adapter", "adapter": "lora"})
    return load_params({**values, "transfer": transfer, "model": model})


def _with_units(head: Any, tracks: int, *, path: str) -> Any:
    """Returns a head's block, or list of blocks, whose last sized layer has an output a track."""
    blocks = [dict(block) for block in (head if isinstance(head, list) else [head])]
    for block in reversed(blocks):
        for key in ("units", "filters"):
            if key in block:
                block[key] = tracks
                return blocks if isinstance(head, list) else blocks[0]
    raise SpecError("units, the number of tracks", path=path, problem="no block of the head has it")
