"""Data directories to read and to break."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from whelp.data import Window, write_windows

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def mm10() -> Path:
    """Real mouse windows: 28 for training, 13, 13; 32 tracks."""
    return REPOSITORY / "src/whelp/demo/data/mm10"


@pytest.fixture(scope="session")
def hg38() -> Path:
    """Real human windows, 10 for testing; 74 tracks."""
    return Path(__file__).parent / "hg38"


@pytest.fixture
def broken_mm10(mm10, tmp_path) -> Path:
    """Copy of the mouse windows that a test may damage."""
    return Path(shutil.copytree(mm10, tmp_path / "mm10"))


@pytest.fixture
def toy_windows() -> Callable[..., list[Window]]:
    """Function that makes windows of 64 bp in 16-bp bins; the first value numbers the window."""

    def make(count, *, seed=0, length=64, tracks=3) -> list[Window]:
        rng = np.random.default_rng(seed)
        windows = []
        for number in range(count):
            sequence = rng.integers(0, 5, length, dtype=np.uint8)
            target = rng.integers(0, 50, (length // 16, tracks)).astype(np.float16)
            target[0, 0] = number
            windows.append(Window(sequence, target))
        return windows

    return make


@pytest.fixture
def make_directory(tmp_path) -> Callable[..., Path]:
    """Function that writes a data directory of toy windows, `per_file` in a file."""

    def make(windows, *, per_file=4, split="train", name="toy", **statistics) -> Path:
        folder = tmp_path / name
        (folder / "tfrecords").mkdir(parents=True)
        tracks = windows[0].target.shape[1]
        for number, start in enumerate(range(0, len(windows), per_file)):
            part = windows[start : start + per_file]
            write_windows(folder / f"tfrecords/{split}-{number}.tfr", part)
        values = {
            "num_targets": tracks,
            "seq_length": len(windows[0].sequence),
            "seq_1hot": True,
            "pool_width": 16,
            "crop_bp": 0,
            "target_length": len(windows[0].target),
            f"{split}_seqs": len(windows),
        }
        (folder / "statistics.json").write_text(json.dumps(values | statistics))
        pair = [1, 0, *range(2, tracks)]
        table = {"identifier": [f"t{track}" for track in range(tracks)], "strand_pair": pair}
        pd.DataFrame(table).to_csv(folder / "targets.txt", sep="\t")
        lines = [f"chr1\t{64 * i}\t{64 * i + 64}\t{split}\n" for i in range(len(windows))]
        (folder / "sequences.bed").write_text("".join(lines))
        return folder

    return make
