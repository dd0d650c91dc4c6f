"""`scores.h5`, in Baskerville's layout."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

import h5py
import numpy as np
import numpy.typing as npt

from whelp.genome.variants import Variant
from whelp.scoring.percentiles import percentile_ranks, score_percentiles
from whelp.scoring.statistics import STATISTICS
from whelp.specs import Target

SPREAD = "_sd"
"""STATISTIC_sd is the standard deviation of a statistic over replicates."""

_BLOCK = 1 << 14
_BLOCK_BYTES = 1 << 26


class Sizes(NamedTuple):
    """How many variants there are, and the most bytes that their texts take."""

    variants: int = 0
    id: int = 1
    chrom: int = 1
    ref: int = 1
    alt: int = 1

    def with_(self, variant: Variant) -> Sizes:
        """Make room for a variant."""
        widths = map(max, self[1:], (len(text) for text in _texts(variant)))
        return Sizes(self.variants + 1, *widths)


def write_scores(
    file: h5py.File,
    variants: Iterable[Variant],
    rows: npt.NDArray[Any],
    *,
    sizes: Sizes,
    tracks: Sequence[Target],
) -> None:
    """Write scores as Baskerville's `hound_snp.py` does, a block at a time.

    Args:
        file: An empty file.
        variants: As many as there are rows.
        rows: Scores by variant: one field a statistic.
        sizes: How many variants there are, and how long.
        tracks: The scored tracks.

    Raises:
        OSError: The file cannot be written.
    """
    write_variants(file, variants, sizes=sizes)
    write_tracks(file, tracks)
    for name in rows.dtype.names or ():
        write_values(file, name, rows[name])
    file["percentiles"] = percentile_ranks()
    for name in rows.dtype.names or ():
        if not STATISTICS[name].is_coverage:
            file[f"{name}_pct"] = _percentiles(rows[name])


def write_tracks(file: h5py.File, tracks: Sequence[Target]) -> None:
    """Write identifiers and descriptions of tracks."""
    file["target_ids"] = _bytes([row.identifier for row in tracks])
    file["target_labels"] = _bytes([row.description or row.identifier for row in tracks])


def write_variants(file: h5py.File, variants: Iterable[Variant], *, sizes: Sizes) -> None:
    """Write what is known about variants, a block at a time; positions are in bp from 1.

    Args:
        file: The file.
        variants: The variants.
        sizes: How many they are, and how long.
    """
    names = ("snp", "chr", "ref_allele", "alt_allele")
    for name, width in zip(names, sizes[1:], strict=True):
        file.create_dataset(name, (sizes.variants,), f"S{width}")
    file.create_dataset("pos", (sizes.variants,), "uint32")
    first = 0
    for block in _blocks(variants):
        last = first + len(block)
        file["pos"][first:last] = [variant.start + 1 for variant in block]
        columns = zip(*(_texts(variant) for variant in block), strict=True)
        for name, column in zip(names, columns, strict=True):
            file[name][first:last] = np.array(column, "S")
        first = last


def write_values(file: h5py.File, name: str, values: npt.NDArray[Any]) -> None:
    """Write an array that may lie on the disk, a block at a time."""
    data = file.create_dataset(name, values.shape, values.dtype)
    for part in row_blocks(values):
        data[part] = values[part]


def row_blocks(values: npt.NDArray[Any]) -> Iterator[slice]:
    """Divide the rows of an array into blocks that fit into memory."""
    size = values.dtype.itemsize * int(np.prod(values.shape[1:]))
    step = max(1, _BLOCK_BYTES // max(size, 1))
    for first in range(0, len(values), step):
        yield slice(first, min(first + step, len(values)))


def _percentiles(scores: npt.NDArray[Any]) -> npt.NDArray[np.float16]:
    if len(scores):
        return score_percentiles(scores)
    return np.full((scores.shape[1], len(percentile_ranks())), np.nan, np.float16)


def _blocks(variants: Iterable[Variant]) -> Iterator[list[Variant]]:
    rest = iter(variants)
    while block := list(islice(rest, _BLOCK)):
        yield block


def _texts(variant: Variant) -> tuple[bytes, bytes, bytes, bytes]:
    name, chrom = variant.name.encode(), variant.chrom.encode()
    return name, chrom, variant.ref.encode(), variant.alt.encode()


def _bytes(texts: Sequence[str]) -> npt.NDArray[np.bytes_]:
    return np.array([text.encode() for text in texts], "S")
