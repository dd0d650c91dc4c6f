"""`scores.h5` of mutations, in the layouts of Baskerville's ISM commands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import numpy.typing as npt

from whelp.files import atomic_path
from whelp.interpreting.measures import Column
from whelp.interpreting.regions import Region

_BLOCK = 1 << 12
_BLOCK_BYTES = 1 << 26


class Extent(NamedTuple):
    """How many regions there are, and the room that they take.

    Attributes:
        regions: Their number.
        positions: Their lengths together, bp.
        longest: Length of the longest, bp.
        name: Most bytes of a name.
        chrom: Most bytes of a chromosome's name.
        gene: Most bytes of a gene's identifier.
    """

    regions: int = 0
    positions: int = 0
    longest: int = 0
    name: int = 1
    chrom: int = 1
    gene: int = 1

    def with_(self, region: Region) -> Extent:
        """Make room for a region."""
        return Extent(
            self.regions + 1,
            self.positions + region.length,
            max(self.longest, region.length),
            max(self.name, len(region.name.encode())),
            max(self.chrom, len(region.window.chrom.encode())),
            max(self.gene, len(_gene(region).encode())),
        )


def write_mutations(
    path: Path,
    regions: Iterable[Region],
    rows: npt.NDArray[Any],
    *,
    extent: Extent,
    tracks: Sequence[Column],
    note: str,
) -> None:
    """Write the scores of mutations, a region at a time.

    Data sets, of which `seqs`, the statistics, `chr`, `start`, `end`, `strand` and `label` are
    Baskerville's:

    * `seqs`, bool `(regions, length, 4)`, and each statistic, `(regions, length, 4, tracks)`, along
      the sequence that the model was shown; short stretches are filled up with 0;
    * `chr`, `start`, `end` (bp from 0, end exclusive), `strand`, `length`, `label` (name, and of
      variants the allele) and, if stretches belong to genes, `gene`;
    * `target_ids` and `target_labels`.

    Args:
        path: The file; it appears whole or not at all.
        regions: The regions.
        rows: A row for each of their positions, one after the other, as `Mutagenesis.layout` says.
        extent: Of the regions.
        tracks: What the columns of scores are of.
        note: What the scores depend on; kept as the attribute `run`, beside the names of the
            statistics.

    Raises:
        OSError: The file cannot be written.
    """
    with atomic_path(path) as new, h5py.File(new, "w") as file:
        file.attrs["run"] = note
        names = rows.dtype.names or ()
        file.attrs["statistics"] = _bytes([name for name in names if name != "seqs"])
        file["target_ids"] = _bytes([track.identifier for track in tracks])
        file["target_labels"] = _bytes([track.label for track in tracks])
        lengths = write_regions(file, regions, extent)
        for name in names:
            _write_field(file, name, rows[name], lengths, extent)


def write_regions(
    file: h5py.File, regions: Iterable[Region], extent: Extent
) -> npt.NDArray[np.int64]:
    """Write what the regions are, as `write_mutations` says, and give their lengths."""
    number = (extent.regions,)
    columns: dict[str, Any] = {
        "chr": (f"S{extent.chrom}", lambda region: region.window.chrom.encode()),
        "start": ("int64", lambda region: region.start),
        "end": ("int64", lambda region: region.end),
        "strand": ("S1", lambda region: region.strand.encode()),
        "length": ("int64", lambda region: region.length),
        "label": (f"S{extent.name}", lambda region: region.name.encode()),
        "gene": (f"S{extent.gene}", lambda region: _gene(region).encode()),
    }
    for name, (kind, _) in columns.items():
        file.create_dataset(name, number, kind)
    first = 0
    with_genes = False
    for block in region_blocks(regions):
        last = first + len(block)
        with_genes = with_genes or any(region.window.genes for region in block)
        for name, (kind, value) in columns.items():
            file[name][first:last] = np.array([value(region) for region in block], kind)
        first = last
    if not with_genes:
        del file["gene"]
    lengths: npt.NDArray[np.int64] = file["length"][:]
    return lengths


def _write_field(
    file: h5py.File,
    name: str,
    values: npt.NDArray[Any],
    lengths: npt.NDArray[np.int64],
    extent: Extent,
) -> None:
    shape = (extent.regions, extent.longest, *values.shape[1:])
    data = file.create_dataset(name, shape, values.dtype)
    step = max(1, _BLOCK_BYTES // max(1, values[:1].nbytes))
    begin = 0
    for at, length in enumerate(lengths):
        for first in range(0, length, step):
            last = min(first + step, length)
            data[at, first:last] = values[begin + first : begin + last]
        begin += length


def _gene(region: Region) -> str:
    genes = region.window.genes
    return genes[0].identifier if genes else ""


def region_blocks(regions: Iterable[Region]) -> Iterator[list[Region]]:
    """Give regions in lists of a few thousand."""
    rest = iter(regions)
    while block := list(islice(rest, _BLOCK)):
        yield block


def _bytes(texts: Sequence[str]) -> npt.NDArray[np.bytes_]:
    return np.array([text.encode() for text in texts], "S")
