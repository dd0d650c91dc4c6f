"""What all specifications share: strictness, and the kinds of value that JSON files hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from whelp.specs.errors import PathItem, SpecError, expected, nearest
from whelp.specs.faults import spec_error


def _integral(value: object) -> object:
    # 1e4 is a float to a JSON reader, and people write learning-rate steps like that.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


Whole = Annotated[int, BeforeValidator(_integral)]
Positive = Annotated[int, Field(ge=1), BeforeValidator(_integral)]
Natural = Annotated[int, Field(ge=0), BeforeValidator(_integral)]
Number = Annotated[float, Field(allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Above0 = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Rate = Annotated[float, Field(ge=0, lt=1)]
LowerCase = BeforeValidator(_lower)

Activation = Literal[
    "relu", "polyrelu", "gelu", "gelu_erf", "gelu_sigmoid", "sigmoid", "tanh", "exp", "softplus",
    "linear",
]  # fmt: skip
"""Activations of blocks. "gelu" is the tanh approximation, "gelu_erf" the exact one, and
"gelu_sigmoid" the approximation x sigmoid(1.702 x) of Enformer."""

KerasActivation = Literal[
    "relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "swish", "mish",
    "sigmoid", "hard_sigmoid", "log_sigmoid", "tanh", "hard_tanh", "softplus", "softsign",
    "softmax", "log_softmax", "exponential", "linear",
]  # fmt: skip
"""Activations by Keras' own names, for `final` and the Keras-named blocks. Here "gelu" is exact."""

Initializer = Literal[
    "he_normal", "he_uniform", "lecun_normal", "lecun_uniform", "glorot_normal", "glorot_uniform",
    "random_normal", "random_uniform", "truncated_normal", "variance_scaling", "orthogonal",
    "zeros", "ones",
]  # fmt: skip
NormType = Literal["batch", "batch-sync", "layer"]
ConvType = Literal["standard", "separable"]
PoolType = Literal["max", "softmax", "attention"]
"""Ways to pool. "softmax" weighs positions, "attention" each channel of each (Enformer)."""
Padding = Literal["same", "valid"]


def _conv_select(value: object) -> object:
    value = _integral(value)
    is_count = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    if not is_count and value != "all":
        raise expected('a whole number of convolutions, at least 0, or "all"')
    return value


ConvSelect = Annotated[int | Literal["all"], BeforeValidator(_conv_select)]
"""How many of the last convolutions; "all" for all, 0 for none."""


class Spec(BaseModel):
    """A part of a parameter file: no unknown keys, no guessed types, not changed once read."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", frozen=True, strict=True, protected_namespaces=()
    )

    @classmethod
    def parse(cls, value: Mapping[str, Any] | Self, *, path: Sequence[PathItem] = ()) -> Self:
        """Make the specification from plain data, as it stands in a JSON file.

        Args:
            value: A mapping; an instance is returned as it is.
            path: Where the mapping stands in its file, for error messages.

        Raises:
            SpecError: Unknown or missing key, wrong type or range, impossible combination.
        """
        if isinstance(value, cls):
            return value
        raw = plain(value)
        try:
            return cls.model_validate(raw)
        except ValidationError as error:
            raise spec_error(error, raw, cls, prefix=path) from None

    @classmethod
    def json_keys(cls) -> list[str]:
        """Return the keys that the section may have in a file."""
        return sorted(cls.model_fields)

    @classmethod
    def suggest_key(cls, key: str) -> str | None:
        """Return the key that is probably meant by a misspelt one."""
        return nearest(key, cls.json_keys())

    def given(self) -> dict[str, Any]:
        """Return the keys that were given, with their values as JSON holds them."""
        return self.model_dump(exclude_unset=True)


def plain(value: Any) -> Any:
    """Return `value` as JSON would hold it: arrays and tuples as lists, scalars as numbers."""
    if isinstance(value, BaseModel):
        return value.model_dump(exclude_unset=True)
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if hasattr(value, "tolist"):
        return value.tolist()
    return value


__all__ = ["Spec", "SpecError", "plain"]
