"""What a saved model says of itself, read without its weights."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

from whelp.specs import SpecError


def read_saved(path: str | Path) -> tuple[dict[str, Any], str]:
    """Reads the description in a `.keras` file of whelp.

    Args:
      path: The file.

    Returns:
      The sections `model` and, of an adapted model, `transfer`, as a parameter file has them; and
      the name of the model's head.

    Raises:
      SpecError: The file is damaged, or holds a model of another kind.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            saved = json.loads(archive.read("config.json"))
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise SpecError(
            "a model saved as .keras", file=str(path), problem=f"cannot be read: {error}"
        ) from error
    config = saved.get("config", {})
    if "spec" not in config:
        raise SpecError(
            "a model of whelp", file=str(path), problem=f"holds a {saved.get('class_name')}"
        )
    sections = {"model": config["spec"]}
    if config.get("transfer"):
        sections["transfer"] = config["transfer"]
    return sections, config["head"]
