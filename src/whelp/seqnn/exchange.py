"""From a `SeqNN` to whelp, and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from whelp.loading import adapt, load
from whelp.models import SequenceModel, complete, fill, without_values
from whelp.seqnn.outputs import Wrap, head_of, unwrapped
from whelp.seqnn.reading import (
    check_legacy,
    has_exact_gelu,
    live_layers,
    live_models,
    live_spec,
    with_exact_gelu,
)
from whelp.specs import ModelSpec, TransferSpec
from whelp.weights.errors import WeightsError
from whelp.weights.pairing import (
    FileLayer,
    Misfit,
    are_adapted,
    check_plain,
    model_layers,
    pair_tensors,
)

_IGNORED_THERE = {
    "norm_epsilon": 0.001,
    "position_features": "central_mask",
    "residual_scale": True,
}
"""Keys of whelp's own that Baskerville passes over without a word, and what it does."""


def from_baskerville(
    seqnn_model: Any,
    *,
    head: int | str | None = None,
    transfer: TransferSpec | Mapping[str, Any] | None = None,
    dtype: str | None = None,
) -> keras.Model:
    """Returns a Keras 3 model with the weights and the predictions of a `SeqNN` in memory.

    Args:
      seqnn_model: A `baskerville.seqnn.SeqNN`, built with `TF_USE_LEGACY_KERAS=1`.
      head: Index or name of a head, `"all"` or `"trunk"`, for the plain model, which can be
        adapted. `None` gives what `seqnn_model` itself predicts: its ensemble over strands and
        shifts, its slice or sum of tracks, its sum over length (`build_ensemble`, `build_slice`,
        `build_sad`, `step`), in 32-bit floats.
      transfer: The `transfer` section of the run by which it has adapters that are not merged.
        Houlsby adapters of a `SeqNN` that was built with them need none.
      dtype: Name of a Keras dtype policy; the global one by default.

    Returns:
      A model from one-hot DNA `(batch, seq_length, 4)` to `(batch, bins, tracks)`: a
      `SequenceModel` unless `head` is `None` and the predictions are averaged, cut or summed.

    Raises:
      WeightsError: It is no `SeqNN` of legacy Keras, or predicts in a way that whelp does not know.
      whelp.specs.SpecError: whelp does not know its architecture.
    """
    check_legacy(seqnn_model)
    spec = live_spec(seqnn_model)
    wraps: list[Wrap] = []
    if head is None:
        wraps, core = unwrapped(seqnn_model)
        head = head_of(seqnn_model, spec, core)
        live = {head: core}
    else:
        live = live_models(seqnn_model, spec, head)
    layers = live_layers(live.values())
    if transfer is None and not hasattr(seqnn_model, "adapter") and are_adapted(layers):
        raise WeightsError(
            "This SeqNN has adapters in it: expected plain layers, or the section of its "
            "params.json that says which they are. Give it as transfer=, or fold them first with "
            "baskerville.transfer.merge_lora and its like."
        )
    if has_exact_gelu(live.values()):
        spec = with_exact_gelu(spec)
    model = _empty(spec, head, transfer, dtype=dtype)
    for variable, holder in _paired(model, layers):
        fill(variable, partial(_value, holder, tuple(variable.shape)))
    complete(model)
    for wrap in wraps:
        model = wrap(model)
    return model


def to_baskerville(model: SequenceModel, seqnn_model: Any) -> None:
    """Puts a model's weights into a `SeqNN` in memory; nothing is changed unless all of it fits.

    What the `SeqNN` has built on its heads (ensembles, slices) predicts with the new weights, too.

    Args:
      model: A plain model, merged where it was adapted; or one with Houlsby adapters for a `SeqNN`
        that was built with them (which computes its GELU exactly, not by the tanh approximation, so
        that predictions differ in the fifth digit). All heads of the model are taken.
      seqnn_model: A `baskerville.seqnn.SeqNN` of the same architecture, `TF_USE_LEGACY_KERAS=1`.

    Raises:
      WeightsError: The model has adapters that must be merged first, or computes what Baskerville
        cannot, or the two differ.
    """
    if not isinstance(model, SequenceModel):
        raise WeightsError(
            f"Expected a SequenceModel, received a {type(model).__name__}. Give the model itself; "
            "averages and views have no weights of their own."
        )
    check_plain(model)
    check_legacy(seqnn_model)
    if ignored := sorted(set(_ignored(model.spec.given()))):
        raise WeightsError(
            f"Baskerville does not know {', '.join(ignored)} of this model's parameters: it would "
            "predict something else with the same weights. Go on with the model in whelp."
        )
    layers = live_layers(live_models(seqnn_model, live_spec(seqnn_model), model.head).values())
    if model.wrappers and not hasattr(seqnn_model, "adapter"):
        raise WeightsError(
            "The model has Houlsby adapters, which do not fold into weights, and this SeqNN has "
            'none. Build it from the params.json of the adapted model, whose keys "adapter" and '
            '"adapter_latent" name them (whelp transfer writes it).'
        )
    for variable, holder in _paired(model, layers):
        holder.assign(np.reshape(keras.ops.convert_to_numpy(variable), tuple(holder.shape)))


def _ignored(section: Any) -> Iterator[str]:
    """Yields what a section says that Baskerville does not do."""
    if isinstance(section, list):
        for item in section:
            yield from _ignored(item)
    elif isinstance(section, Mapping):
        for key, value in section.items():
            if key in _IGNORED_THERE and value != _IGNORED_THERE[key]:
                yield f'"{key}": {value}'
            yield from _ignored(value)


def _empty(
    spec: ModelSpec,
    head: int | str,
    transfer: TransferSpec | Mapping[str, Any] | None,
    *,
    dtype: str | None,
) -> SequenceModel:
    if transfer is None and spec.adapter is None:
        with without_values():
            return SequenceModel(spec, head=head, dtype=dtype)
    model = load({"model": spec.given()}, head=head, dtype=dtype)
    return model if transfer is None else adapt(model, transfer)


def _paired(model: SequenceModel, layers: list[FileLayer]) -> list[tuple[keras.Variable, Any]]:
    try:
        return pair_tensors(model_layers(model), layers, surplus=False)
    except Misfit as misfit:
        advice = (
            "Fold its adapters first (baskerville.transfer.merge_lora and its like)."
            if misfit.adapted
            else "Build both from one params.json."
        )
        raise WeightsError(f"The SeqNN does not fit the model: {misfit} {advice}") from None


def _value(holder: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    return holder.numpy().reshape(shape)
