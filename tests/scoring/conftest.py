"""Fixtures of the scoring tests."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))


@pytest.fixture(scope="session")
def functions(golden: Path) -> Path:
    """Folder of what the reference's scoring functions answer to small arrays."""
    return golden / "snp" / "functions"
