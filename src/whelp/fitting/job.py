"""A run before it begins: parameters, data and settings, all read and checked."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whelp.fitting.folder import PARAMS
from whelp.fitting.inputs import Genome, open_genomes, trained_spec, with_data_transform
from whelp.fitting.lineage import Lineage, trace
from whelp.fitting.options import RunSettings
from whelp.specs import ModelSpec, Params, SpecError, TrainSpec, TransferSpec, load_params, placed
from whelp.specs.provenance import PRETRAINING
from whelp.training.run import FREE_KEYS

_ADAPTER_KEYS = ("adapter", "adapter_latent", "se_rank", "conv_select")


@dataclass(frozen=True)
class Job:
    """What is to be done.

    Attributes:
      params: The parameters as given, with the transform of the data's targets.
      source: The file that they came from, or `None`.
      model: The model without heads that have no data, and without adapter keys.
      train: How to train.
      transfer: How to transfer, or `None` to train as it is.
      genomes: Data directories and their heads.
      out_dir: Where to write.
      settings: The rest.
      lineage: What the model will say of where it comes from; `params` and `model` say it, too.
    """

    params: Params
    source: Path | None
    model: ModelSpec
    train: TrainSpec
    transfer: TransferSpec | None
    genomes: list[Genome]
    out_dir: Path
    settings: RunSettings
    lineage: Lineage

    @property
    def name(self) -> str:
        """What the run is called in tables."""
        if self.transfer is None:
            return "train"
        adapter, select = self.transfer.adapter, self.transfer.conv_select
        if adapter == "locon":
            return f"locon {select}"
        return str(adapter or self.transfer.mode)

    @property
    def devices(self) -> int:
        """Number of devices to share the batches."""
        return self.settings.devices or self.train.num_gpu

    def identity(self) -> dict[str, Any]:
        """What must be the same for the run to be resumed; plain JSON values."""
        train = self.train.model_dump(mode="json")
        values = {
            "model": {k: v for k, v in self.model.given().items() if k != "provenance"},
            "transfer": None if self.transfer is None else self.transfer.model_dump(mode="json"),
            "train": {key: value for key, value in train.items() if key not in FREE_KEYS},
            "precision": self.settings.precision,
            "data": {
                genome.head: [
                    genome.train.num_seqs,
                    genome.valid.num_seqs,
                    genome.train.num_targets,
                ]
                for genome in self.genomes
            },
        }
        return json.loads(json.dumps(values))


def make_job(
    params: str | Path | Mapping[str, Any],
    data_dirs: str | Path | Sequence[str | Path],
    out_dir: str | Path,
    settings: RunSettings,
    *,
    transferring: bool,
) -> Job:
    """Reads and checks all that a run needs, and builds nothing.

    Raises:
      SpecError: The parameters are wrong, lack a section, or do not fit the data.
      whelp.data.DataError: The data are wrong.
      whelp.weights.WeightsError: Weights of another library are missing or damaged.
    """
    parsed = load_params(params)
    source = None if isinstance(params, Mapping) else Path(params)
    folders = [data_dirs] if isinstance(data_dirs, str | Path) else list(data_dirs)
    wanted = ["train", "transfer"] if transferring else ["train"]
    for section in wanted:
        if getattr(parsed, section) is None:
            raise SpecError(
                "this section",
                file=str(source or ""),
                path=section,
                problem="the section is missing",
            )
    with placed(file=params):
        genomes = open_genomes(
            parsed,
            folders,
            head=settings.head,
            train_pattern=settings.train_pattern,
            valid_pattern=settings.valid_pattern,
            test=settings.evaluate,
        )
    parsed = with_data_transform(parsed, genomes)
    transfer = parsed.transfer if transferring else None
    train = parsed.train
    assert train is not None
    if settings.devices is not None:
        train = train.model_copy(update={"num_gpu": settings.devices})
    model = trained_spec(without_adapter_keys(parsed.model, transfer), genomes)
    folder = Path(out_dir)
    lineage = trace(_beginning(parsed.model, source, folder), settings.weights, genomes)
    if provenance := lineage.provenance():
        own = parsed.model.replaced(provenance=provenance)
        parsed = parsed.model_copy(update={"model": own})
        model = model.replaced(provenance=lineage.provenance(folder.absolute()))
    return Job(parsed, source, model, train, transfer, genomes, folder, settings, lineage)


def _beginning(spec: ModelSpec, source: Path | None, folder: Path) -> ModelSpec:
    """Leaves out what a run said of itself, where it is gone on with from its own parameters."""
    own = folder / PARAMS
    if spec.provenance is None or source is None or not own.is_file() or not source.samefile(own):
        return spec
    kept = {k: v for k, v in spec.provenance.window_files().items() if k.startswith(PRETRAINING)}
    return spec.replaced(provenance=spec.provenance.given() | {"windows": kept or None})


def without_adapter_keys(spec: ModelSpec, transfer: TransferSpec | None) -> ModelSpec:
    """Leaves out the adapter that the run itself puts in: its own `params.json` names it."""
    if transfer is None or transfer.adapter is None or spec.adapter != transfer.adapter:
        return spec
    given = {key: value for key, value in spec.given().items() if key not in _ADAPTER_KEYS}
    return ModelSpec.parse(given, path=["model"])


def adapter_keys(transfer: TransferSpec | None, excitations: int) -> dict[str, Any]:
    """Returns the keys of `model` by which the reference rebuilds adapters that do not fold.

    Args:
      transfer: The transfer.
      excitations: Number of squeeze-excite adapters that were put in.
    """
    if transfer is None or transfer.adapter not in ("houlsby", "houlsby_se"):
        return {}
    keys: dict[str, Any] = {
        "adapter": transfer.adapter,
        "adapter_latent": transfer.adapter_latent,
    }
    if transfer.adapter == "houlsby_se":
        keys |= {"se_rank": transfer.conv_latent, "conv_select": excitations}
    return keys
