"""The miniature project of tests/fitting, and commands run in this process or in their own."""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

_FITTING = Path(__file__).parent.parent / "fitting"


def _module(name: str, path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


_shared = _module("fitting_conftest", _FITTING / "conftest.py")
tiny = _shared.tiny
shared_project = _shared.shared_project
project = _shared.project


@pytest.fixture
def own_data(project: Any) -> Any:
    """The same, with a copy of the data that the test may break."""
    copied = project.folder / "own_data"
    shutil.copytree(project.data, copied)
    return type(project)(project.folder, copied, project.other, project.trunk, project.whole)


@pytest.fixture
def whelp() -> Callable[..., Result]:
    """Runs `whelp` in this process."""
    from whelp.cli.main import main

    def run(*arguments: Any) -> Result:
        return CliRunner().invoke(main, [str(argument) for argument in arguments])

    return run


@pytest.fixture
def start_whelp() -> Callable[..., "subprocess.Popen[str]"]:
    """Starts `whelp` in a process of its own, with both of its outputs in a pipe."""

    def start(*arguments: Any, **options: Any) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "whelp.cli.main", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            **options,
        )

    return start
