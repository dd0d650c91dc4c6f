"""Genes of GTF and GFF3 files: hand-written lines with answers worked out by hand."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from whelp.genome.genes import Gene, GenesError, read_genes, strand_exons


def _gtf(*rows: tuple) -> str:
    """Lines of exons: chromosome, strand, start, end (1-based, closed), gene."""
    return "##description\n" + "".join(
        f"{chrom}\tx\t{kind}\t{start}\t{end}\t.\t{strand}\t.\t"
        f'transcript_id "T"; gene_id "{gene}"; gene_name "N{gene}"; gene_type "lncRNA";\n'
        for chrom, strand, start, end, gene, kind in (
            row if len(row) == 6 else (*row, "exon") for row in rows
        )
    )


@pytest.fixture
def written(tmp_path: Path):
    def write(text: str, name: str = "genes.gtf") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def test_exons_are_united_and_zero_based(written) -> None:
    path = written(
        _gtf(
            ("chr1", "+", 1, 5000, "A", "gene"),
            ("chr1", "+", 101, 200, "A"),
            ("chr1", "-", 301, 400, "B"),
            ("chr1", "+", 151, 250, "A"),
            ("chr1", "+", 251, 260, "A"),  # touches the one before
            ("chr1", "+", 262, 270, "A"),
            ("chr1", "+", 110, 120, "A"),  # inside the first
        )
    )
    one, two = read_genes(path)
    assert (one.identifier, one.name, one.chrom, one.strand) == ("A", "NA", "chr1", "+")
    assert one.kind == "lncRNA"
    assert one.exons.tolist() == [[100, 260], [261, 270]]
    assert (one.start, one.end, one.length) == (100, 270, 169)
    assert (two.strand, two.exons.tolist()) == ("-", [[300, 400]])


def test_a_gene_id_at_two_places_is_two_genes(written) -> None:
    rows = [("chrX", "+", 1, 10, "P"), ("chrY", "+", 5, 10, "P"), ("chrX", ".", 1, 2, "P")]
    genes = read_genes(written(_gtf(*rows)))
    assert [(gene.chrom, gene.strand, gene.start) for gene in genes] == [
        ("chrX", "+", 0),
        ("chrY", "+", 4),
        ("chrX", ".", 0),
    ]


def test_gzip_reads_alike(written, tmp_path: Path) -> None:
    text = _gtf(("chr1", "+", 11, 20, "A"), ("chr2", "-", 1, 7, "B"))
    packed = tmp_path / "genes.gtf.gz"
    packed.write_bytes(gzip.compress(text.encode()))
    plain = read_genes(written(text))
    for one, other in zip(plain, read_genes(packed), strict=True):
        assert one.identifier == other.identifier and one.exons.tolist() == other.exons.tolist()
    packed.write_bytes(gzip.compress(text.encode())[:-15])
    with pytest.raises(GenesError, match="damaged or cut short"):
        read_genes(packed)


_ENSEMBL = """\
##gff-version 3
1\te\tgene\t1\t900\t.\t+\t.\tID=gene:ENSG1;Name=TP%3B53;biotype=protein_coding;gene_id=ENSG1
1\te\tmRNA\t1\t900\t.\t+\t.\tID=transcript:ENST1;Parent=gene:ENSG1
1\te\texon\t1\t100\t.\t+\t.\tParent=transcript:ENST1;Name=ENSE1
###
1\te\texon\t801\t900\t.\t+\t.\tParent=transcript:ENST1
2\tr\texon\t5\t9\t.\t-\t.\tID=exon-2;Parent=rna-Y;gene=YY1
2\tr\tmRNA\t5\t9\t.\t-\t.\tID=rna-Y;Parent=gene-YY1
2\tr\tgene\t5\t9\t.\t-\t.\tID=gene-YY1;Name=YY1;gene_biotype=lncRNA
3\tg\texon\t2\t3\t.\t+\t.\tID=exon:1;Parent=ENST9;gene_id=ENSG9.1;gene_type=x;gene_name=N9
##FASTA
>1
ACGT
"""


def test_gff3_by_parents(written) -> None:
    genes = {gene.identifier: gene for gene in read_genes(written(_ENSEMBL, "genes.gff3"))}
    assert set(genes) == {"ENSG1", "YY1", "ENSG9.1"}
    assert genes["ENSG1"].exons.tolist() == [[0, 100], [800, 900]]
    assert (genes["ENSG1"].name, genes["ENSG1"].kind) == ("TP;53", "protein_coding")
    assert (genes["YY1"].strand, genes["YY1"].kind) == ("-", "lncRNA")
    assert genes["ENSG9.1"].name == "N9"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no lines of the type 'exon'"),
        ("chr1\t100\t200\n", "line 1: expected the 9 columns of GTF or GFF3"),
        (_gtf(("chr1", "+", 0, 10, "A")), "line 2: expected start and end"),
        (_gtf(("chr1", "+", 11, 10, "A")), "got 11 to 10"),
        (_gtf(("chr1", "+", "x", 10, "A")), "got x to 10"),
        ("1\ta\texon\t1\t2\t.\t+\t.\tname x;\n", "line 1: the exon names no gene"),
        ("1\ta\texon\t1\t2\t.\t+\t.\tID=x\n", "gene_id= or Parent="),
    ],
)
def test_faulty_files(written, text: str, message: str) -> None:
    path = written(text)
    with pytest.raises(GenesError, match=message) as error:
        read_genes(path)
    assert str(path) in str(error.value)


def _gene(strand: str, *exons: tuple[int, int]) -> Gene:
    return Gene("x", "x", "chr1", strand, np.array(exons))


def test_strand_exons_leave_out_what_both_strands_have() -> None:
    genes = [
        _gene("+", (100, 200), (400, 500)),
        _gene("+", (180, 220)),
        _gene("-", (450, 460), (600, 700)),  # its body 450-700 covers the end of 400-500
        _gene(".", (0, 1000)),
    ]
    found = strand_exons(genes)["chr1"]
    plus, minus = found["+"], found["-"]
    assert list(zip(plus.starts.tolist(), plus.ends.tolist(), strict=True)) == [
        (100, 220),
        (400, 450),
    ]
    # The body of the first + gene is 100-500.
    assert list(zip(minus.starts.tolist(), minus.ends.tolist(), strict=True)) == [(600, 700)]


def test_strand_exons_of_one_strand_alone() -> None:
    found = strand_exons([_gene("+", (5, 9))])["chr1"]
    assert found["+"].starts.tolist() == [5] and found["-"].starts.tolist() == []
