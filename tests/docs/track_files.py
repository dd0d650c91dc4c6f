"""A genome in miniature and its tracks, under the names that the documentation uses."""

from pathlib import Path

import numpy as np
import pysam

from whelp.genome import dna
from whelp.genome.bigwig import write_bigwig_values
from whelp.making.targets_table import TargetsSettings, write_targets

LENGTHS = {"chr1": 24_000, "chr8": 9_000, "chr9": 9_000}
PAIRS = ("young1_RNA", "young2_RNA", "old1_RNA")
WINDOW, BINS_BP = 2048, 1024
"""Sequence and target of the miniature model, bp."""


def write_tracks(folder: Path) -> None:
    """Write a genome, BigWigs, an annotation, BED files, and a BAM file with cells."""
    rng = np.random.default_rng(5)
    sequences = {name: rng.integers(0, 4, size).astype("uint8") for name, size in LENGTHS.items()}
    lines = [f">{name}\n{dna.decode(sequence)}\n" for name, sequence in sequences.items()]
    (folder / "hg38.fa").write_text("".join(lines))
    (folder / "bigwig").mkdir()
    for pair in PAIRS:
        for strand, bases in (("plus", (1, 2)), ("minus", (0, 3))):
            values = [
                (name, np.isin(sequence, bases) * rng.gamma(2.0, 0.5, len(sequence)))
                for name, sequence in sequences.items()
            ]
            name = f"{pair}.{strand}.bw"
            write_bigwig_values(folder / "bigwig" / name, LENGTHS, values)
            (folder / name).symlink_to(Path("bigwig") / name)
    files = sorted((folder / "bigwig").iterdir())
    write_targets(files, folder / "targets.txt", TargetsSettings(depth=1e5))
    _write_annotation(folder)
    _write_cells(folder, rng)
    _write_variants(folder / "variants.vcf", dna.decode(sequences["chr1"]))
    _write_eqtls(folder, dna.decode(sequences["chr1"]))


def _write_annotation(folder: Path) -> None:
    exon = 'chr1\tx\texon\t{}\t{}\t.\t{}\t.\tgene_id "{}";\n'
    genes = [exon.format(1001, 2000, "+", "MYC"), exon.format(5001, 6000, "-", "TP53")]
    (folder / "genes.gtf").write_text("".join(genes))
    rows = [f"{pair}\t1e5\t{pair[:-5]}\n" for pair in PAIRS]
    (folder / "samples.tsv").write_text("sample\tdepth\tgroup\n" + "".join(rows))
    for name, start in (("gaps", 20_000), ("blacklist", 3_000), ("umap", 8_000)):
        (folder / f"{name}.bed").write_text(f"chr1\t{start}\t{start + 200}\n")
    (folder / "regions.bed").write_text("chr1\t6000\t6020\nchr1\t9000\t9016\n")
    margin = (WINDOW - BINS_BP) // 2
    windows = [
        f"{chrom}\t{start}\t{start + BINS_BP}\tfold{number % 5}\n"
        for chrom, length in LENGTHS.items()
        for number, start in enumerate(range(margin, length - WINDOW + margin, BINS_BP))
    ]
    (folder / "sequences_human.bed").write_text("".join(windows))


def _write_cells(folder: Path, rng: np.random.Generator) -> None:
    names = [{"SN": chrom, "LN": length} for chrom, length in LENGTHS.items()]
    header = pysam.AlignmentHeader.from_dict({"SQ": names})
    cells = [f"{letter * 4}-1" for letter in "ACGT"]
    with pysam.AlignmentFile(str(folder / "cells.bam"), "wb", header=header) as file:
        for start in np.sort(rng.integers(0, 20_000, 200)).tolist():
            read = pysam.AlignedSegment(header)
            read.query_name, read.reference_id, read.mapping_quality = "read", 0, 255
            read.reference_start, read.cigarstring = start, "50M"
            read.is_reverse = bool(rng.integers(2))
            read.set_tag("CB", cells[int(rng.integers(4))])
            file.write(read)
    rows = [f"{cell}\t{'T_cell' if at % 2 else 'B_cell'}\n" for at, cell in enumerate(cells)]
    (folder / "barcodes.tsv").write_text("".join(rows))


def _write_variants(path: Path, bases: str) -> None:
    lines = [
        f"chr1\t{at + 1}\tv{at}\t{bases[at]}\t{'ACGT'['CATG'.index(bases[at])]}\t.\t.\t.\n"
        for at in range(500, 20_000, 4_000)
    ]
    path.write_text("".join(["##fileformat=VCFv4.2\n", *lines]))


def _write_eqtls(folder: Path, bases: str) -> None:
    """Write causal variants and negatives of a tissue, and what its tracks are."""
    for name, first in (("causal", 2_000), ("negatives", 2_100)):
        lines = []
        for at in range(first, first + 33 * 400, 400):
            alt = "ACGT"["CATG".index(bases[at])]
            info = f"GENE=MYC;TSSD={at};TISSUE=Liver;AFC={at % 7 - 3.5};EA={alt}"
            lines.append(f"chr1\t{at + 1}\tv{at}\t{bases[at]}\t{alt}\t.\t.\t{info}\n")
        (folder / f"{name}.vcf").write_text("".join(["##fileformat=VCFv4.2\n", *lines]))
    (folder / "tissues.tsv").write_text("tissue\ttracks\nLiver\tup+,open\n")
