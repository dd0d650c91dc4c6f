"""Pytest plugin that makes TensorFlow unimportable, as on a machine that has only JAX.

Use with `pytest -p no_tensorflow` and this folder on PYTHONPATH.
"""

import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec


class _Absent(MetaPathFinder):
    """Answers for TensorFlow as if it were not installed."""

    def find_spec(self, fullname: str, path: object, target: object = None) -> ModuleSpec | None:
        if fullname.partition(".")[0] == "tensorflow":
            raise ModuleNotFoundError(f"No module named {fullname!r} (kept out of this run)")
        return None


sys.meta_path.insert(0, _Absent())
