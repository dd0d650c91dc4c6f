"""Reading and writing the reference's `.h5`: Keras 2 weights of a whole model or of its trunk.

Layers in such a file bear automatic names (`conv1d_3`); within a class their numbers follow the
order of construction, in which whelp makes its layers too. So the n-th `conv1d` of the file is the
n-th 1-D convolution of the model, whatever was built before in the session that wrote it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import keras
import numpy as np

from whelp.files import atomic_path
from whelp.models import TRUNK, Role, SequenceModel, Site
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
_EXCITATION = {"squeeze": "dense/kernel", "excite": "dense_1/kernel"}
_ADAPTER_WEIGHTS = {"lora_a", "locon_down", "ia3", "ia3_ff"}
_KERAS_VERSION = "2.15.0"


@dataclass(frozen=True)
class FileLayer:
    """A layer as the file has it.

    Attributes:
      prefix: Keras 2's name of the class, `conv1d`.
      weights: Name of the variable within the layer -> shape and what holds it: in a file the path
        of the HDF5 data set, in a model the variable. In the order of the file.
      name: Name in the file, or the site's name in the model.
      number: Number behind the prefix in a file; position in construction order in a model.
    """

    prefix: str
    weights: Mapping[str, tuple[tuple[int, ...], str | keras.Variable]]
    name: str
    number: int


def load_baskerville(model: SequenceModel, path: str | Path, *, trunk: bool | None = None) -> bool:
    """Loads a reference `.h5` into a model; nothing is changed unless all of it fits.

    Args:
      model: A plain model, or one adapted by the method that the file was trained with.
      path: The file.
      trunk: `True` takes the trunk from a trunk or a whole file and leaves heads alone; `False`
        wants all layers of the model; `None` decides by what the file holds.

    Returns:
      Whether only the trunk was loaded.

    Raises:
      WeightsError: The file is missing, truncated, foreign, or does not fit the model.
    """
    path = Path(path)
    with open_weights(path) as group:
        found = list(read_layers(group, path))
        whole, part = model_layers(model), model_layers(model, TRUNK)
        if trunk is None:
            trunk = len(whole) > len(part) and _counts(found) == _counts(part)
        pairs = pair_layers(part if trunk else whole, found, path, surplus=bool(trunk))
        values = [
            (variable, group[dataset], shape)
            for own, theirs in pairs
            for variable, dataset, shape in _pair_weights(own, theirs, path)
        ]
        for variable, dataset, shape in values:
            variable.assign(np.asarray(dataset).reshape(shape))
    return trunk


def save_baskerville(model: SequenceModel, path: str | Path, *, trunk: bool = False) -> None:
    """Writes a `.h5` that the reference's `SeqNN.restore` loads, atomically.

    Args:
      model: A plain model, or one with Houlsby and squeeze-excite adapters (which the reference
        rebuilds from the `adapter` keys of its JSON).
      path: The file.
      trunk: Whether to write the trunk only.

    Raises:
      WeightsError: The model has adapters that must be merged first.
    """
    _check_plain(model)
    part = TRUNK if trunk else None
    names = _keras2_names(model_layers(model, part))
    layers = graph_layers(model, part)
    with atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        group = file.create_group("model_weights")
        for target in (file, group):
            target.attrs["backend"] = "tensorflow"
            target.attrs["keras_version"] = _KERAS_VERSION
        group.attrs["layer_names"] = [names[layer.name] for layer in layers]
        for layer in layers:
            name = names[layer.name]
            subgroup = group.create_group(name)
            keys = [f"{name}/{key}:0" for key in layer.weights]
            subgroup.attrs["weight_names"] = keys
            for key, (_, variable) in zip(keys, layer.weights.values(), strict=True):
                subgroup[key] = keras.ops.convert_to_numpy(variable)


def has_adapters(path: str | Path) -> bool:
    """Whether a `.h5` comes from an adapter run of the reference, before merging.

    Raises:
      WeightsError: The file is missing, truncated or foreign.
    """
    with open_weights(Path(path)) as group:
        layers = list(read_layers(group, Path(path)))
    parts = {part for layer in layers for key in layer.weights for part in key.split("/")}
    return bool(parts & _ADAPTER_WEIGHTS) or any(x.prefix == "adapter_houlsby" for x in layers)


@contextmanager
def open_weights(path: Path) -> Iterator[h5py.Group]:
    """Opens a Keras 2 `.h5` and yields the group of its weights.

    Raises:
      WeightsError: The file is missing, truncated, or not a Keras 2 file.
    """
    if not path.exists():
        raise WeightsError(f"There is no weights file {path}.")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise WeightsError(
            f"{path} cannot be read as HDF5: expected a Keras 2 weights file such as Baskerville's "
            f"model_best.h5, received {path.stat().st_size} bytes that are truncated or of another "
            f"format ({error}). Copy or download it again."
        ) from error
    with file:
        yield _weights_group(file, path)


def _weights_group(file: h5py.File, path: Path) -> h5py.Group:
    group = file.get("model_weights", file)
    if "layer_names" not in group.attrs:
        kind = "a Keras 3 weights file" if "layers" in file else "an HDF5 file of another kind"
        raise WeightsError(
            f"{path} is {kind}: expected the layer_names that Keras 2 writes (Baskerville's "
            f"model.save). Files of Keras 3 are loaded by model.load_weights or keras.models."
        )
    return group


def read_layers(group: h5py.Group, path: Path) -> Iterator[FileLayer]:
    """Yields the layers with weights of an open file, in file order.

    Raises:
      WeightsError: A data set that the file's index names is missing or cannot be read.
    """
    for name in map(_text, group.attrs["layer_names"]):
        try:
            keys = [_text(key) for key in group[name].attrs["weight_names"]]
            weights = {
                _tail(key, name): (tuple(group[name][key].shape), f"{name}/{key}") for key in keys
            }
        except (KeyError, OSError) as error:
            raise WeightsError(
                f"{path} is damaged: its index names layer {name!r}, whose weights cannot be read "
                f"({error}). Copy or download it again."
            ) from error
        if weights:
            numbered = re.fullmatch(r"(.+)_(\d+)", name)
            stem, number = numbered.groups() if numbered else (name, "0")
            yield FileLayer(stem, weights, name, int(number))


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


def pair_layers(
    expected: list[FileLayer], found: list[FileLayer], path: Path, *, surplus: bool
) -> list[tuple[FileLayer, FileLayer]]:
    """Pairs a model's layers with a file's, class by class in order of construction.

    Args:
      expected: The model's layers.
      found: The file's layers.
      path: The file, for messages.
      surplus: Whether the file may hold more (heads behind a trunk).

    Raises:
      WeightsError: The numbers of layers of a class differ.
    """
    pairs: list[tuple[FileLayer, FileLayer]] = []
    for prefix in dict.fromkeys(layer.prefix for layer in [*expected, *found]):
        mine = [layer for layer in expected if layer.prefix == prefix]
        theirs = sorted(
            (layer for layer in found if layer.prefix == prefix), key=lambda layer: layer.number
        )
        if len(theirs) < len(mine) or (len(theirs) > len(mine) and not surplus):
            raise WeightsError(_count_message(path, prefix, mine, theirs))
        pairs += zip(mine, theirs, strict=False)
    return pairs


def _count_message(path: Path, prefix: str, mine: list, theirs: list) -> str:
    where = f" (the model's end at {mine[-1].name!r})" if mine else ""
    hint = "Is it the params.json that this file was trained with?"
    if prefix == "dense" and len(theirs) == len(mine) + 1:
        hint = (
            "It looks like a whole model; to take its trunk only, load with trunk=True (--trunk)."
        )
    elif prefix == "dense" and len(theirs) == len(mine) - 1:
        hint = (
            "It looks like a trunk without a head: predictions need the weights of a whole model, "
            "or the trunk with an adapter file. To put a new head on it, load with trunk=True "
            "(--trunk), or into head='trunk'."
        )
    return (
        f"{path} does not fit the model: expected {len(mine)} {prefix} layers{where}, found "
        f"{len(theirs)} in the file. {hint}"
    )


def _pair_weights(
    own: FileLayer, theirs: FileLayer, path: Path
) -> Iterator[tuple[keras.Variable, str, tuple[int, ...]]]:
    """Pairs the weights of two layers: attention and adapters by name, others by position."""
    if set(own.weights) == set(theirs.weights):
        keys = [(key, key) for key in own.weights]
    elif len(own.weights) == len(theirs.weights):
        keys = list(zip(own.weights, theirs.weights, strict=True))
    else:
        raise WeightsError(
            f"{path} does not fit the model at layer {own.name!r} ({theirs.name!r} in the file): "
            f"expected {len(own.weights)} tensors ({', '.join(own.weights)}), found "
            f"{len(theirs.weights)} ({', '.join(theirs.weights)}). A file of an adapter run loads "
            "into the adapted model, or use its merged weights."
        )
    for mine, other in keys:
        shape, variable = own.weights[mine]
        received, dataset = theirs.weights[other]
        if tuple(d for d in shape if d != 1) != tuple(d for d in received if d != 1):
            hint = "Is it the params.json that this file was trained with?"
            if ".dense" in own.name and own.name.startswith("head"):
                hint = "To put a new head on this trunk, load with trunk=True (--trunk)."
            raise WeightsError(
                f"{path} does not fit the model at {own.name}/{mine} ({theirs.name!r} in the "
                f"file): expected shape {shape}, found {received}. {hint}"
            )
        yield variable, dataset, shape


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


def _check_plain(model: SequenceModel) -> None:
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


def _inside_attention(site: Site) -> bool:
    return site.role.startswith(f"{Role.ATTENTION}.")


def _of(tensors: Mapping[str, keras.Variable], site: str) -> dict[str, keras.Variable]:
    start = f"{site}/"
    return {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}


def keras2_layers(model: SequenceModel) -> dict[str, FileLayer]:
    """Returns the layers of a model by the names that Keras 2 would give them."""
    layers = model_layers(model)
    names = _keras2_names(layers)
    return {names[layer.name]: layer for layer in layers}


def graph_layers(model: SequenceModel, part: str | None = None) -> list[FileLayer]:
    """Returns the layers in the order of the graph, in which Keras 2 stores and reads them."""
    sites = {id(site.adapter or site.layer): site.name for site in model.sites.values()}
    names = [sites[id(layer)] for layer in model.layers if id(layer) in sites]
    layers = {layer.name: layer for layer in model_layers(model, part)}
    return [layers[n] for name in names for n in (name, f"{name}+") if n in layers]


def _keras2_names(layers: Iterable[FileLayer]) -> dict[str, str]:
    """Gives each layer the automatic name that Keras 2 would, by its own name."""
    counts: dict[str, int] = {}
    names = {}
    for layer in layers:
        number = counts.get(layer.prefix, 0)
        counts[layer.prefix] = number + 1
        names[layer.name] = f"{layer.prefix}_{number}" if number else layer.prefix
    return names


def _keras2_class(layer: keras.layers.Layer) -> str:
    spaced = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", type(layer).__name__)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", spaced).lower()


def _counts(layers: Iterable[FileLayer]) -> Counter[str]:
    return Counter(layer.prefix for layer in layers)


def _tail(key: str, layer: str) -> str:
    """Name of a weight within its layer: `model_1/mha/q_layer/kernel:0` -> `q_layer/kernel`."""
    return re.sub(r"(:0)+$", "", key).rpartition(f"{layer}/")[2]


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
