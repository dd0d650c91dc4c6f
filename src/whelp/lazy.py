"""Public names of a package, imported when they are first used (PEP 562)."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def lazy_names(
    package: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Gives the functions `__getattr__` and `__dir__` of a package.

    Args:
      package: Its `__name__`.
      homes: Public name -> the module of the package that defines it.

    Returns:
      A function that imports a public name, and one that lists them.
    """

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(
                f"module {package!r} has no attribute {name!r}; it has {', '.join(homes)}"
            )
        value = getattr(importlib.import_module(f"{package}.{homes[name]}"), name)
        # From now on the name is found without this function.
        vars(importlib.import_module(package))[name] = value
        return value

    return get, lambda: sorted(homes)
