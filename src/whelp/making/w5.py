"""Between BigWig and wigHDF5 (.w5): an HDF5 file with one array of 16-bit floats a contig.

whelp reads BigWigs as they are; .w5 files are for other programs, and for several BigWigs that are
to be one track.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from whelp.files import atomic_path
from whelp.genome.bigwig import BigWig, write_bigwig_values
from whelp.making.coverage import ArrayCoverage, CoverageError
from whelp.making.pooling import LARGEST, interpolate

_BLOCK = 1 << 24
"""Bases held in memory at once, where a base does not depend on others far away."""


@dataclass(frozen=True)
class W5Settings:
    """How BigWigs become a .w5 file.

    Attributes:
        strip_chr: Take "chr" out of the names of contigs.
        prepend_chr: Put "chr" in front of the names of contigs.
        interp_nan: Fill bases without a value from their neighbours, instead of by 0.
        min_norm: Divide by the least positive value, which a normalisation may have made of 1.
        scale: Factor of all values.
        clip_zero: Make negative values 0.
    """

    strip_chr: bool = False
    prepend_chr: bool = False
    interp_nan: bool = False
    min_norm: bool = False
    scale: float = 1.0
    clip_zero: bool = False


def bigwig_to_w5(
    bigwigs: Sequence[str | Path],
    path: str | Path,
    settings: W5Settings | None = None,
    *,
    progress: Callable[[str], None] | None = None,
) -> float | None:
    """Write the sum of BigWigs as a .w5 file, as a whole or not at all.

    Args:
        bigwigs: BigWig files with the same contigs. A base counts only where each has a value.
        path: File to write.
        settings: How; None for the sum as it is.
        progress: Called with the name of each contig before it is read, the longest first.

    Returns:
        With `min_norm`, what the values were divided by, else None.

    Raises:
        whelp.genome.bigwig.BigWigError: A file is not a BigWig, or is damaged.
        CoverageError: The files have other contigs, or no value is positive.
        OSError: A file cannot be read or written.
    """
    import h5py

    settings = settings or W5Settings()
    with ExitStack() as stack:
        files = [stack.enter_context(BigWig(name)) for name in bigwigs]
        lengths = _common_lengths(files)
        factor = _least_positive(files, lengths, settings.scale) if settings.min_norm else None
        temporary = stack.enter_context(atomic_path(path))
        with h5py.File(temporary, "w") as out:
            for chrom, length in lengths.items():
                if progress is not None:
                    progress(chrom)
                dataset = out.create_dataset(
                    _renamed(chrom, settings),
                    shape=(length,),
                    dtype=np.float16,
                    chunks=True,
                    compression="gzip",
                    shuffle=True,
                )
                for start, values in _sums(files, chrom, _blocks(length, settings)):
                    dataset[start : start + len(values)] = _stored(values, settings, factor)
    return factor


def w5_to_bigwig(w5: str | Path, path: str | Path) -> None:
    """Write a .w5 file as a BigWig, zeros included, as a whole or not at all.

    Args:
        w5: wigHDF5 file.
        path: File to write.

    Raises:
        CoverageError: The file is not a wigHDF5 file.
        OSError: A file cannot be read or written.
    """
    with ArrayCoverage(Path(w5)) as coverage:
        arrays = (
            (chrom, coverage.read(chrom, 0, length)) for chrom, length in coverage.lengths.items()
        )
        write_bigwig_values(path, coverage.lengths, arrays)


def _common_lengths(files: Sequence[BigWig]) -> dict[str, int]:
    """Give the contigs of the first file, which the others must have, the longest first."""
    first, *others = files
    for other in others:
        for chrom, length in first.lengths.items():
            if other.lengths.get(chrom) != length:
                there = f"{other.lengths[chrom]:,} bp" if chrom in other.lengths else "missing"
                raise CoverageError(
                    f"{chrom} has {length:,} bp in {first.path} and is {there} in {other.path}; "
                    "BigWigs that are added up must be of one genome"
                )
    by_length = sorted(first.lengths.items(), key=lambda item: (item[1], item[0]), reverse=True)
    return dict(by_length)


def _sums(
    files: Sequence[BigWig], chrom: str, blocks: Sequence[tuple[int, int]]
) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
    for start, end in blocks:
        values = files[0].values(chrom, start, end)
        for file in files[1:]:
            values += file.values(chrom, start, end)
        yield start, values


def _blocks(length: int, settings: W5Settings) -> list[tuple[int, int]]:
    size = max(length, 1) if settings.interp_nan else _BLOCK
    return [(start, min(start + size, length)) for start in range(0, length, size)]


def _least_positive(files: Sequence[BigWig], lengths: dict[str, int], scale: float) -> float:
    """Find the least positive value of the longest contig that has one, as the reference does."""
    for chrom, length in lengths.items():
        least = np.float32(np.inf)
        for _, values in _sums(files, chrom, _blocks(length, W5Settings())):
            scaled = _scaled(values, scale)
            least = min(least, scaled.min(initial=np.inf, where=scaled > 0))
        if least < np.inf:
            return float(least)
    raise CoverageError(
        f"{files[0].path}: no value is positive, so there is none to divide by; leave the "
        "normalisation of the minimum out (-m)"
    )


def _scaled(values: npt.NDArray[np.float32], scale: float) -> npt.NDArray[np.float32]:
    return values * np.float32(scale) if scale != 1 else values


def _stored(
    values: npt.NDArray[np.float32], settings: W5Settings, factor: float | None
) -> npt.NDArray[np.float16]:
    stored: npt.NDArray[Any] = _scaled(values, settings.scale)
    if factor is not None:
        stored = stored / np.float32(factor)
    stored = interpolate(stored) if settings.interp_nan else np.nan_to_num(stored)
    return np.clip(stored, 0 if settings.clip_zero else -LARGEST, LARGEST).astype(np.float16)


def _renamed(chrom: str, settings: W5Settings) -> str:
    name = chrom.replace("chr", "") if settings.strip_chr else chrom
    return f"chr{name}" if settings.prepend_chr else name
