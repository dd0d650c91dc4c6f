"""Reading a living `SeqNN`: its layers with their weights, and the section it was built from."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import keras

from whelp.models import ALL_HEADS, TRUNK
from whelp.specs import ModelSpec, load_params
from whelp.weights.errors import WeightsError
from whelp.weights.pairing import FileLayer, named_layer

_NOT_HEADS = ("heads", "head_output")
_UNKNOWN_THERE = ("norm_epsilon",)
"""Keys that Baskerville does not use, and whelp does."""

_PARTS = ("trunk", "seq_length", "models", "model", "model_trunk")


def check_legacy(seqnn_model: Any) -> None:
    """Checks that an object is a `SeqNN` of Keras 2.

    Raises:
      WeightsError: It is not.
    """
    missing = [name for name in _PARTS if not hasattr(seqnn_model, name)]
    if missing:
        raise WeightsError(
            f"Expected a baskerville.seqnn.SeqNN, received a {type(seqnn_model).__name__}, which "
            f"has no {', '.join(missing)}."
        )
    if isinstance(seqnn_model.model_trunk, keras.Model):
        raise WeightsError(
            "This SeqNN is made of Keras 3: expected the Keras 2 that Baskerville is written for. "
            "Install tf-keras and set the environment variable TF_USE_LEGACY_KERAS=1 before "
            "TensorFlow is imported."
        )


def live_models(seqnn_model: Any, spec: ModelSpec, head: int | str) -> dict[str, Any]:
    """Returns the models of heads by name, in their order; or the trunk's.

    Args:
      seqnn_model: The `SeqNN`.
      spec: Its section.
      head: Index or name of a head, `"all"` or `"trunk"`.

    Raises:
      whelp.specs.SpecError: There is no such head.
    """
    if head == TRUNK:
        return {TRUNK: seqnn_model.model_trunk}
    models = dict(zip(spec.heads, seqnn_model.models, strict=True))
    if head == ALL_HEADS:
        return models
    name = spec.head_name(head)
    return {name: models[name]}


def live_layers(models: Iterable[Any]) -> list[FileLayer]:
    """Returns the layers with weights of models of Keras 2, each once, also of models within."""
    found: dict[str, FileLayer] = {}
    for model in models:
        for layer in leaves(model):
            weights = {w.name: (tuple(w.shape), w) for w in layer.weights}
            if weights and layer.name not in found:
                found[layer.name] = named_layer(layer.name, weights)
    return list(found.values())


def leaves(model: Any) -> Iterator[Any]:
    """Yields the layers of a model and of the models within it."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from leaves(layer)
        else:
            yield layer


def live_spec(seqnn_model: Any) -> ModelSpec:
    """Returns the section `model` that a `SeqNN` was built from, of which it keeps every key.

    Raises:
      whelp.specs.SpecError: whelp does not know its architecture.
    """
    known = {*ModelSpec.json_keys()} - {*_UNKNOWN_THERE}
    section = {
        key: value
        for key, value in vars(seqnn_model).items()
        if key not in _NOT_HEADS and (key in known or key.startswith("head"))
    }
    return load_params({"model": section | {"strand_pair": _strand_pairs(seqnn_model)}}).model


def _strand_pairs(seqnn_model: Any) -> list[list[int]]:
    """Each head's own: the attribute is often cut to the tracks of a slice afterwards."""
    given = seqnn_model.strand_pair
    pairs: list[list[int] | None] = []
    for index, model in enumerate(seqnn_model.models):
        switches = [x for x in leaves(model) if type(x).__name__ == "SwitchReverse"]
        pair = given[index] if index < len(given) else None
        if switches:
            pair = switches[0].strand_pair
        elif pair is not None and len(pair) != model.output_shape[-1]:
            warnings.warn(
                f"The SeqNN has strand pairs of {len(pair)} tracks for a head of "
                f"{model.output_shape[-1]}: they are left out. Give them to whelp.ensemble.",
                stacklevel=4,
            )
            pair = None
        pairs.append(None if pair is None else [int(track) for track in pair])
    if not any(pairs):
        return []
    units = [model.output_shape[-1] for model in seqnn_model.models]
    return [pair or list(range(n)) for pair, n in zip(pairs, units, strict=True)]


def has_exact_gelu(models: Iterable[Any]) -> bool:
    """Whether a graph was rebuilt around adapters, which loses GELU's tanh approximation."""
    gelus = [x for model in models for x in leaves(model) if x.name.startswith("tf.nn.gelu")]
    nodes = [layer.inbound_nodes[-1] for layer in gelus]
    return any(len(n.call_args) < 2 and not n.call_kwargs.get("approximate") for n in nodes)


def with_exact_gelu(spec: ModelSpec) -> ModelSpec:
    """Returns a section whose GELUs are computed exactly."""
    return load_params({"model": _exact(spec.given())}).model


def _exact(section: Any) -> Any:
    if isinstance(section, Mapping):
        return {
            key: "gelu_erf" if key == "activation" and value == "gelu" else _exact(value)
            for key, value in section.items()
        }
    return [_exact(item) for item in section] if isinstance(section, list) else section
