"""Layers as the reference's Keras 2 has them, and which of them are whose.

Layers there bear automatic names (`conv1d_3`); within a class their numbers follow the order of
construction, in which whelp makes its layers too. So the n-th `conv1d` of a file, or of a living
model of the reference, is the n-th 1-D convolution of the model, whatever was built before.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import keras

from whelp.models import Role, SequenceModel, Site
from whelp.weights.errors import WeightsError

_ATTENTION_PARTS = {
    "q_layer": "query",
    "k_layer": "key",
    "v_layer": "value",
    "embedding_layer": "output",
    "conv1d_transpose": "output",
    "r_k_layer": "position",
    "gate": "gate",
}
_INSERTED = {"Houlsby": "adapter_houlsby", "SqueezeExciteAdapter": "squeeze_excite"}
_ADAPTER_WEIGHTS = {"lora_a", "locon_down", "ia3", "ia3_ff"}
_EXCITATION = {"squeeze": "dense/kernel", "excite": "dense_1/kernel"}


@dataclass(frozen=True)
class FileLayer:
    """A layer as the reference has it.

    Attributes:
      prefix: Keras 2's name of the class, `conv1d`.
      weights: Name of the variable within the layer -> shape and what holds it: in a file the path
        of the HDF5 data set, in a model the variable. In the reference's order.
      name: Name there, or the site's name in the model.
      number: Number behind the prefix there; position in construction order in the model.
    """

    prefix: str
    weights: Mapping[str, tuple[tuple[int, ...], Any]]
    name: str
    number: int


def named_layer(name: str, weights: Mapping[str, tuple[tuple[int, ...], Any]]) -> FileLayer:
    """Returns a layer of the reference by its automatic name.

    Args:
      name: `conv1d_3`.
      weights: Its weights, under their names there: `model_1/conv1d_3/kernel:0`.
    """
    numbered = re.fullmatch(r"(.+)_(\d+)", name)
    stem, number = numbered.groups() if numbered else (name, "0")
    return FileLayer(stem, {_tail(k, name): w for k, w in weights.items()}, name, int(number))


def model_layers(model: SequenceModel, part: str | None = None) -> list[FileLayer]:
    """Returns the layers with weights of a model as a file would hold them, as constructed."""
    tensors, added = model.tensors(), model.adapter_tensors()
    layers: list[FileLayer] = []

    def append(prefix: str, weights: Mapping[str, keras.Variable], name: str) -> None:
        entries = {key: (tuple(v.shape), v) for key, v in weights.items()}
        if entries:
            layers.append(FileLayer(prefix, entries, name, len(layers)))

    for site in model.sites.values():
        if part not in (None, site.part) or _inside_attention(site):
            continue
        own = _of(tensors, site.name)
        extra = _of(added, site.name)
        inserted = _INSERTED.get(type(site.adapter).__name__)
        if site.role == Role.ATTENTION:
            own = _attention_weights(tensors, added, site.name)
        elif not inserted:
            own = {**{f"{key}/kernel": v for key, v in extra.items()}, **own}
        if site.layer is not None:
            append(_keras2_class(site.layer), own, site.name)
        if inserted:
            extra = {_EXCITATION.get(key, key): v for key, v in extra.items()}
            append(inserted, extra, f"{site.name}+")
    return layers


class Misfit(WeightsError):
    """Layers of the reference are not those of the model.

    Attributes:
      prefix: The class of the layers that differ in number; empty where a layer's tensors differ.
      surplus: How many more there are than the model has.
      in_head: Whether it is the tensors of a head's last layer that have another shape.
      adapted: Whether a layer has other tensors, as adapters make it.
    """

    def __init__(
        self,
        problem: str,
        *,
        prefix: str = "",
        surplus: int = 0,
        in_head: bool = False,
        adapted: bool = False,
    ) -> None:
        super().__init__(problem)
        self.prefix = prefix
        self.surplus = surplus
        self.in_head = in_head
        self.adapted = adapted


def pair_tensors(
    expected: list[FileLayer], found: list[FileLayer], *, surplus: bool
) -> list[tuple[keras.Variable, Any]]:
    """Pairs a model's variables with what holds the reference's.

    Layers are paired class by class in order of construction; their tensors by name in attention
    and adapters, else by position. Shapes are equal but for axes of length 1.

    Args:
      expected: The model's layers.
      found: The reference's.
      surplus: Whether there may be more than the model has (heads behind a trunk).

    Raises:
      Misfit: The numbers of layers of a class, or tensors, differ.
    """
    pairs: list[tuple[keras.Variable, Any]] = []
    for prefix in dict.fromkeys(layer.prefix for layer in [*expected, *found]):
        mine = [layer for layer in expected if layer.prefix == prefix]
        theirs = sorted(
            (layer for layer in found if layer.prefix == prefix), key=lambda layer: layer.number
        )
        more = len(theirs) - len(mine)
        if more < 0 or (more > 0 and not surplus):
            where = f" (the model's end at {mine[-1].name!r})" if mine else ""
            raise Misfit(
                f"expected {len(mine)} {prefix} layers{where}, found {len(theirs)}.",
                prefix=prefix,
                surplus=more,
            )
        for own, other in zip(mine, theirs, strict=False):
            pairs += _pair_weights(own, other)
    return pairs


def _pair_weights(own: FileLayer, theirs: FileLayer) -> Iterator[tuple[keras.Variable, Any]]:
    if set(own.weights) == set(theirs.weights):
        keys = [(key, key) for key in own.weights]
    elif len(own.weights) == len(theirs.weights):
        keys = list(zip(own.weights, theirs.weights, strict=True))
    else:
        raise Misfit(
            f"layer {own.name!r} ({theirs.name!r} there): expected {len(own.weights)} tensors "
            f"({', '.join(own.weights)}), found {len(theirs.weights)} "
            f"({', '.join(theirs.weights)}).",
            adapted=True,
        )
    for mine, other in keys:
        shape, variable = own.weights[mine]
        received, holder = theirs.weights[other]
        if tuple(d for d in shape if d != 1) != tuple(d for d in received if d != 1):
            raise Misfit(
                f"{own.name}/{mine} ({theirs.name!r} there): expected shape {shape}, found "
                f"{received}.",
                in_head=".dense" in own.name and own.name.startswith("head"),
            )
        yield variable, holder


def are_adapted(layers: Iterable[FileLayer]) -> bool:
    """Whether layers of the reference have adapters in them that were not merged."""
    return any(
        layer.prefix == _INSERTED["Houlsby"]
        or any(_ADAPTER_WEIGHTS & set(key.split("/")) for key in layer.weights)
        for layer in layers
    )


def check_plain(model: SequenceModel) -> None:
    """Checks that the reference can have a model's layers.

    Raises:
      WeightsError: The model has adapters that must be merged first.
    """
    folding = [
        site.name
        for site in model.sites.values()
        if site.adapter is not None and type(site.adapter).__name__ not in _INSERTED
    ]
    if folding:
        raise WeightsError(
            f"The model has adapters that the reference cannot rebuild ({len(folding)}, the first "
            f"at {folding[0]}). Fold them with whelp.merge first, or write whelp.save_adapter."
        )


def layer_counts(layers: Iterable[FileLayer]) -> Counter[str]:
    """Returns how many layers there are of each class."""
    return Counter(layer.prefix for layer in layers)


def _attention_weights(tensors: Mapping, added: Mapping, name: str) -> dict[str, keras.Variable]:
    weights = _of(tensors, name)  # The biases of relative positions, where it has them.
    for theirs, ours in _ATTENTION_PARTS.items():
        inner = _of(tensors, f"{name}.{ours}")
        if not inner or (ours == "output" and (inner["kernel"].ndim == 2) != (theirs[0] == "e")):
            continue
        weights |= {f"{theirs}/{key}": v for key, v in inner.items()}
        extra = _of(added, f"{name}.{ours}")
        weights |= {f"{theirs}/{key}/kernel": v for key, v in extra.items()}
    return weights


def _inside_attention(site: Site) -> bool:
    return site.role.startswith(f"{Role.ATTENTION}.")


def _of(tensors: Mapping[str, keras.Variable], site: str) -> dict[str, keras.Variable]:
    start = f"{site}/"
    return {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}


def _keras2_class(layer: keras.layers.Layer) -> str:
    spaced = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", type(layer).__name__)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", spaced).lower()


def _tail(key: str, layer: str) -> str:
    """Name of a weight within its layer: `model_1/mha/q_layer/kernel:0` -> `q_layer/kernel`."""
    return re.sub(r"(:0)+$", "", key).rpartition(f"{layer}/")[2]
