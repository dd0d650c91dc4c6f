"""Names of contigs that differ by a "chr" between a genome and a track."""

from __future__ import annotations

from collections.abc import Container

_CHR = "chr"


def contig_name(
    chrom: str, known: Container[str], *, prepend: bool = False, strip: bool = False
) -> str | None:
    """Return what a file calls a contig of the genome.

    Args:
        chrom: Name in the genome.
        known: Names in the file.
        prepend: Whether the file's names lack the "chr" of the genome's.
        strip: Whether the file's names have a "chr" that the genome's lack.

    Returns:
        The name in the file; None if it does not have the contig.
    """
    if chrom in known:
        return chrom
    other = None
    if prepend and chrom.startswith(_CHR):
        other = chrom.removeprefix(_CHR)
    elif strip:
        other = _CHR + chrom
    return other if other is not None and other in known else None
