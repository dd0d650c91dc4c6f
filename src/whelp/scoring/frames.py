"""Tables that come a part at a time, written as packed text or as Parquet."""

from __future__ import annotations

import gzip
import importlib.util
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import pandas as pd

from whelp.files import atomic_path
from whelp.scoring.errors import ScoreError

PARQUET = ".parquet"
_NUMBER = "%.6g"
# Names of tracks are written anew in each group of rows, and a table may have thousands of tracks.
_GROUP_ROWS = 1 << 18


def check_parquet() -> None:
    """Refuse Parquet where it cannot be written, before hours of work are done.

    Raises:
        ScoreError: pyarrow is not installed.
    """
    if importlib.util.find_spec("pyarrow") is None:
        raise ScoreError(
            "Parquet is written by pyarrow, which is not installed here: pip install "
            "'whelp[parquet]', or let the table be written as text (--table)"
        )


def write_frames(frames: Iterable[pd.DataFrame], path: Path) -> None:
    """Write a table, a part at a time: its size is not limited by memory.

    Args:
        frames: Parts with the same columns, at least one.
        path: The table; it appears whole or not at all. `.parquet` makes Parquet, with floats of 32
            bits; anything else text with tabs, packed with gzip, with six digits.

    Raises:
        ScoreError: Parquet was asked for, and pyarrow is not installed.
        OSError: The table cannot be written.
    """
    if path.suffix == PARQUET:
        check_parquet()
    write = _write_parquet if path.suffix == PARQUET else _write_text
    with atomic_path(path) as new, new.open("wb") as file:
        write(frames, file)


def _write_text(frames: Iterable[pd.DataFrame], raw: IO[bytes]) -> None:
    with gzip.GzipFile("", "wb", 6, raw, mtime=0) as file:
        for at, part in enumerate(frames):
            text = part.to_csv(sep="\t", index=False, header=at == 0, float_format=_NUMBER)
            file.write(text.encode())


def _write_parquet(frames: Iterable[pd.DataFrame], file: IO[bytes]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer = None
    try:
        for group in _row_groups(map(_arrow_table, frames), pa):
            writer = writer or pq.ParquetWriter(file, group.schema, compression="zstd")
            writer.write_table(group, row_group_size=len(group) or None)
    finally:
        if writer is not None:
            writer.close()


def _row_groups(tables: Iterable[Any], pa: Any) -> Iterator[Any]:
    """Join tables to such that make a group of rows; there is at least one."""
    held: list[Any] = []
    rows = 0
    for table in tables:
        if held and rows + len(table) > _GROUP_ROWS:
            yield pa.concat_tables(held)
            held, rows = [], 0
        held.append(table)
        rows += len(table)
    yield pa.concat_tables(held)


def _arrow_table(frame: pd.DataFrame) -> Any:
    import pyarrow as pa

    kinds = {"f": pa.float32(), "i": pa.int64(), "u": pa.int64(), "b": pa.bool_()}
    return pa.table(
        {
            name: pa.array(values.to_numpy(), kinds.get(values.dtype.kind, pa.string()))
            for name, values in frame.items()
        }
    )
