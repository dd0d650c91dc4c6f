"""A whole parameter file: its sections, and how it is read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from whelp.specs.base import Spec, plain
from whelp.specs.errors import SpecError, nearest
from whelp.specs.model import ModelSpec, Transform
from whelp.specs.train import TrainSpec
from whelp.specs.transfer import TransferSpec

SECTIONS = ("train", "transfer", "model")


class Params(Spec):
    """The sections of a parameter file; `train` and `transfer` may be absent."""

    model: ModelSpec
    train: TrainSpec | None = None
    transfer: TransferSpec | None = None

    def with_transform(self, transform: Transform) -> Params:
        """Return the parameters with the transform of the targets that the heads learn."""
        return self.model_copy(update={"model": self.model.replaced(target_transform=transform)})

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters as a file holds them: the keys that were given, and no defaults."""
        sections = {name: getattr(self, name) for name in SECTIONS}
        return {name: section.given() for name, section in sections.items() if section is not None}

    def to_json(self) -> str:
        """Return the text of a parameter file."""
        return json.dumps(self.to_dict(), indent=2) + "\n"


def load_params(source: str | Path | Mapping[str, Any] | Params) -> Params:
    """Read a parameter file, as Baskerville projects hold it.

    Args:
        source: Path of a JSON file, or its content as a mapping. Files of windows that it names are
            looked for in its folder, and have absolute names then.

    Raises:
        SpecError: No JSON, an unknown or missing key, a wrong type or an impossible combination;
            it names the file and the place in it.
        OSError: The file cannot be read.
    """
    if isinstance(source, Params):
        return source
    if isinstance(source, Mapping):
        return _parse(plain(source))
    file = str(source)
    try:
        parsed = _parse(_read_json(Path(source)))
        model = parsed.model.located(Path(source).parent)
        return parsed.model_copy(update={"model": model})
    except SpecError as error:
        raise error.below("", file=file) from None


def _parse(raw: object) -> Params:
    if not isinstance(raw, dict):
        raise SpecError("an object with the sections model, train and transfer", value=raw)
    for key in raw:
        if key not in SECTIONS:
            raise SpecError(
                f"one of the sections {', '.join(SECTIONS)}",
                path=key,
                value=raw[key],
                suggestion=nearest(key, SECTIONS),
                problem=f"unknown section {key!r}",
            )
    if "model" not in raw:
        raise SpecError("this section", path="model", problem="the section is missing")
    for key, section in raw.items():
        if not isinstance(section, dict):
            raise SpecError("an object", path=key, value=section)
    parsed: dict[str, Any] = {"model": ModelSpec.parse(raw["model"], path=["model"])}
    if "train" in raw:
        parsed["train"] = TrainSpec.parse(raw["train"], path=["train"])
    if "transfer" in raw:
        parsed["transfer"] = TransferSpec.parse(raw["transfer"], path=["transfer"])
    return Params.model_construct(**parsed)


def _read_json(path: Path) -> object:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SpecError("a JSON file in UTF-8", problem=f"byte {error.start} is no text") from None
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        raise SpecError(
            "JSON", problem=f"line {error.lineno}, column {error.colno}: {error.msg}"
        ) from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for key, value in pairs:
        if key in data:
            raise SpecError("each key once", value=value, problem=f"the key {key!r} stands twice")
        data[key] = value
    return data
