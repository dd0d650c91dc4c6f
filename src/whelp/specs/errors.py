"""The one error that every faulty specification raises, and how it is worded."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic_core import PydanticCustomError

PathItem = str | int


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


@contextmanager
def placed(path: str = "", *, file: object = None) -> Iterator[None]:
    """Tell the place of faults that come to light only inside, after the file was read.

    Args:
        path: JSON path below which the fault is.
        file: The parameter file; anything but a path, such as a mapping, has no name.
    """
    try:
        yield
    except SpecError as error:
        name = str(file) if isinstance(file, str | Path) else ""
        raise error.below(path, file=error.file or name) from None


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


def json_path(parts: Sequence[PathItem]) -> str:
    """Write a location as a JSON path: ("model", "trunk", 2) is `model.trunk[2]`."""
    text = ""
    for part in parts:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def _short(value: object, limit: int = 80) -> str:
    try:
        text = json.dumps(value)
    except (TypeError, ValueError):
        text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 3]}..."
