"""Fixtures shared by all tests. The backend is whatever KERAS_BACKEND says."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def golden() -> Path:
    """Folder of what the reference answers; each set in it has a README."""
    return HERE / "golden"


@pytest.fixture(scope="session")
def json_configs() -> Path:
    """Folder of the parameter files that are shipped with the repository."""
    return HERE.parent / "json_configs"
