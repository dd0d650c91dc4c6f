"""From what pydantic finds wrong to the error that users read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from whelp.specs.errors import PathItem, SpecError, json_path, nearest

if TYPE_CHECKING:
    from whelp.specs.base import Spec

_MESSAGES = {
    "bool_type": "true or false",
    "dict_type": "an object",
    "float_type": "a number",
    "int_type": "a whole number",
    "list_type": "a list",
    "model_type": "an object",
    "string_type": "a string",
    "finite_number": "a finite number",
}
_LIMITS = {
    "greater_than": ("gt", "greater than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}


def spec_error(
    error: ValidationError,
    raw: object,
    model: type[Spec],
    *,
    prefix: Sequence[PathItem] = (),
) -> SpecError:
    """Turn the first fault that pydantic found into a `SpecError`.

    Args:
        error: What pydantic raised.
        raw: The plain data that was validated.
        model: The class it was validated against; its keys are proposed for misspelt ones.
        prefix: Where `raw` stands in its file.
    """
    # An unknown key explains a missing one (a misspelt "units"), so it is told first.
    faults: list[dict[str, Any]] = [dict(fault) for fault in error.errors()]
    fault = next((f for f in faults if f["type"] == "extra_forbidden"), faults[0])
    context = fault.get("ctx", {})
    parts, value = _follow(fault["loc"], raw)
    inner = context.get("error")
    if isinstance(inner, SpecError):
        return inner.below(json_path([*prefix, *parts]))
    is_missing = fault["type"] == "missing"
    if context.get("key"):
        parts.append(context["key"])
        is_missing = isinstance(value, Mapping) and context["key"] not in value
        value = value.get(context["key"]) if isinstance(value, Mapping) else value
    path = json_path([*prefix, *parts])
    if fault["type"] == "extra_forbidden":
        return _unknown_key(model, str(parts[-1]), path=path, value=value)
    return SpecError(
        _missing(model, str(parts[-1])) if fault["type"] == "missing" else _wanted(fault),
        path=path,
        value=None if is_missing else value,
        suggestion=_near(fault, value),
        problem="the key is missing" if is_missing else None,
    )


def _unknown_key(model: type[Spec], key: str, *, path: str, value: object) -> SpecError:
    return SpecError(
        f"one of the keys {', '.join(model.json_keys())}",
        path=path,
        value=value,
        suggestion=model.suggest_key(key),
        problem=f"unknown key {key!r}",
    )


def _missing(model: type[Spec], key: str) -> str:
    field = model.model_fields.get(key)
    return (field.description if field else None) or "a value for it"


def _follow(loc: Sequence[PathItem], raw: object) -> tuple[list[PathItem], Any]:
    """Follow pydantic's location through the data, leaving out what are only names of types."""
    parts: list[PathItem] = []
    value: Any = raw
    for position, part in enumerate(loc):
        is_last = position == len(loc) - 1
        if isinstance(value, Mapping) and (part in value or (is_last and isinstance(part, str))):
            parts.append(part)
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            parts.append(part)
            value = value[part]
    return parts, value


def _wanted(fault: Mapping[str, Any]) -> str:
    kind, context = fault["type"], fault.get("ctx", {})
    if kind in _LIMITS:
        name, words = _LIMITS[kind]
        return f"a number {words} {context[name]:g}"
    if kind == "literal_error":
        return f"one of {context['expected']}"
    if kind == "too_short":
        return f"a list of at least {context['min_length']}"
    return str(context.get("expected") or _MESSAGES.get(kind) or fault["msg"])


def _near(fault: Mapping[str, Any], value: object) -> str | None:
    if fault["type"] == "literal_error":
        names = str(fault["ctx"]["expected"]).replace(" or ", ", ").split(", ")
        return nearest(value, [name.strip("'") for name in names])
    return None
