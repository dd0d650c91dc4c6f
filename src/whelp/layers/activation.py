"""Activations by the names that a model's JSON uses."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import keras

from whelp.layers.exp import Exp
from whelp.layers.gelu import Gelu
from whelp.layers.polyrelu import PolyReLU
from whelp.layers.softplus import Softplus

_MAKERS: MappingProxyType[str, Callable[..., keras.layers.Layer]] = MappingProxyType(
    {
        "relu": keras.layers.ReLU,
        "polyrelu": PolyReLU,
        "gelu": Gelu,
        "gelu_erf": lambda **kwargs: Gelu(approximate=False, **kwargs),
        "gelu_sigmoid": lambda **kwargs: Gelu(approximate="sigmoid", **kwargs),
        "sigmoid": lambda **kwargs: keras.layers.Activation("sigmoid", **kwargs),
        "tanh": lambda **kwargs: keras.layers.Activation("tanh", **kwargs),
        "exp": Exp,
        "softplus": Softplus,
    }
)


def activation_layer(
    activation: str | None, *, name: str | None = None, dtype: Any = None
) -> keras.layers.Layer | None:
    """Make the layer of an activation named in a model's JSON.

    Args:
        activation: ``relu``, ``polyrelu``, ``gelu`` (tanh approximation), ``gelu_erf`` (exact),
            ``gelu_sigmoid`` (Enformer's approximation), ``sigmoid``, ``tanh``, ``exp``,
            ``softplus`` (inputs clipped to 10,000), ``linear`` or None.
        name: Name of the layer.
        dtype: Dtype or dtype policy of the layer.

    Returns:
        A new layer, or None where the activation is the identity.

    Raises:
        ValueError: When the name is unknown.
    """
    if activation is None or activation == "linear":
        return None
    maker = _MAKERS.get(activation)
    if maker is None:
        known = [*_MAKERS, "linear"]
        near = difflib.get_close_matches(str(activation), known, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(
            f"Unknown activation {activation!r}: expected one of {', '.join(known)} or null.{hint}"
        )
    return maker(name=name, dtype=dtype)
