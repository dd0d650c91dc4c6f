"""Arrays for motif discovery: sequences and contributions as tfmodisco-lite reads them.

`modisco motifs -s sequences.npz -a contributions.npz` takes one-hot sequences and hypothetical
contributions (of all four bases at each place, not only of the one that stands there), each as the
array `arr_0` of a .npz file, of shape `(sequences, 4, length)`.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from whelp.files import atomic_path

SEQUENCES = "sequences.npz"
CONTRIBUTIONS = "contributions.npz"


def write_motif_array(
    path: Path,
    blocks: Iterable[npt.NDArray[Any]],
    *,
    sequences: int,
    length: int,
    dtype: npt.DTypeLike = np.float32,
) -> None:
    """Write an array that comes in blocks; only one of them is in memory.

    Args:
        path: The .npz file; it appears whole or not at all.
        blocks: Arrays of shape `(some sequences, length, 4)`.
        sequences: How many there are in all.
        length: Their length, bp.
        dtype: Type of the values; bool for sequences.

    Raises:
        ValueError: The blocks have other shapes, or together not so many sequences.
        OSError: The file cannot be written.
    """
    kind = np.dtype(dtype)
    header = {
        "descr": np.lib.format.dtype_to_descr(kind),
        "fortran_order": False,
        "shape": (sequences, 4, length),
    }
    # Without a date the same arrays give the same bytes.
    entry = zipfile.ZipInfo("arr_0.npy")
    entry.compress_type = zipfile.ZIP_DEFLATED
    written = 0
    with (
        atomic_path(path) as new,
        zipfile.ZipFile(new, "w") as archive,
        archive.open(entry, "w", force_zip64=True) as file,
    ):
        np.lib.format.write_array_header_1_0(file, header)
        for block in blocks:
            if block.shape[1:] != (length, 4):
                raise ValueError(
                    f"expected blocks of shape (sequences, {length}, 4); received {block.shape}"
                )
            file.write(np.ascontiguousarray(block.swapaxes(1, 2), kind).tobytes())
            written += len(block)
        if written != sequences:
            raise ValueError(f"expected {sequences} sequences; received {written}")
