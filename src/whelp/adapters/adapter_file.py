"""Files of an adapter without its base: safetensors with method, spec and digests."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from whelp.adapters.insertion import insert, transfer_name, unmerge
from whelp.adapters.plan import make_plan
from whelp.files import atomic_path
from whelp.models import SequenceModel, copy_tensors
from whelp.specs import load_params

FORMAT = "whelp-adapter"
FORMAT_VERSION = 1


class AdapterError(ValueError):
    """An adapter file cannot be read, or belongs to other base weights."""


def save_adapter(model: SequenceModel, path: str | Path) -> None:
    """Writes the adapter, the trained head and norms, and what they belong to; atomically.

    Args:
      model: An adapted model.
      path: The file, `.safetensors`.

    Raises:
      AdapterError: Everything was trained (full transfer), so that there is no adapter.
    """
    if model.trainable_tensors is None:
        raise AdapterError(
            "This model was not adapted: all of its weights train. Save them with "
            "whelp.save_weights, or adapt the model first."
        )
    trained = _trained(model)
    tensors = {f"base/{name}": trained[name] for name in trained}
    tensors |= {f"adapter/{name}": variable for name, variable in model.adapter_tensors().items()}
    # safetensors silently corrupts arrays that are not contiguous.
    arrays = {name: np.ascontiguousarray(_array(value)) for name, value in tensors.items()}
    metadata = {
        "format": FORMAT,
        "format_version": str(FORMAT_VERSION),
        "method": transfer_name(model),
        "transfer": json.dumps(model.transfer, sort_keys=True),
        "model": json.dumps(model.spec.unlocated(Path(path).parent).given()),
        "head": model.head,
        "base_digest": base_digest(model, trained),
        "digest": digest(arrays),
    }
    with atomic_path(path) as temporary:
        save_file(arrays, temporary, metadata=metadata)


def load_adapter(model: SequenceModel, path: str | Path) -> SequenceModel:
    """Returns a new model with the file's adapter and head on the given model's trunk.

    Args:
      model: The base; its head may differ. An adapted model has its adapter swapped.
      path: A file of `save_adapter`.

    Raises:
      AdapterError: The file is missing, damaged, of a newer format, or belongs to another base.
    """
    path = Path(path)
    metadata, arrays = _read(path)
    spec = load_params({"model": json.loads(metadata["model"])}).model.located(path.parent)
    transfer = load_params(
        {"model": spec.given(), "transfer": json.loads(metadata["transfer"])}
    ).transfer
    if transfer is None:
        raise AdapterError(f"{path} does not say by which method its adapter was made.")
    base = unmerge(model) if model.trainable_tensors is not None else model
    plain = SequenceModel(
        spec, head=metadata["head"], dtype=base.policy, blank_trunk=True, name=base.name
    )
    _check_architecture(base, plain, path)
    copy_tensors(base, plain, part="trunk")
    adapted = insert(plain, make_plan(plain, transfer), transfer)
    if base_digest(adapted, _trained(adapted)) != metadata["base_digest"]:
        raise AdapterError(
            f"{path} was trained on other base weights than this model has: expected a base with "
            f"digest {metadata['base_digest'][:12]}..., received "
            f"{base_digest(adapted, _trained(adapted))[:12]}.... Load the trunk that it was "
            "trained on."
        )
    _assign(adapted, arrays, path)
    return adapted


def is_adapter_file(path: str | Path) -> bool:
    """Whether a file is one of `save_adapter`."""
    try:
        with safe_open(path, framework="numpy") as file:
            return (file.metadata() or {}).get("format") == FORMAT
    except (SafetensorError, OSError):
        return False


def base_digest(model: SequenceModel, without: Iterable[str] = ()) -> str:
    """SHA-256 over the trunk's tensors that an adapter leaves as they are."""
    left_out = set(without)
    return digest({n: _array(v) for n, v in model.tensors("trunk").items() if n not in left_out})


def digest(arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 over names, shapes and float32 values, whatever the order and the file format."""
    sha = hashlib.sha256()
    for name in sorted(arrays):
        value = np.ascontiguousarray(arrays[name], dtype="<f4")
        sha.update(f"{name}{value.shape}".encode())
        sha.update(value.data)
    return sha.hexdigest()


def _trained(model: SequenceModel) -> dict[str, keras.Variable]:
    """Base tensors that differ from the pretrained ones: heads, trained norms and statistics."""
    tensors, chosen = model.tensors(), set(model.trainable_tensors or ())
    layers = {name.rpartition("/")[0] for name in chosen}
    return {
        name: variable
        for name, variable in tensors.items()
        if name in chosen
        or (name.rpartition("/")[0] in layers and "/moving_" in name)
        or not _in_trunk(model, name)
    }


def _in_trunk(model: SequenceModel, name: str) -> bool:
    """Whether a tensor belongs to the trunk."""
    return model.sites[name.partition("/")[0]].in_trunk


def _read(path: Path) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    if not path.exists():
        raise AdapterError(f"There is no adapter file {path}.")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise AdapterError(
            f"{path} cannot be read as safetensors: expected a file of whelp.save_adapter, "
            f"received one that is truncated or of another format ({error})."
        ) from error
    if metadata.get("format") != FORMAT:
        raise AdapterError(f"{path} is a safetensors file, but not one of whelp.save_adapter.")
    version = int(metadata["format_version"])
    if version > FORMAT_VERSION:
        raise AdapterError(
            f"{path} has adapter format {version}; this whelp reads formats up to "
            f"{FORMAT_VERSION}. Upgrade whelp."
        )
    if digest(arrays) != metadata["digest"]:
        raise AdapterError(f"{path} is damaged: its tensors do not match its digest.")
    return metadata, arrays


def _check_architecture(base: SequenceModel, plain: SequenceModel, path: Path) -> None:
    def shapes(model: SequenceModel) -> dict[str, Any]:
        return {name: tuple(v.shape) for name, v in model.tensors("trunk").items()}

    ours, theirs = shapes(base), shapes(plain)
    different = sorted(n for n in {*ours, *theirs} if ours.get(n) != theirs.get(n))
    if different:
        name = different[0]
        raise AdapterError(
            f"{path} belongs to another architecture: {len(different)} tensors of the trunk "
            f"differ, the first is {name}: expected {theirs.get(name)}, received "
            f"{ours.get(name)}. Load the base with the params.json that the adapter was made for."
        )


def _assign(model: SequenceModel, arrays: Mapping[str, np.ndarray], path: Path) -> None:
    variables = {f"base/{n}": v for n, v in model.tensors().items()}
    variables |= {f"adapter/{n}": v for n, v in model.adapter_tensors().items()}
    expected = {f"base/{n}" for n in _trained(model)} | {n for n in variables if n[0] == "a"}
    if expected != set(arrays):
        raise AdapterError(
            f"{path} is incomplete: missing {sorted(expected - set(arrays))[:3]}, unknown "
            f"{sorted(set(arrays) - expected)[:3]}."
        )
    for name, value in arrays.items():
        variables[name].assign(value)


def _array(variable: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(variable))
