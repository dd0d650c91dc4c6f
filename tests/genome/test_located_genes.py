"""Genes on the chromosomes of a genome, whatever the annotation calls them."""

import logging
from pathlib import Path

import pytest

from whelp.genome.genes import GenesError
from whelp.genome.located_genes import located_genes

LENGTHS = {"chr1": 1000, "chrM": 500}


def annotation(folder: Path, *rows: tuple[str, int, int]) -> Path:
    """A GTF with a gene of one exon a row: chromosome, start and end, bp from 1, closed."""
    lines = [
        f'{chrom}\tx\texon\t{start}\t{end}\t.\t+\t.\tgene_id "g{number}";\n'
        for number, (chrom, start, end) in enumerate(rows)
    ]
    path = folder / "genes.gtf"
    path.write_text("".join(lines))
    return path


def test_names_of_chromosomes_are_the_genome_s(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [("1", 1, 9), ("MT", 5, 9), ("chrUn", 1, 9), ("chr1", 990, 1000), ("chr1", 990, 1001)]
    with caplog.at_level(logging.WARNING, logger="whelp"):
        genes = located_genes(annotation(tmp_path, *rows), LENGTHS)
    assert [(gene.identifier, gene.chrom) for gene in genes] == [
        ("g0", "chr1"),
        ("g1", "chrM"),
        ("g3", "chr1"),
    ]
    assert genes[0].exons.tolist() == [[0, 9]]
    said = [record.getMessage() for record in caplog.records]
    assert "1 genes are left out: the genome has no chromosome chrUn" in said[0]
    assert "1 genes are left out: they reach beyond the ends" in said[1]


def test_an_annotation_of_another_genome_is_refused(tmp_path: Path) -> None:
    path = annotation(tmp_path, ("II", 1, 9), ("III", 1, 9))
    message = "none of its 2 genes lies on the genome; its chromosomes are II, III, those of the"
    with pytest.raises(GenesError, match=message):
        located_genes(path, LENGTHS)
