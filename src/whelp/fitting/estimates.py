"""What training takes on this machine, estimated in a process of its own.

The process gives all its memory back, and so does Keras: a model without values must not stay in a
process that trains (see `whelp.inspection.skeleton`).
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from whelp.fitting.base import read_weights
from whelp.fitting.machine import Machine, measure_machine
from whelp.inspection import (
    ModelFacts,
    estimate_memory,
    model_facts,
    prediction_work,
    skeleton,
    training_work,
)
from whelp.loading import load
from whelp.models import SequenceModel
from whelp.specs import Params, TransferSpec, load_params

# Measured with the mini Borzoi: TensorFlow and JAX on a CPU, with the windows in memory.
_FRAMEWORK = 0.9 * 2**30
_LIGHTER: tuple[Mapping[str, Any], ...] = (
    {"mode": "adapter", "adapter": "locon"},
    {"mode": "adapter", "adapter": "lora"},
    {"mode": "linear"},
)
_PROGRAM = "from whelp.fitting.estimates import answer; answer()"


class EstimateError(ValueError):
    """There is nothing to estimate: no model of the parameters, or weights that do not fit it."""


@dataclass(frozen=True)
class Setting:
    """A way to train, and the memory that it is estimated to take.

    Attributes:
      method: Transfer method, `train` for all parameters.
      batch_size: Windows a step, on one device.
      precision: Name of the dtype policy.
      memory: Peak of a training step, the framework included, bytes.
    """

    method: str
    batch_size: int
    precision: str
    memory: int


@dataclass(frozen=True)
class Estimate:
    """What a training takes.

    Attributes:
      facts: The model in numbers.
      machine: The machine.
      setting: What was asked for.
      alternatives: What would fit, the least change first; empty if what was asked for fits.
      training_seconds: Time of training on one window.
      prediction_seconds: Time of predicting one window.
    """

    facts: ModelFacts
    machine: Machine
    setting: Setting
    alternatives: tuple[Setting, ...]
    training_seconds: float
    prediction_seconds: float

    @property
    def fits(self) -> bool:
        """Whether the memory is enough, as far as is known."""
        return self.machine.memory is None or self.setting.memory <= self.machine.memory


def estimate_training(
    params: Params,
    *,
    precision: str = "float32",
    weights: str | Path | None = None,
) -> Estimate:
    """Estimates memory and time of training, and what would fit where it does not.

    Args:
      params: Parameters with the sections model and train; transfer may be absent. The first head
        is trained.
      precision: Name of the dtype policy.
      weights: File whose trunk the model is to take: whether it fits is seen now.

    Raises:
      ValueError: The parameters make no model, or the weights do not fit it.
      RuntimeError: The process that estimates failed; the message is its.
    """
    given = None if weights is None else str(weights)
    request = {"params": params.to_dict(), "precision": precision, "weights": given}
    process = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode:
        last = (process.stderr.strip() or "it said nothing").splitlines()[-1]
        raise RuntimeError(f"memory and time could not be estimated: {last}")
    values = json.loads(process.stdout.splitlines()[-1])
    if "error" in values:
        raise EstimateError(values["error"])
    return Estimate(
        facts=ModelFacts(**values["facts"]),
        machine=Machine(**values["machine"]),
        setting=Setting(**values["setting"]),
        alternatives=tuple(Setting(**each) for each in values["alternatives"]),
        training_seconds=values["training_seconds"],
        prediction_seconds=values["prediction_seconds"],
    )


def answer() -> None:
    """Estimates what standard input asks for, and writes JSON to standard output."""
    request = json.load(sys.stdin)
    params = load_params(request["params"])
    try:
        if request["weights"] is not None:
            model = load({"model": params.model.given()}, dtype=request["precision"])
            read_weights(model, request["weights"], trunk=True)
        reply = _estimate(params, request["precision"])
    except (ValueError, OSError) as error:
        reply = {"error": str(error)}
    json.dump(reply, sys.stdout)


def _estimate(params: Params, precision: str) -> dict[str, Any]:
    machine = measure_machine(precision)
    model = _skeleton(params, params.transfer, precision)
    batch = _batch_size(params)
    setting = _setting(params, model, params.transfer, batch_size=batch, precision=precision)
    fits = machine.memory is None or setting.memory <= machine.memory
    found = [] if fits else fitting_settings(params, precision, machine)
    return {
        "facts": asdict(model_facts(model)),
        "machine": asdict(machine),
        "setting": asdict(setting),
        "alternatives": [asdict(each) for each in found],
        "training_seconds": machine.seconds(training_work(model)),
        "prediction_seconds": machine.seconds(prediction_work(model)),
    }


def fitting_settings(params: Params, precision: str, machine: Machine) -> list[Setting]:
    """Finds settings that fit: smaller batches, 16 bits on a GPU, methods that train less.

    A CPU computes several times slower in 16 bits.
    """
    policies = dict.fromkeys((precision, "mixed_bfloat16") if machine.is_gpu else (precision,))
    found: list[Setting] = []
    for transfer in [params.transfer, *_lighter(params.transfer)]:
        for policy in policies:
            model = _skeleton(params, transfer, policy)
            tried = (
                _setting(params, model, transfer, batch_size=size, precision=policy)
                for size in _batch_sizes(params)
            )
            fits = next((each for each in tried if each.memory <= (machine.memory or 0)), None)
            found += [] if fits is None else [fits]
    return found


def _lighter(transfer: TransferSpec | None) -> list[TransferSpec]:
    """Lists methods that keep less than the given one."""
    methods = [TransferSpec.parse(dict(section), path=["transfer"]) for section in _LIGHTER]
    names = [_name(method) for method in methods]
    place = names.index(_name(transfer)) + 1 if _name(transfer) in names else 0
    return methods[place:]


def _batch_sizes(params: Params) -> Iterator[int]:
    size = _batch_size(params)
    while size:
        yield size
        size //= 2


def _batch_size(params: Params) -> int:
    assert params.train is not None
    return max(1, params.train.batch_size // max(1, params.train.num_gpu))


def _skeleton(params: Params, transfer: TransferSpec | None, precision: str) -> SequenceModel:
    return skeleton(params.model, transfer=transfer, dtype=precision)


def _setting(
    params: Params,
    model: SequenceModel,
    transfer: TransferSpec | None,
    *,
    batch_size: int,
    precision: str,
) -> Setting:
    assert params.train is not None
    memory = estimate_memory(
        model,
        batch_size=batch_size,
        optimizer=params.train.optimizer,
        averages=params.train.average_weights is not None,
    )
    return Setting(_name(transfer), batch_size, precision, int(memory.training + _FRAMEWORK))


def _name(transfer: TransferSpec | None) -> str:
    return "train" if transfer is None else str(transfer.adapter or transfer.mode)
