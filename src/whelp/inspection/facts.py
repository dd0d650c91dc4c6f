"""Layers, lengths and parameters of a model, as tables."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import keras
import pandas as pd

from whelp.models import TRUNK, Role, SequenceModel, Site


@dataclass(frozen=True)
class ModelFacts:
    """A model in numbers.

    Attributes:
      seq_length: Input, bp.
      stride: Width of an output bin, bp.
      target_length: Output, bins of each window.
      crop: Bins cut from each side before the output.
      heads: Head name -> tracks, of the heads that the model has.
      trunk_parameters: Parameters of the trunk, without adapters.
      head_parameters: Parameters of the heads.
      adapter_parameters: Parameters that adapters added.
      trained_parameters: Parameters that training moves (statistics of norms do not count).
    """

    seq_length: int
    stride: int
    target_length: int
    crop: int
    heads: dict[str, int]
    trunk_parameters: int
    head_parameters: int
    adapter_parameters: int
    trained_parameters: int

    @property
    def total_parameters(self) -> int:
        """All parameters."""
        return self.trunk_parameters + self.head_parameters + self.adapter_parameters


def model_facts(model: SequenceModel) -> ModelFacts:
    """Counts and measures a model."""
    outputs = model.output if isinstance(model.output, dict) else {model.head: model.output}
    heads = {name: int(y.shape[-1]) for name, y in outputs.items() if name != TRUNK}
    return ModelFacts(
        seq_length=model.spec.seq_length,
        stride=model.stride,
        target_length=model.target_length,
        crop=model.crop,
        heads=heads,
        trunk_parameters=_size(model.tensors(TRUNK).values()),
        head_parameters=sum(_size(model.tensors(name).values()) for name in heads),
        adapter_parameters=_size(model.adapter_tensors().values()),
        trained_parameters=trained_parameters(model),
    )


def trained_parameters(model: keras.Model) -> int:
    """Counts the parameters that training moves."""
    return _size(model.trainable_variables)


def layer_table(model: SequenceModel) -> pd.DataFrame:
    """Lists the layers in the order of the graph.

    Projections inside an attention layer follow it as rows of their own, without an output shape.

    Returns:
      Columns `layer` (readable name), `role` (empty for layers without weights), `class`, `output`
      (shape without the batch), `parameters` (own ones: an attention's without its projections'),
      `trained` (how many of them training moves), `adapter` (its class, or empty).
    """
    sites_of: dict[int, Site] = {
        id(layer): site
        for site in model.sites.values()
        for layer in (site.layer, site.adapter)
        if layer is not None
    }
    own = _own_variables(model)
    rows = []
    for layer in model.layers:
        found = sites_of.get(id(layer))
        rows.append(_row(layer, found, own, shape=tuple(layer.output.shape[1:])))
        if found is not None and found.role == Role.ATTENTION:
            inner = (s for s in model.sites.values() if s.role.startswith(f"{Role.ATTENTION}."))
            parts = [s for s in inner if s.name.startswith(f"{found.name}.")]
            rows += [_row(part.layer, part, own, shape=None) for part in parts]
    return pd.DataFrame(rows)


def touched_table(model: SequenceModel) -> pd.DataFrame:
    """Lists what a transfer method changes in a model that it adapted.

    Returns:
      One row a place with an adapter or with trained tensors: columns `layer`, `role`, `part`
      (`trunk` or a head), `change` (class of the adapter, or `trained`), `added` (parameters of
      the adapter) and `trained` (its own parameters that training moves).
    """
    rows = []
    own = _own_variables(model)
    added = model.adapter_tensors()
    for site in model.sites.values():
        new = _size(v for n, v in added.items() if n.startswith(f"{site.name}/"))
        trained = _size(v for v in own.get(site.name, []) if v.trainable)
        if not new and not trained:
            continue
        change = type(site.adapter).__name__ if site.adapter is not None else "trained"
        rows.append(
            {
                "layer": site.name,
                "role": str(site.role),
                "part": site.part,
                "change": change,
                "added": new,
                "trained": trained,
            }
        )
    columns = ["layer", "role", "part", "change", "added", "trained"]
    return pd.DataFrame(rows, columns=columns)


def _row(
    layer: keras.layers.Layer | None,
    site: Site | None,
    own: dict[str, list[keras.Variable]],
    *,
    shape: tuple[int, ...] | None,
) -> dict[str, Any]:
    name = site.name if site is not None else layer.name if layer is not None else ""
    base = site.layer if site is not None and site.layer is not None else layer
    variables = own.get(name, [])
    adapter = None if site is None else site.adapter
    return {
        "layer": name,
        "role": "" if site is None else str(site.role),
        "class": type(base).__name__,
        "output": shape,
        "parameters": _size(variables),
        "trained": _size(v for v in variables if v.trainable),
        "adapter": "" if adapter is None else type(adapter).__name__,
    }


def _own_variables(model: SequenceModel) -> dict[str, list[keras.Variable]]:
    """Sorts the plain weights by the site that they belong to."""
    variables: dict[str, list[keras.Variable]] = {}
    for name, variable in model.tensors().items():
        variables.setdefault(name.partition("/")[0], []).append(variable)
    return variables


def _size(variables: Iterable[keras.Variable]) -> int:
    return sum(math.prod(variable.shape) for variable in variables)
