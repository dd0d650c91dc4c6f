"""Data sets with folds."""

import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def _shared(name: str) -> Any:
    path = Path(__file__).parents[1] / "fitting" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"fitting_{name}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


_fitting = _shared("conftest")
tiny = _fitting.tiny
shared_project = _fitting.shared_project
project = _fitting.project


@pytest.fixture(scope="session")
def reference_layout(golden: Path) -> dict[str, Any]:
    """What the reference's setup_folds.py was given, and what it made of it."""
    return json.loads((golden / "data" / "setup_folds" / "layout.json").read_text())


@pytest.fixture
def given(reference_layout: dict[str, Any], tmp_path: Path) -> Path:
    """The folder of params.json and of data/ that the reference was given."""
    for name, text in reference_layout["given"].items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture
def layout() -> Callable[[Path, Path], dict[str, Any]]:
    """Reads a folder of replicates as the golden file has it."""

    def read(folder: Path, root: Path) -> dict[str, Any]:
        return {
            str(path.relative_to(folder)): {"link": str(path.readlink().relative_to(root))}
            if path.is_symlink()
            else {"text": path.read_text()}
            for path in sorted(folder.rglob("*"))
            if path.is_symlink() or path.is_file()
        }

    return read


@pytest.fixture(scope="session")
def shared_folds(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set with 4 folds whose records can be read; tests must not change it."""
    return tiny.make_folds(tmp_path_factory.mktemp("folds") / "data")
