"""A project in miniature, made once a session."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

_HERE = Path(__file__).parent


def load_tiny_project() -> Any:
    """The helper module, which lies outside of any package."""
    name = "tiny_project"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, _HERE / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


@pytest.fixture(scope="session")
def tiny() -> Any:
    """The module `tiny_project`: its constants and `make_data`."""
    return load_tiny_project()


@pytest.fixture(scope="session")
def shared_project(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A project that tests must not change."""
    return tiny.make_project(tmp_path_factory.mktemp("project"))


@pytest.fixture
def project(tiny: Any, shared_project: Any, tmp_path: Path) -> Any:
    """A project whose folder is the test's own; data and weights are shared."""
    return tiny.Project(
        tmp_path,
        shared_project.data,
        shared_project.other,
        shared_project.trunk,
        shared_project.whole,
    )
