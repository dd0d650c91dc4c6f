"""What a `SeqNN` predicts around the model of a head: averages over strands, slices, sums."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from whelp.models import TRUNK, Ensemble, view
from whelp.seqnn.reading import leaves
from whelp.specs import ModelSpec
from whelp.weights.errors import WeightsError

Wrap = Callable[[keras.Model], keras.Model]


def unwrapped(seqnn_model: Any) -> tuple[list[Wrap], Any]:
    """Takes apart what a `SeqNN` predicts with.

    Returns:
      What is around the model of a head, from the inside to the outside, and that model.

    Raises:
      WeightsError: There is something around it that whelp does not know.
    """
    live = seqnn_model.model if seqnn_model.ensemble is None else seqnn_model.ensemble
    wraps: list[Wrap] = []
    while inner := next((layer for layer in live.layers if hasattr(layer, "layers")), None):
        wraps.insert(0, _wrap(live, seqnn_model))
        live = inner
    return wraps, live


def head_of(seqnn_model: Any, spec: ModelSpec, core: Any) -> str:
    """Returns the name of the head that a model without anything around it ends with.

    Raises:
      WeightsError: It ends within the trunk (`build_embed`).
    """
    if core is seqnn_model.model_trunk:
        return TRUNK
    trunk, names = _weighted(seqnn_model.model_trunk), _weighted(core)
    for head, model in zip(spec.heads, seqnn_model.models, strict=True):
        own = _weighted(model) - trunk
        if core is model or (own and own <= names):
            return head
    raise WeightsError(
        "The SeqNN predicts one of its inner layers (build_embed), as no model of whelp does. Say "
        'which model you want: head=0, another head, "all" or "trunk".'
    )


def _weighted(model: Any) -> set[str]:
    return {layer.name for layer in leaves(model) if layer.weights}


def _wrap(live: Any, seqnn_model: Any) -> Wrap:
    """Returns what makes of a model what a living one makes of the model within it."""
    layers = {type(layer).__name__: layer for layer in live.layers}
    switch = layers.get("SwitchReverse") or layers.get("SwitchReverseTriu")
    if switch is not None:
        shift = layers.get("EnsembleShift")
        return _ensemble(
            rc="EnsembleReverseComplement" in layers,
            shifts=(0,) if shift is None else tuple(shift.shifts),
            strand_pair=getattr(switch, "strand_pair", None),
            diagonal_offset=seqnn_model.diagonal_offset if seqnn_model.preds_triu else None,
        )
    options: dict[str, Any] = {}
    for layer in live.layers:
        options |= _view_options(layer)
    return lambda model: view(model, **options) if options else model


def _ensemble(**options: Any) -> Wrap:
    return lambda model: Ensemble(model, **options)


def _view_options(layer: Any) -> dict[str, Any]:
    """What a layer behind a model does, in the words of `whelp.models.OutputView`.

    Raises:
      WeightsError: whelp does not know it.
    """
    if type(layer).__name__ == "GlobalAveragePooling1D":
        return {"sum_length": True}
    if hasattr(layer, "layers") or type(layer).__name__ == "InputLayer":
        return {}
    kind = layer.name.rstrip("_0123456789").rpartition(".")[2]
    node = layer.inbound_nodes[-1]
    axis = node.call_kwargs.get("axis")
    if kind == "gather" and axis in (-1, -2):
        indices = [int(i) for i in node.call_args[1]]
        if axis == -1:
            return {"tracks": indices}
        return {"step": indices[1] - indices[0] if len(indices) > 1 else 1}
    if kind == "reduce_sum" and axis == -1:
        return {"sum_tracks": True}
    # The multiplication makes build_sad's mean over bins a sum; the others change the type only.
    if kind in ("multiply", "cast", "activation"):
        return {}
    raise WeightsError(
        f"The SeqNN predicts through {layer.name}, which whelp does not know: expected what "
        "build_ensemble, build_slice, build_sad, step, downcast and append_activation make. Say "
        'which model you want: head=0, another head, "all" or "trunk".'
    )
