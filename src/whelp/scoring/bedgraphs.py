"""Predictions of both alleles of a variant as bedGraph files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from whelp.files import atomic_path
from whelp.scoring.alleles import Pair


def write_bedgraphs(folder: Path, pair: Pair, *, name: str, start: int, width: int) -> None:
    """Write NAME_ref.bedgraph, NAME_alt.bedgraph and NAME_diff.bedgraph, as `borzoi_sed.py` does.

    Args:
        folder: Where to.
        pair: Coverage of both alleles in all bins of a window; it is averaged over tracks.
        name: How the files begin.
        start: Where the first bin starts, bp of the chromosome.
        width: Width of a bin, bp.

    Raises:
        OSError: The files cannot be written.
    """
    ref, alt = (
        allele.values.mean(axis=(0, 2)).astype(np.float32) for allele in (pair.ref, pair.alt)
    )
    chrom = pair.window.chrom
    for kind, values in (("ref", ref), ("alt", alt), ("diff", alt - ref)):
        lines = [
            f"{chrom}\t{start + at * width}\t{start + (at + 1) * width}\t{value}\n"
            for at, value in enumerate(values)
        ]
        with atomic_path(folder / f"{name}_{kind}.bedgraph", durable=False) as new:
            new.write_text("".join(lines), encoding="utf-8")
