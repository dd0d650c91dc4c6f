"""Tables written a part at a time: what is read back, groups of rows, full disks."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from whelp.scoring.errors import ScoreError
from whelp.scoring.frames import write_frames

ROWS = 100_000


def frames(parts: int, rows: int = ROWS) -> Iterator[pd.DataFrame]:
    """Parts of a table of scores, each with its number as the position."""
    rng = np.random.default_rng(0)
    for part in range(parts):
        yield pd.DataFrame(
            {
                "chrom": np.repeat(np.array(["chr1"], object), rows),
                "pos": np.full(rows, part, "uint32"),
                "track": np.resize(np.array(["up+", "open"], object), rows),
                "half": rng.normal(size=rows).astype("float16"),
                "logSUM": rng.normal(size=rows).astype("float32"),
            }
        )


def test_both_formats_hold_the_parts_in_order(tmp_path: Path) -> None:
    whole = pd.concat(frames(3, 1000), ignore_index=True)
    for name in ("table.tsv.gz", "table.parquet"):
        write_frames(frames(3, 1000), tmp_path / name)
    text = pd.read_csv(tmp_path / "table.tsv.gz", sep="\t")
    parquet = pd.read_parquet(tmp_path / "table.parquet")
    for name in whole:
        if whole[name].dtype.kind == "f":
            np.testing.assert_array_equal(parquet[name], whole[name].astype("float32"))
            np.testing.assert_allclose(text[name], whole[name].astype(float), rtol=1e-5)
        else:
            assert parquet[name].tolist() == text[name].tolist() == whole[name].tolist()
    kinds = {field.name: str(field.type) for field in pq.read_schema(tmp_path / "table.parquet")}
    assert (kinds["track"], kinds["half"], kinds["logSUM"]) == ("string", "float", "float")


def test_the_same_table_has_the_same_bytes_in_groups_of_rows(tmp_path: Path) -> None:
    for name in ("a.parquet", "b.parquet"):
        write_frames(frames(5), tmp_path / name)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    groups = pq.ParquetFile(tmp_path / "a.parquet").metadata
    sizes = [groups.row_group(number).num_rows for number in range(groups.num_row_groups)]
    assert sizes == [2 * ROWS, 2 * ROWS, ROWS]


@pytest.mark.parametrize("name", ["empty.tsv.gz", "empty.parquet"])
def test_a_table_without_rows_has_its_columns(tmp_path: Path, name: str) -> None:
    write_frames([next(frames(1)).iloc[:0]], tmp_path / name)
    path = tmp_path / name
    table = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, sep="\t")
    assert not len(table) and list(table) == ["chrom", "pos", "track", "half", "logSUM"]


@pytest.mark.parametrize("name", ["table.tsv.gz", "table.parquet"])
def test_a_full_disk_leaves_the_old_table(
    tmp_path: Path, name: str, largest_file: Callable[[int], Any]
) -> None:
    """The limit of a file's size stands for the disk's."""
    path = tmp_path / name
    path.write_text("old")
    with largest_file(100_000), pytest.raises(OSError, match="File too large"):
        write_frames(frames(4), path)
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_parquet_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ScoreError, match=r"pyarrow, which is not installed.*whelp\[parquet\]"):
        write_frames(frames(1), tmp_path / "table.parquet")
    assert not list(tmp_path.iterdir())
