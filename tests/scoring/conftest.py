"""Fixtures of the scoring tests."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def functions(golden: Path) -> Path:
    """Folder of what the reference's scoring functions answer to small arrays."""
    return golden / "snp" / "functions"
