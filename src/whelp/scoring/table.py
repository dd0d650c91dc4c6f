"""`scores.h5`, in Baskerville's layout."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import numpy.typing as npt

from whelp.files import atomic_path
from whelp.genome.variants import Variant
from whelp.scoring.percentiles import percentile_ranks, score_percentiles
from whelp.scoring.statistics import STATISTICS
from whelp.specs import Target

_BLOCK = 1 << 14
_BLOCK_BYTES = 1 << 26


class Widths(NamedTuple):
    """The most bytes that texts of variants take."""

    id: int = 1
    chrom: int = 1
    ref: int = 1
    alt: int = 1

    def with_(self, variant: Variant) -> Widths:
        """Make room for a variant."""
        return Widths(*map(max, self, (len(text) for text in _texts(variant))))


def write_scores(
    path: Path,
    variants: Iterable[Variant],
    rows: npt.NDArray[Any],
    *,
    widths: Widths,
    tracks: Sequence[Target],
    note: str,
) -> None:
    """Write scores as Baskerville's `hound_snp.py` does, a block at a time.

    Args:
        path: The file; it appears whole or not at all.
        variants: As many as there are rows.
        rows: Scores by variant: one field a statistic.
        widths: Room for the variants' texts.
        tracks: The scored tracks.
        note: What the scores depend on; kept as the attribute `run`.

    Raises:
        OSError: The file cannot be written.
    """
    with atomic_path(path) as new, h5py.File(new, "w") as file:
        file.attrs["run"] = note
        _write_variants(file, variants, len(rows), widths)
        names = [row.identifier for row in tracks]
        file["target_ids"] = _bytes(names)
        file["target_labels"] = _bytes([row.description or row.identifier for row in tracks])
        for name in rows.dtype.names or ():
            _write_statistic(file, name, rows[name])
        file["percentiles"] = percentile_ranks()
        for name in rows.dtype.names or ():
            if not STATISTICS[name].is_coverage:
                file[f"{name}_pct"] = _percentiles(rows[name])


def _write_variants(
    file: h5py.File, variants: Iterable[Variant], number: int, widths: Widths
) -> None:
    names = ("snp", "chr", "ref_allele", "alt_allele")
    for name, width in zip(names, widths, strict=True):
        file.create_dataset(name, (number,), f"S{width}")
    file.create_dataset("pos", (number,), "uint32")
    first = 0
    for block in _blocks(variants):
        last = first + len(block)
        file["pos"][first:last] = [variant.start + 1 for variant in block]
        columns = zip(*(_texts(variant) for variant in block), strict=True)
        for name, column in zip(names, columns, strict=True):
            file[name][first:last] = np.array(column, "S")
        first = last


def _write_statistic(file: h5py.File, name: str, values: npt.NDArray[Any]) -> None:
    data = file.create_dataset(name, values.shape, values.dtype)
    size = values.dtype.itemsize * int(np.prod(values.shape[1:]))
    step = max(1, _BLOCK_BYTES // max(size, 1))
    for first in range(0, len(values), step):
        data[first : first + step] = values[first : first + step]


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
