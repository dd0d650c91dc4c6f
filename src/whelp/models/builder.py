"""The graph under construction: names layers, records roles, puts adapters in place."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

import keras

from whelp.layers import activation_layer
from whelp.models.roles import TRUNK, Role, Site
from whelp.specs import SpecError

ADAPTER_PACKAGE = "whelp.adapters."


def make_adapter(
    wrapper: Mapping[str, Any], base: keras.layers.Layer | None, **kwargs: Any
) -> keras.layers.Layer:
    """Makes the adapter layer that a wrapper description stands for.

    Args:
      wrapper: `{"module": ..., "class_name": ..., "config": {...}}`, a class of `whelp.adapters`.
      base: The layer to wrap, or `None` for an adapter that is inserted by itself.
      **kwargs: Further arguments of the layer (name, dtype).

    Raises:
      ValueError: The class is not one of whelp's adapters.
    """
    module = wrapper["module"]
    if not module.startswith(ADAPTER_PACKAGE):
        raise ValueError(
            f"Adapters are layers of {ADAPTER_PACKAGE}*, received {module!r}. The file that "
            "describes this model was not written by whelp, or was changed."
        )
    cls = getattr(importlib.import_module(module), wrapper["class_name"])
    return cls(base, **wrapper["config"], **kwargs)


class GraphBuilder:
    """Builds a Keras graph layer by layer.

    Every layer is made through this object, which gives it a readable name below the current scope
    (`res_tower.3` + `conv`), the model's dtype policy, and, where the plan has one, its adapter.

    Args:
      wrappers: Adapter descriptions by site name, see `make_adapter`.
      dtype: Name of the dtype policy of all layers.
      blank_trunk: Start kernels of the trunk from zeros, because their values will be loaded;
        random numbers for a full Borzoi take seconds.

    Attributes:
      sites: Every layer with weights and every insertion point, in the order of construction.
      reprs: Outputs saved for U-Net connections, as [tensor], oldest first.
      stride: Input positions (bp) a position of the current tensor stands for.
    """

    def __init__(
        self,
        wrappers: Mapping[str, Mapping[str, Any]] | None,
        dtype: str,
        *,
        blank_trunk: bool = False,
    ) -> None:
        self.wrappers = dict(wrappers or {})
        self.dtype = dtype
        self.sites: dict[str, Site] = {}
        self.reprs: list[keras.KerasTensor] = []
        self.stride = Fraction(1)
        self.upper_triangle = False
        self._blank_trunk = blank_trunk
        self._part = TRUNK
        self._scope: list[str] = []
        self._names: set[str] = set()

    @contextmanager
    def scope(self, *names: str | int) -> Iterator[None]:
        """Puts `names` in front of the names of all layers made inside."""
        self._scope.extend(str(name) for name in names)
        yield
        del self._scope[-len(names) :]

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Marks layers made inside as belonging to a head; the trunk's state is kept for others."""
        kept = self._part, self.stride, self.upper_triangle
        self._part = name
        with self.scope(name):
            yield
        self._part, self.stride, self.upper_triangle = kept

    def name(self, name: str) -> str:
        """Returns a name below the current scope that is not taken yet."""
        full = ".".join([*self._scope, name])
        unique, number = full, 1
        while unique in self._names:
            unique, number = f"{full}_{number}", number + 1
        self._names.add(unique)
        return unique

    def layer(self, cls: type, name: str, role: Role | None = None, **config: Any) -> Any:
        """Makes a layer, wrapped by its adapter if the plan has one for it.

        Args:
          cls: Class of the layer.
          name: Its name within the current scope.
          role: Its role; `None` for layers without weights.
          **config: Arguments of the layer.
        """
        full = self.name(name)
        if self._blank_trunk and self._part == TRUNK:
            config |= {key: "zeros" for key in config if key.endswith("initializer")}
        layer = cls(name=full, **{"dtype": self.dtype, **config})
        if role is None:
            return layer
        wrapper = self.wrappers.get(full)
        adapter = None if wrapper is None else make_adapter(wrapper, layer, dtype=self.dtype)
        self.sites[full] = Site(full, role, self._part, layer, adapter)
        return adapter if adapter is not None else layer

    def insert(self, x: keras.KerasTensor, name: str, role: Role) -> keras.KerasTensor:
        """Marks a point where the plan may insert an adapter; without one, returns `x` itself."""
        full = self.name(name)
        wrapper = self.wrappers.get(full)
        adapter = None
        if wrapper is not None:
            adapter = make_adapter(wrapper, None, name=full, dtype=self.dtype)
            x = adapter(x)
        self.sites[full] = Site(full, role, self._part, None, adapter)
        return x

    def activate(self, x: keras.KerasTensor, activation: str | None) -> keras.KerasTensor:
        """Applies an activation by its JSON name; `linear` and `None` add no layer."""
        if activation in (None, "linear"):
            return x
        layer = activation_layer(activation, name=self.name("activation"), dtype=self.dtype)
        return x if layer is None else layer(x)

    def dropout(
        self, x: keras.KerasTensor, rate: float, name: str = "dropout"
    ) -> keras.KerasTensor:
        """Applies dropout when `rate` is above 0."""
        return self.layer(keras.layers.Dropout, name, rate=rate)(x) if rate > 0 else x

    def add(
        self, first: keras.KerasTensor, second: keras.KerasTensor, name: str = "residual"
    ) -> keras.KerasTensor:
        """Adds two tensors of one shape."""
        return self.layer(keras.layers.Add, name)([first, second])

    def save(self, x: keras.KerasTensor) -> None:
        """Saves a representation for a later U-Net connection."""
        self.reprs.append(x)

    def matching_repr(self, x: keras.KerasTensor) -> keras.KerasTensor:
        """Finds the latest saved representation of twice the length of `x`.

        Raises:
          SpecError: There is none; the message lists the lengths that there are.
        """
        for saved in reversed(self.reprs[:-1]):
            if saved.shape[1] == 2 * x.shape[1]:
                return saved
        lengths = sorted({r.shape[1] for r in self.reprs[:-1]}, reverse=True)
        raise SpecError(
            "a tower before it that halves the length once more than the U-Net blocks restore it",
            problem=f"it finds no representation of length {2 * x.shape[1]}, twice its input's "
            f"{x.shape[1]}, among those of {', '.join(map(str, lengths)) or 'no'} positions",
        )
