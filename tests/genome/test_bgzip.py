"""bgzip: read back by gzip and by pysam, whatever is written."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pysam
import pytest

from whelp.genome.bgzip import BgzipWriter


@pytest.mark.parametrize("size", [0, 1, 0xFF00, 0xFF00 + 1, 400_000])
@pytest.mark.parametrize("largest", [4, 256])
def test_what_is_read_back(tmp_path: Path, size: int, largest: int) -> None:
    """Also bytes that cannot be packed, which make the longest blocks."""
    data = np.random.default_rng(size).integers(0, largest, size, "uint8").tobytes()
    path = tmp_path / "file.gz"
    with path.open("wb") as raw, BgzipWriter(raw) as file:
        for first in range(0, size, 50_000):
            file.write(data[first : first + 50_000])
    assert gzip.decompress(path.read_bytes()) == data
    with pysam.BGZFile(str(path)) as file:
        assert file.read(size + 1) == data
        file.seek(0)
        assert file.read(10) == data[:10]


def test_a_full_disk_is_told(tmp_path: Path, largest_file: Callable[[int], Any]) -> None:
    data = np.random.default_rng(0).integers(0, 256, 1 << 20, "uint8").tobytes()
    with (
        largest_file(100_000),
        pytest.raises(OSError, match="File too large"),
        (tmp_path / "file.gz").open("wb") as raw,
        BgzipWriter(raw) as file,
    ):
        file.write(data)
