"""`attributions.h5`, and what else is made of it: motif arrays and tracks of a genome browser."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from whelp.files import atomic_path
from whelp.genome import dna
from whelp.genome.bigwig import Runs, write_bigwig_runs
from whelp.interpreting.motif_arrays import CONTRIBUTIONS, SEQUENCES, write_motif_array
from whelp.interpreting.mutation_table import Extent, region_blocks, write_regions
from whelp.interpreting.regions import Region

_BLOCK_BYTES = 1 << 23

Floats = npt.NDArray[np.float32]


def write_attributions(
    path: Path,
    regions: Iterable[Region],
    read: Callable[[], npt.NDArray[Any]],
    *,
    extent: Extent,
    note: str,
) -> None:
    """Write attributions, some stretches at a time.

    Data sets, of which `seqs`, `grads`, `chr`, `start` and `end` are those of Borzoi's
    `borzoi_satg_gene.py`, so that its scripts and notebooks read them:

    * `seqs`, bool `(regions, length, 4)`: the sequences;
    * `grads`, float32 `(regions, length, 4, 1)`: gradients less their mean over the four bases,
      what each base would contribute;
    * `contributions`, float32 `(regions, length)`: what the bases of the sequences contribute,
      gradient times input;
    * `value`, the number that is explained, in natural log units, and `share`, how much of the
      gene's exons the window shows (1 without genes);
    * `chr`, `start`, `end` (bp from 0, end exclusive), `strand` (that of the sequences, +),
      `length`, `label` and `altered` (whether the sequence carries another allele than the
      genome's); of genes also `gene` (identifier) and `gene_strand`.

    Args:
        path: The file; it appears whole or not at all.
        regions: The regions.
        read: Gives a row for each of them, as `Attributor.layout` says; it is called for each part
            that is written, so that no more of a mapped file stays in memory.
        extent: Of the regions.
        note: What the numbers depend on; kept as the attribute `run`.

    Raises:
        OSError: The file cannot be written.
    """
    with atomic_path(path) as new, h5py.File(new, "w") as file:
        file.attrs["run"] = note
        write_regions(file, _noted(file, regions, extent), extent)
        shape = (extent.regions, extent.longest)
        file.create_dataset("seqs", (*shape, 4), bool)
        file.create_dataset("grads", (*shape, 4, 1), np.float32)
        file.create_dataset("contributions", shape, np.float32)
        for name in ("value", "share"):
            file.create_dataset(name, (extent.regions,), np.float64)
        for part in _parts(*shape):
            rows = np.array(read()[part])
            sequences = dna.one_hot(rows["bases"], bool)
            file["seqs"][part] = sequences
            file["grads"][part] = rows["gradient"][..., None]
            file["contributions"][part] = (rows["gradient"] * sequences).sum(axis=-1)
            for name in ("value", "share"):
                file[name][part] = rows[name]


def _noted(file: h5py.File, regions: Iterable[Region], extent: Extent) -> Iterator[Region]:
    """Pass regions on as on the + strand; write what `write_regions` does not."""
    file.create_dataset("altered", (extent.regions,), bool)
    file.create_dataset("gene_strand", (extent.regions,), "S1")
    first = 0
    for block in region_blocks(regions):
        last = first + len(block)
        file["altered"][first:last] = [region.variant is not None for region in block]
        genes = [region.window.genes for region in block]
        file["gene_strand"][first:last] = np.array(
            [held[0].strand if held else "" for held in genes], "S1"
        )
        first = last
        yield from (region._replace(strand="+") for region in block)
    if not file["gene_strand"][:].any():
        del file["gene_strand"]


def write_attributed_motifs(path: Path, folder: Path) -> None:
    """Write sequences and gradients of all stretches as tfmodisco-lite reads them.

    See `whelp.interpreting.motif_arrays`.

    Args:
        path: The `attributions.h5`.
        folder: Where the two files go.

    Raises:
        OSError: The files cannot be written.
    """
    with h5py.File(path) as file:
        number, length = file["seqs"].shape[:2]
        size = {"sequences": number, "length": length}
        sequences = (file["seqs"][part] for part in _parts(number, length))
        write_motif_array(folder / SEQUENCES, sequences, dtype=bool, **size)
        gradients = (file["grads"][part][..., 0] for part in _parts(number, length))
        write_motif_array(folder / CONTRIBUTIONS, gradients, **size)


def _parts(number: int, length: int) -> Iterator[slice]:
    """Give parts of so many regions that their gradients take a few MB."""
    step = max(1, _BLOCK_BYTES // max(1, length * 16))
    return (slice(first, first + step) for first in range(0, number, step))


def write_contribution_track(path: Path, bigwig: Path, lengths: Mapping[str, int]) -> None:
    """Write what the bases of stretches contribute as a track for genome browsers.

    Where stretches overlap, a base has the value of the one whose middle is nearest, and of the
    first of those at the same place. Sequences that carry another allele than the genome's are left
    out.

    Args:
        path: The `attributions.h5`.
        bigwig: The BigWig file to be written.
        lengths: The genome's chromosomes, bp.

    Raises:
        OSError: The file cannot be written.
    """
    with h5py.File(path) as file:
        write_bigwig_runs(bigwig, lengths, _runs(file, lengths))


def _runs(file: h5py.File, lengths: Mapping[str, int]) -> Iterator[Runs]:
    names, starts = file["chr"][:].astype(str), file["start"][:]
    length = file["contributions"].shape[1]
    genomic = np.flatnonzero(~file["altered"][:])
    for chrom, size in lengths.items():
        places = genomic[names[genomic] == chrom]
        begins, first_of = np.unique(starts[places], return_index=True)
        places = places[first_of]
        # All are of one length: between two neighbours the border is half way.
        borders = (begins[:-1] + begins[1:] + length + 1) // 2
        firsts = np.maximum(begins, np.concatenate([[0], borders]))
        lasts = np.minimum(begins + length, np.concatenate([borders, [size]]))
        for place, begin, first, last in zip(places, begins, firsts, lasts, strict=True):
            if last > first:
                positions = np.arange(first, last)
                values = file["contributions"][place, first - begin : last - begin]
                yield Runs(chrom, positions, positions + 1, values)
