"""FASTA files: what is read, indexes, and files that are not right."""

import gzip
import os
import shutil
from pathlib import Path

import pysam
import pytest

from whelp.genome import dna
from whelp.genome.fasta import Fasta, FastaError, chromosome_lengths

TEXT = ">chr1 first\nACGTacgt\nNRYKACGT\nAC\n>chr2\nTTTT\n"


@pytest.fixture
def fasta(tmp_path: Path) -> Path:
    path = tmp_path / "genome.fa"
    path.write_text(TEXT)
    return path


def letters(genome: Fasta, chrom: str, start: int, end: int) -> str:
    return dna.decode(genome.fetch(chrom, start, end))


def test_case_does_not_matter_and_what_is_no_base_is_n(fasta: Path) -> None:
    with Fasta(fasta) as genome:
        assert genome.lengths == {"chr1": 18, "chr2": 4}
        assert letters(genome, "chr1", 0, 18) == "ACGTACGTNNNNACGTAC"


def test_beyond_the_ends_is_n(fasta: Path) -> None:
    with Fasta(fasta) as genome:
        assert letters(genome, "chr2", -3, 6) == "NNNTTTTNN"
        assert letters(genome, "chr2", 0, 2) == "TT"
        assert letters(genome, "chr2", -9, -5) == "NNNN"
        assert letters(genome, "chr2", 7, 9) == "NN"
        assert genome.fetch("chr2", 2, 2).shape == (0,)


def test_bgzip_reads_as_plain_and_indexes_are_made(fasta: Path, tmp_path: Path) -> None:
    packed = tmp_path / "packed.fa.gz"
    pysam.tabix_compress(str(fasta), str(packed))
    with Fasta(packed) as genome:
        assert letters(genome, "chr1", 5, 12) == "CGTNNNN"
    with Fasta(fasta):
        pass
    made = {path.name for path in tmp_path.iterdir()}
    assert made == {fasta.name, "genome.fa.fai", "packed.fa.gz", "packed.fa.gz.fai"} | {
        "packed.fa.gz.gzi"
    }


def test_plain_gzip_is_refused_with_advice(fasta: Path) -> None:
    packed = fasta.with_suffix(".fa.gz")
    packed.write_bytes(gzip.compress(fasta.read_bytes()))
    with pytest.raises(FastaError, match=r"packed with gzip.*gunzip.*bgzip"):
        Fasta(packed)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_no_index_in_a_read_only_folder(fasta: Path) -> None:
    fasta.parent.chmod(0o555)
    try:
        with pytest.raises(FastaError, match="no index beside it, and none can be written"):
            Fasta(fasta)
    finally:
        fasta.parent.chmod(0o755)


def test_an_index_that_cannot_be_written_is_told(fasta: Path) -> None:
    # A folder in its place stands for any reason.
    Path(f"{fasta}.gzi").mkdir()
    with pytest.raises(FastaError, match=r"none can be written.*samtools faidx"):
        Fasta(fasta)
    assert not list(fasta.parent.glob(".*"))


def test_an_index_in_a_read_only_folder_is_used(fasta: Path) -> None:
    with Fasta(fasta):
        pass
    fasta.parent.chmod(0o555)
    try:
        with Fasta(fasta) as genome:
            assert letters(genome, "chr2", 0, 4) == "TTTT"
    finally:
        fasta.parent.chmod(0o755)


def test_index_of_another_file_is_refused(fasta: Path, tmp_path: Path) -> None:
    with Fasta(fasta):
        pass
    other = tmp_path / "other.fa"
    other.write_text(">chr1\nAC\nGT\n>chr2\nACGTACGTACGTAAAA\n")
    shutil.copy(f"{fasta}.fai", f"{other}.fai")
    with pytest.raises(FastaError, match=r"other\.fa\.fai: is not the index of .*delete the index"):
        Fasta(other)
    fasta.write_text(TEXT[:-6])
    with pytest.raises(FastaError, match="is not the index of"):
        Fasta(fasta)


def test_two_sequences_of_one_name(tmp_path: Path) -> None:
    path = tmp_path / "twice.fa"
    path.write_text(">a\nACGT\n>a\nGGG\n>b\nTT\n")
    with pytest.raises(FastaError, match="two sequences have one name"):
        Fasta(path)


def test_windows_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "dos.fa"
    path.write_bytes(TEXT.replace("\n", "\r\n").encode())
    with Fasta(path) as genome:
        assert letters(genome, "chr1", 6, 18) == "GTNNNNACGTAC"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (">a\nACGT\nAC\nACGT\n", "line 3 is shorter or longer"),
        ("ACGT\n", "this is no FASTA file"),
        ("", "this is no FASTA file"),
    ],
)
def test_what_is_no_fasta_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "wrong.fa"
    path.write_text(text)
    with pytest.raises(FastaError, match=message):
        Fasta(path)


def test_unknown_chromosome_and_turned_stretch(fasta: Path) -> None:
    with Fasta(fasta) as genome:
        with pytest.raises(FastaError, match=r"no chromosome '1'; it has chr1, chr2"):
            genome.fetch("1", 0, 4)
        with pytest.raises(ValueError, match="ends after it starts"):
            genome.fetch("chr1", 4, 2)


def test_lengths_from_fasta_and_from_tables(fasta: Path, tmp_path: Path) -> None:
    expected = {"chr1": 18, "chr2": 4}
    assert chromosome_lengths(fasta) == expected
    assert chromosome_lengths(f"{fasta}.fai") == expected
    table = tmp_path / "chrom.sizes"
    table.write_text("chr1\t18\n\nchr2 4\n")
    assert chromosome_lengths(table) == expected
    table.write_text("chr1\t18\nchr2\n")
    with pytest.raises(FastaError, match=r"chrom\.sizes, line 2: expected a FASTA file, or"):
        chromosome_lengths(table)
    table.write_text("")
    with pytest.raises(FastaError, match="empty"):
        chromosome_lengths(table)
