"""The one error that every faulty specification raises, and how it is worded."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticCustomError

PathItem = str | int

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


class SpecError(ValueError):
    """A parameter file, or a table, says something that cannot be meant.

    Attributes:
        file: File that was read, or what was given in its place; "" when neither is known.
        path: JSON path of the fault, such as `model.trunk[2].kernel_size`; "" for the whole file.
        value: What stands there; None when a key is missing.
        expected: What would have been right, in words.
        suggestion: The nearest valid key or name, or None when nothing is near.
    """

    def __init__(
        self,
        expected: str,
        *,
        file: str = "",
        path: str = "",
        value: Any = None,
        suggestion: str | None = None,
        problem: str | None = None,
    ) -> None:
        self.file = file
        self.path = path
        self.value = value
        self.expected = expected
        self.suggestion = suggestion
        self.problem = problem or f"got {_short(value)}"
        super().__init__(self._message())

    def _message(self) -> str:
        place = ": ".join(part for part in (self.file, self.path) if part)
        text = f"{self.problem}; expected {self.expected}"
        if self.suggestion is not None:
            text += f"; did you mean {self.suggestion!r}?"
        return f"{place}: {text}" if place else text

    def below(self, path: str, *, file: str = "") -> SpecError:
        """Return the same error with its place told from `path`, and the file named."""
        joint = "." if path and self.path and not self.path.startswith("[") else ""
        return SpecError(
            self.expected,
            file=file or self.file,
            path=f"{path}{joint}{self.path}",
            value=self.value,
            suggestion=self.suggestion,
            problem=self.problem,
        )


def nearest(name: object, known: Iterable[str]) -> str | None:
    """Return the entry of `known` that looks most like `name`, or None if none is near."""
    if not isinstance(name, str):
        return None
    by_lower = {entry.lower(): entry for entry in known}
    found = difflib.get_close_matches(name.lower(), list(by_lower), n=1, cutoff=0.6)
    return by_lower[found[0]] if found else None


def expected(what: str, *, key: str | None = None) -> PydanticCustomError:
    """Make the error that a validator raises: `what` was expected.

    Args:
        what: What would have been right, in words.
        key: Key at fault, in a validator of a whole object.
    """
    return PydanticCustomError("expected", "{expected}", {"expected": what, "key": key})


def unknown_name(kind: str, name: object, known: Iterable[str]) -> PydanticCustomError:
    """Make the error for a name that is not among those known, such as an unknown block."""
    names = sorted(known)
    context = {"expected": f"{kind}: {', '.join(names)}", "key": None}
    return PydanticCustomError("expected", "{expected}", {**context, "near": nearest(name, names)})


def json_path(parts: Sequence[PathItem]) -> str:
    """Write a location as a JSON path: ("model", "trunk", 2) is `model.trunk[2]`."""
    text = ""
    for part in parts:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def spec_error(
    error: ValidationError, raw: object, model: type[BaseModel], *, prefix: Sequence[PathItem] = ()
) -> SpecError:
    """Turn the first fault that pydantic found into a `SpecError`.

    Args:
        error: What pydantic raised.
        raw: The plain data that was validated.
        model: The class it was validated against; its keys are proposed for misspelt ones.
        prefix: Where `raw` stands in its file.
    """
    # An unknown key explains a missing one (a misspelt "units"), so it is told first.
    faults = error.errors()
    fault = next((f for f in faults if f["type"] == "extra_forbidden"), faults[0])
    context = fault.get("ctx", {})
    parts, value = _follow(fault["loc"], raw)
    inner = context.get("error")
    if isinstance(inner, SpecError):
        return inner.below(json_path([*prefix, *parts]))
    if context.get("key"):
        parts.append(context["key"])
        value = value.get(context["key"]) if isinstance(value, Mapping) else value
    path = json_path([*prefix, *parts])
    if fault["type"] == "extra_forbidden":
        known = json_keys(model)
        return SpecError(
            f"one of the keys {', '.join(known)}",
            path=path,
            value=value,
            suggestion=nearest(parts[-1], known),
            problem=f"unknown key {parts[-1]!r}",
        )
    if fault["type"] == "missing":
        return SpecError("this key", path=path, problem="the key is missing")
    return SpecError(
        _wanted(dict(fault)), path=path, value=value, suggestion=_near(dict(fault), value)
    )


def json_keys(model: type[BaseModel]) -> list[str]:
    """Return the keys that a section of a file may have."""
    names = getattr(model, "json_keys", None)
    return list(names()) if names else sorted(model.model_fields)


def _follow(loc: Sequence[PathItem], raw: object) -> tuple[list[PathItem], Any]:
    """Follow pydantic's location through the data, leaving out what are only names of types."""
    parts: list[PathItem] = []
    value: Any = raw
    for position, part in enumerate(loc):
        is_last = position == len(loc) - 1
        if isinstance(value, Mapping) and (part in value or is_last):
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
        return f"a number {words} {context[name]}"
    if kind == "literal_error":
        return f"one of {context['expected']}"
    if kind == "too_short":
        return f"at least {context['min_length']} of them"
    return str(context.get("expected") or _MESSAGES.get(kind) or fault["msg"])


def _near(fault: Mapping[str, Any], value: object) -> str | None:
    context = fault.get("ctx", {})
    if "near" in context:
        near = context["near"]
        return near if isinstance(near, str) else None
    if fault["type"] == "literal_error":
        names = str(context["expected"]).replace(" or ", ", ").split(", ")
        return nearest(value, [name.strip("'") for name in names])
    return None


def _short(value: object, limit: int = 80) -> str:
    try:
        text = json.dumps(value)
    except (TypeError, ValueError):
        text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 3]}..."
