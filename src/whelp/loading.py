"""From files to models and back: the only place that wires specs, weights and adapters together."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from whelp.adapters import adapt as _adapt
from whelp.adapters import load_adapter, merge, save_adapter, unmerge
from whelp.models import TRUNK, SequenceModel, without_values
from whelp.specs import ModelSpec, Params, TransferSpec, load_params, placed
from whelp.weights import (
    WeightsError,
    find,
    has_adapters,
    is_port,
    load_baskerville,
    load_port,
    provenance_of,
    save_baskerville,
)

__all__ = [
    "adapt",
    "load",
    "load_adapter",
    "load_weights",
    "merge",
    "save_adapter",
    "save_weights",
    "unmerge",
]


def load(
    params: str | Path | Mapping[str, Any],
    weights: str | Path | None = None,
    *,
    head: int | str = 0,
    trunk: bool | None = None,
    dtype: str | None = None,
) -> SequenceModel:
    """Builds a model from a `params.json` and loads its weights.

    Where the JSON has the `adapter` keys by which the reference rebuilds Houlsby adapters, or the
    file comes from an adapter run and holds its adapters, the model has those adapters too.

    Args:
      params: Path of the JSON file, or its contents.
      weights: A `.h5` of the reference: a whole model, or a trunk (the head is then new, which a
        warning says); or a file of another library that `whelp.weights.ports` knows, of which the
        heads are taken that have the model's tracks, and which `provenance` of the spec then names;
        also by its name on a hub, `hf:OWNER/NAME`. Without it the model is randomly initialised.
      head: Index or name of a head, `"trunk"` for the trunk's output, `"all"` for every head.
      trunk: `True` takes only the trunk from the file, also from a whole model with another head.
      dtype: Name of a Keras dtype policy, such as `"mixed_bfloat16"`; the global one by default.

    Returns:
      A Keras model from one-hot DNA `(batch, seq_length, 4)` to `(batch, bins, tracks)`.

    Raises:
      whelp.specs.SpecError: The JSON is wrong; the message says where.
      whelp.weights.WeightsError: The weights cannot be read or do not fit.
    """
    parsed = load_params(params)
    spec = parsed.model
    transfer = _adapter_keys(spec)
    if weights is not None and is_port(weights):
        with placed(file=params):
            model = _ported(spec, weights, head=head, dtype=dtype, trunk=trunk)
        weights = None
    else:
        if transfer is None and weights is not None and not trunk and has_adapters(weights):
            transfer = _run_transfer(parsed, weights)
        # What a file gives values to needs none before; adapters are put into what has some.
        later = without_values() if weights is not None and transfer is None else nullcontext()
        with placed(file=params), later:
            blank = weights is not None
            model = SequenceModel(spec, head=head, dtype=dtype, blank_trunk=blank)
    if transfer is not None:
        model = adapt(model, transfer)
    if weights is not None:
        load_weights(model, weights, trunk=trunk)
    return model


def load_weights(model: SequenceModel, path: str | Path, *, trunk: bool | None = None) -> None:
    """Loads a file of weights into a model, as `load` does.

    Raises:
      whelp.weights.WeightsError: The weights cannot be read or do not fit; nothing was changed.
    """
    if is_port(path):
        new = load_port(model, path, trunk=trunk)
        found = "does not hold this head, or with other tracks"
    else:
        only_trunk = load_baskerville(model, path, trunk=trunk)
        new = (model.head,) if only_trunk and model.head != TRUNK else ()
        found = "holds a trunk without a head"
    if new and trunk is None:
        warnings.warn(
            f"{path} {found}: {', '.join(new)} starts from random weights. Say trunk=True if that "
            "is what you want.",
            stacklevel=3,
        )


def adapt(model: SequenceModel, transfer: TransferSpec | Mapping[str, Any]) -> SequenceModel:
    """Returns a new model with a transfer method's adapters; the given one is left alone.

    Args:
      model: A plain model.
      transfer: The `transfer` section of a `params.json`: `{"mode": "adapter", "adapter": "lora",
        "adapter_latent": 8}`.

    Raises:
      whelp.specs.SpecError: The section is wrong; the message says where.
      ValueError: The model has adapters already, or the method finds nothing to adapt.
    """
    if not isinstance(transfer, TransferSpec):
        parsed = load_params({"model": model.spec.given(), "transfer": dict(transfer)}).transfer
        assert parsed is not None
        transfer = parsed
    return _adapt(model, transfer)


def save_weights(model: SequenceModel, path: str | Path, *, trunk: bool = False) -> None:
    """Writes a `.h5` that the reference's `SeqNN.restore` loads, atomically.

    Args:
      model: A plain model (see `merge`), or one with Houlsby or squeeze-excite adapters.
      path: The file.
      trunk: Whether to write the trunk only.

    Raises:
      whelp.weights.WeightsError: The model has adapters that must be merged first.
    """
    save_baskerville(model, path, trunk=trunk)


def _ported(
    spec: ModelSpec, weights: str | Path, *, head: int | str, dtype: str | None, trunk: bool | None
) -> SequenceModel:
    """A model whose first values are those of a file of another library, which its spec names."""
    file = find(weights)
    told = {} if spec.provenance is None else spec.provenance.given()
    spec = spec.replaced(provenance={**told, **provenance_of(file)})
    with without_values():
        model = SequenceModel(spec, head=head, dtype=dtype)
    load_weights(model, file.path, trunk=trunk)
    return model


def _run_transfer(params: Params, weights: str | Path) -> TransferSpec:
    """The transfer section of the adapter run that wrote a file.

    Raises:
      WeightsError: The parameters have no adapter.
    """
    if params.transfer is None or params.transfer.adapter is None:
        raise WeightsError(
            f"{weights} holds adapter weights, but the parameters have no "
            "transfer section with an adapter. Load it with the params.json of that run, or load "
            "its merged weights, model_best.mergeW.h5."
        )
    return params.transfer


def _adapter_keys(spec: ModelSpec) -> TransferSpec | None:
    """The transfer that the `adapter` keys of a model section stand for."""
    if not spec.adapter:
        return None
    transfer: dict[str, Any] = {"mode": "adapter", "adapter": spec.adapter}
    keys = {
        "adapter_latent": "adapter_latent",
        "conv_select": "conv_select",
        "se_rank": "conv_latent",
    }
    for theirs, ours in keys.items():
        if getattr(spec, theirs) is not None:
            transfer[ours] = getattr(spec, theirs)
    return load_params({"model": spec.given(), "transfer": transfer}).transfer
