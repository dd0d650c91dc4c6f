"""Reading and writing the reference's `.h5`: Keras 2 weights of a whole model or of its trunk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
from numpy.typing import NDArray

from whelp.files import atomic_path
from whelp.models import TRUNK, SequenceModel, complete, fill
from whelp.weights.errors import WeightsError
from whelp.weights.pairing import (
    FileLayer,
    Misfit,
    are_adapted,
    check_plain,
    layer_counts,
    model_layers,
    named_layer,
    pair_tensors,
)
from whelp.weights.porting import own_pages

_KERAS_VERSION = "2.15.0"


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
            trunk = len(whole) > len(part) and layer_counts(found) == layer_counts(part)
        try:
            pairs = pair_tensors(part if trunk else whole, found, surplus=bool(trunk))
        except Misfit as misfit:
            raise WeightsError(
                f"{path} does not fit the model: {misfit} {_advice(misfit)}"
            ) from None
        for variable, dataset in pairs:
            fill(variable, partial(_read, group[dataset], tuple(variable.shape)))
        complete(model)
    return trunk


def _read(dataset: h5py.Dataset, shape: tuple[int, ...]) -> NDArray[Any]:
    array = own_pages(dataset.shape, np.dtype("float32"))
    if array.size:
        dataset.read_direct(array)
    return array.reshape(shape)


def _advice(misfit: Misfit) -> str:
    """What to do about a file that does not fit."""
    if misfit.prefix == "dense" and misfit.surplus == 1:
        return (
            "It looks like a whole model; to take its trunk only, load with trunk=True (--trunk)."
        )
    if misfit.prefix == "dense" and misfit.surplus == -1:
        return (
            "It looks like a trunk without a head: predictions need the weights of a whole model, "
            "or the trunk with an adapter file. To put a new head on it, load with trunk=True "
            "(--trunk), or into head='trunk'."
        )
    if misfit.adapted:
        return "A file of an adapter run loads into the adapted model, or use its merged weights."
    if misfit.in_head:
        return "To put a new head on this trunk, load with trunk=True (--trunk)."
    return "Is it the params.json that this file was trained with?"


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
    check_plain(model)
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
        return are_adapted(read_layers(group, Path(path)))


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
            weights = {key: (tuple(group[name][key].shape), f"{name}/{key}") for key in keys}
        except (KeyError, OSError) as error:
            raise WeightsError(
                f"{path} is damaged: its index names layer {name!r}, whose weights cannot be read "
                f"({error}). Copy or download it again."
            ) from error
        if weights:
            yield named_layer(name, weights)


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


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
