"""BigWigs of groups of cells, from small BAM files whose coverage a person can count."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pysam
import pytest

from whelp.genome.bigwig import BigWig
from whelp.making.bam_reads import BamError, ReadFilter
from whelp.making.barcodes import BarcodeError, read_barcodes
from whelp.making.pileup import Pileups
from whelp.making.pseudobulk import PseudobulkError, PseudobulkSettings, make_pseudobulk
from whelp.making.targets_table import TargetsSettings, make_targets

CONTIGS = {"chr1": 1000, "chr2": 400, "chr3": 100}
REVERSE, PAIRED, MATE_REVERSE, FIRST, SECOND = 0x10, 0x3, 0x20, 0x40, 0x80


def _read(
    start: int,
    cell: str | None,
    cigar: str = "50M",
    *,
    flag: int = 0,
    contig: str = "chr1",
    mapq: int = 255,
    **tags: Any,
) -> dict[str, Any]:
    given = tags if cell is None else {"CB": cell, **tags}
    return {
        "flag": flag,
        "ref_name": contig,
        "ref_pos": str(start + 1),
        "map_quality": str(mapq),
        "cigar": cigar,
        "tags": [f"{name}:Z:{value}" for name, value in given.items()],
    }


@pytest.fixture
def bam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Writes reads into a BAM file in the current folder, and a table of three cells."""
    monkeypatch.chdir(tmp_path)
    Path("barcodes.tsv").write_text("AAA-1\tT cell\nCCC-1\tB\nGGG-1\tT cell\n")

    def write(*reads: dict[str, Any], name: str = "cells.bam", index: bool = False) -> Path:
        names = [{"SN": contig, "LN": length} for contig, length in CONTIGS.items()]
        header = pysam.AlignmentHeader.from_dict({"HD": {"VN": "1.6"}, "SQ": names})
        with pysam.AlignmentFile(name, "wb", header=header) as file:
            for number, read in enumerate(reads):
                fields = {"name": f"read{number}", "next_ref_name": "*", "next_ref_pos": "0"}
                fields |= {"length": "0", "seq": "*", "qual": "*", **read}
                fields["flag"] = str(fields["flag"])
                file.write(pysam.AlignedSegment.from_dict(fields, header))
        if index:
            pysam.index(name)
        return Path(name)

    return write


def _values(path: Path | str, contig: str = "chr1") -> np.ndarray:
    with BigWig(path) as bigwig:
        assert bigwig.lengths == CONTIGS
        return bigwig.values(contig, 0, CONTIGS[contig])


def _expected(length: int, *stretches: tuple[int, int, int]) -> np.ndarray:
    values = np.zeros(length, dtype=np.float32)
    for start, end, value in stretches:
        values[start:end] += value
    return values


READS = (
    _read(100, "AAA-1"),
    _read(120, "GGG-1", flag=REVERSE),
    _read(130, "GGG-1"),
    _read(140, "CCC-1", "10M100N20M2D20M"),
    _read(150, "TTT-1"),  # another cell
    _read(160, None),
    _read(170, "AAA-1", mapq=3),
    _read(180, "AAA-1", flag=0x400),
    _read(190, "AAA-1", flag=0x100),
    _read(200, "AAA-1", flag=0x200),
    _read(20, "AAA-1", contig="chr2"),
    {**_read(0, "AAA-1"), "flag": 4, "ref_name": "*", "ref_pos": "0", "cigar": "*"},
)


@pytest.mark.parametrize("index", [False, True])
def test_covered_bases_by_group_and_strand(bam, index: bool) -> None:
    result = make_pseudobulk(bam(*READS, index=index), "barcodes.tsv", "out")
    files = sorted(path.name for path in Path("out").iterdir())
    assert files == ["B.minus.bw", "B.plus.bw", "T_cell.minus.bw", "T_cell.plus.bw", "samples.tsv"]
    plus = _expected(1000, (100, 150, 1), (130, 180, 1))
    np.testing.assert_array_equal(_values("out/T_cell.plus.bw"), plus)
    minus = _expected(1000, (120, 170, 1))
    np.testing.assert_array_equal(_values("out/T_cell.minus.bw"), minus)
    spliced = _expected(1000, (140, 150, 1), (250, 270, 1), (272, 292, 1))
    np.testing.assert_array_equal(_values("out/B.plus.bw"), spliced)
    np.testing.assert_array_equal(_values("out/B.minus.bw"), np.zeros(1000))
    np.testing.assert_array_equal(
        _values("out/T_cell.plus.bw", "chr2"), _expected(400, (20, 70, 1))
    )
    np.testing.assert_array_equal(_values("out/B.plus.bw", "chr2"), np.zeros(400))
    assert np.isnan(_values("out/B.plus.bw", "chr3")).all()  # nobody has reads there
    t_cells, b_cells = result.groups
    assert (t_cells.group, t_cells.cells, t_cells.found, t_cells.reads) == ("T cell", 2, 2, 4)
    assert (b_cells.cells, b_cells.found, b_cells.reads, b_cells.fragments) == (1, 1, 1, 1)
    counts = result.reads
    assert (counts.total, counts.counted) == (12, 5)
    assert counts.skipped == {
        **dict.fromkeys(("stranger", "untagged", "quality", "duplicate", "secondary"), 1),
        **dict.fromkeys(("failed", "unplaced"), 1),
    }


def test_result_goes_into_a_targets_table(bam) -> None:
    make_pseudobulk(bam(*READS), "barcodes.tsv", "out")
    settings = TargetsSettings(samples=Path("out/samples.tsv"))
    draft = make_targets(sorted(Path("out").glob("*.bw")), settings)
    rows = {row.identifier: row for row in draft.table.rows}
    assert list(rows) == ["B+", "B-", "T_cell+", "T_cell-"]
    assert rows["B+"].scale == pytest.approx(1 / 50)  # one read of 50 bp
    assert rows["T_cell-"].scale == pytest.approx(4 / 200)
    assert rows["T_cell+"].group == "T cell" and rows["T_cell+"].description == "RNA:T cell"


def test_reverse_libraries_exchange_the_strands(bam) -> None:
    settings = PseudobulkSettings(library="reverse")
    make_pseudobulk(bam(*READS), "barcodes.tsv", "out", settings)
    np.testing.assert_array_equal(_values("out/T_cell.plus.bw"), _expected(1000, (120, 170, 1)))


def test_five_prime_ends(bam) -> None:
    reads = (
        _read(100, "AAA-1"),
        _read(100, "GGG-1", "5S45M"),
        _read(120, "CCC-1", "10M100N40M", flag=REVERSE),
        _read(130, "AAA-1", flag=REVERSE),
    )
    make_pseudobulk(bam(*reads), "barcodes.tsv", "cage", PseudobulkSettings(assay="CAGE"))
    np.testing.assert_array_equal(_values("cage/T_cell.plus.bw"), _expected(1000, (100, 101, 2)))
    np.testing.assert_array_equal(_values("cage/T_cell.minus.bw"), _expected(1000, (179, 180, 1)))
    np.testing.assert_array_equal(_values("cage/B.minus.bw"), _expected(1000, (269, 270, 1)))
    make_pseudobulk(bam(*reads), "barcodes.tsv", "atac", PseudobulkSettings(assay="ATAC"))
    both = _expected(1000, (100, 101, 2), (179, 180, 1))
    np.testing.assert_array_equal(_values("atac/T_cell.unstranded.bw"), both)
    assert sorted(path.name for path in Path("atac").iterdir()) == [
        "B.unstranded.bw",
        "T_cell.unstranded.bw",
        "samples.tsv",
    ]


PAIR = (
    _read(100, "AAA-1", flag=PAIRED | MATE_REVERSE | FIRST),
    _read(200, "CCC-1"),
    _read(300, "AAA-1", flag=PAIRED | REVERSE | SECOND),
)


def test_both_reads_of_a_pair_are_on_the_strand_of_the_first(bam) -> None:
    result = make_pseudobulk(bam(*PAIR), "barcodes.tsv", "out")
    both = _expected(1000, (100, 150, 1), (300, 350, 1))
    np.testing.assert_array_equal(_values("out/T_cell.plus.bw"), both)
    assert (result.groups[0].reads, result.groups[0].fragments) == (2, 1)


def test_ends_of_a_pair(bam) -> None:
    make_pseudobulk(bam(*PAIR), "barcodes.tsv", "cage", PseudobulkSettings(assay="CAGE"))
    np.testing.assert_array_equal(_values("cage/T_cell.plus.bw"), _expected(1000, (100, 101, 1)))
    make_pseudobulk(bam(*PAIR), "barcodes.tsv", "atac", PseudobulkSettings(assay="ATAC"))
    ends = _expected(1000, (100, 101, 1), (349, 350, 1))
    np.testing.assert_array_equal(_values("atac/T_cell.unstranded.bw"), ends)


def test_molecules_count_once_at_a_place(bam) -> None:
    reads = (
        _read(100, "AAA-1", UB="AC"),
        _read(100, "AAA-1", UB="AC"),  # the same again
        _read(100, "AAA-1", "40M", UB="AC"),  # ends elsewhere, begins at the same place
        _read(100, "AAA-1", UB="GT"),
        _read(100, "GGG-1", UB="AC"),
        _read(100, "AAA-1"),
        _read(101, "AAA-1", flag=REVERSE, UB="AC"),
        _read(111, "AAA-1", "40M", flag=REVERSE, UB="AC"),  # the same 5' end, 150
        _read(120, "AAA-1", UB="AC"),
        _read(120, "CCC-1", UB="AC"),
        _read(100, "AAA-1", UB="AC", contig="chr2"),
    )
    settings = PseudobulkSettings(count="ends", reads=ReadFilter(umi_tag="UB"))
    result = make_pseudobulk(bam(*reads), "barcodes.tsv", "out", settings)
    assert result.reads.skipped == {"same_umi": 3, "no_umi": 1}
    plus = _expected(1000, (100, 101, 3), (120, 121, 1))
    np.testing.assert_array_equal(_values("out/T_cell.plus.bw"), plus)
    np.testing.assert_array_equal(_values("out/T_cell.minus.bw"), _expected(1000, (150, 151, 1)))
    assert make_pseudobulk("cells.bam", "barcodes.tsv", "all").reads.counted == len(reads)


def test_other_tags_and_quality(bam) -> None:
    reads = (_read(0, None, XC="AAA-1", mapq=5), _read(9, None, XC="CCC-1", flag=0x400, mapq=5))
    chosen = ReadFilter(barcode_tag="XC", min_mapq=5, keep_duplicates=True)
    result = make_pseudobulk(bam(*reads), "barcodes.tsv", "out", PseudobulkSettings(reads=chosen))
    assert result.reads.counted == 2


def test_much_coverage_in_little_memory_is_the_same() -> None:
    """Settled after every few reads, the runs are those of the dense sum."""
    import tempfile

    random = np.random.default_rng(3)
    lengths = {"a": 5000, "b": 300, "c": 4000}
    expected = {name: np.zeros((3, length), dtype=np.int64) for name, length in lengths.items()}
    with tempfile.TemporaryDirectory() as folder:
        pileups = Pileups(Path(folder), lengths, count=3, most=7)
        for contig, name in ((0, "a"), (2, "c")):
            for start in np.sort(random.integers(0, lengths[name] - 100, 400)).tolist():
                track = int(random.integers(0, 2))  # the third has nothing
                pileups.move(contig, start)
                later = start + int(random.integers(0, 60))
                for first, last in ((start, start + 10), (later, later + 30)):
                    pileups.add(track, first, last)
                    expected[name][track, first:last] += 1
        pileups.finish()
        for track in range(3):
            dense = {name: np.full(length, -1) for name, length in lengths.items()}
            for run in pileups.runs(track):
                assert (run.starts[1:] == run.ends[:-1]).all()
                for start, end, value in zip(run.starts, run.ends, run.values, strict=True):
                    dense[run.chrom][start:end] = value
            for name in ("a", "c"):
                np.testing.assert_array_equal(dense[name], expected[name][track])
            assert (dense["b"] == -1).all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("AAA-1\n", "line 1: expected a barcode and its group"),
        ("barcode\tcluster\nAAA-1\t\n", "line 2: expected a barcode"),
        ("AAA\tx\nAAA\ty\n", "the barcode AAA stands in the groups 'x' and 'y'"),
        ("barcode,group\n", "there are no barcodes"),
        ("AAA\tT cell\nCCC\tT/cell\n", "'T cell', 'T/cell' would have the same name"),
        ("AAA\t???\n", "would have the same name, or none"),
    ],
)
def test_faulty_tables_of_barcodes(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "barcodes.tsv"
    path.write_text(text)
    with pytest.raises(BarcodeError, match=message) as error:
        read_barcodes(path)
    assert str(path) in str(error.value)


def test_tables_of_barcodes(tmp_path: Path) -> None:
    path = tmp_path / "barcodes.csv"
    path.write_text('barcode,cell type\nAAA,"T, CD4+"\nCCC,B\nAAA,"T, CD4+"\n')
    table = read_barcodes(path)
    assert table.groups == ("T, CD4+", "B") and table.cells == {"AAA": 0, "CCC": 1}
    assert table.file_names == ["T_CD4+", "B"] and table.sizes == [1, 1]
    packed = tmp_path / "barcodes.tsv.gz"
    packed.write_bytes(gzip.compress(b"AAA\tx\nCCC\ty\n"))
    assert read_barcodes(packed).groups == ("x", "y")
    packed.write_bytes(gzip.compress(b"AAA\tx\nCCC\ty\n")[:-9])
    with pytest.raises(BarcodeError, match="damaged or cut short"):
        read_barcodes(packed)


def _refused(kind: type[Exception], message: str, bam: Path, **options: Any) -> None:
    """Fails with a message, and leaves nothing behind."""
    before = sorted(Path().iterdir())
    with pytest.raises(kind, match=message):
        make_pseudobulk(bam, "barcodes.tsv", "out", PseudobulkSettings(**options))
    assert sorted(Path().iterdir()) == before


def test_wrong_tag(bam) -> None:
    path = bam(_read(0, None, CR="AAA"), _read(10, None, CR="CCC"))
    _refused(BamError, "no read has the tag CB.*--barcode-tag", path)
    _refused(BamError, "no read has the tag XX", path, reads=ReadFilter(barcode_tag="XX"))


def test_a_group_without_reads(bam) -> None:
    path = bam(_read(0, "AAA-1"), _read(1, "CCC-1", mapq=0))
    _refused(PseudobulkError, "no reads for B;.*low mapping quality: 1.*--skip-empty", path)
    result = make_pseudobulk(path, "barcodes.tsv", "out", PseudobulkSettings(skip_empty=True))
    assert result.groups[1].files == () and not Path("out/B.plus.bw").exists()
    assert len(Path("out/samples.tsv").read_text().splitlines()) == 2


def test_other_barcodes(bam) -> None:
    path = bam(_read(0, "AAA"), _read(1, "CCC"))
    _refused(PseudobulkError, r"AAA-1, CCC-1, GGG-1.* whose barcodes are AAA, CCC", path)
    Path("barcodes.tsv").write_text("AAA\tT\n")
    path = bam(_read(0, "AAA-1"))
    _refused(PseudobulkError, "The ending of the file's barcodes, as -1, is missing", path)


def test_files_that_are_no_sorted_bam(bam) -> None:
    path = bam(_read(50, "AAA-1"), _read(10, "CCC-1"))
    _refused(BamError, r"not sorted by position: read1 at chr1:11.*samtools sort", path)
    path = bam(_read(50, "AAA-1", contig="chr2"), _read(60, "CCC-1"))
    _refused(BamError, "not sorted by position", path)
    whole = bam(*READS).read_bytes()
    Path("cells.bam").write_bytes(whole[:-28])  # the block that ends it
    _refused(BamError, "cut short", Path("cells.bam"))
    for damaged in (whole[:-40], whole[:60] + b"\0" * 60 + whole[120:]):
        Path("cells.bam").write_bytes(damaged)
        _refused(BamError, "this is no BAM file, or it is damaged", Path("cells.bam"))
    Path("cells.bam").write_text("no BAM")
    _refused(BamError, "this is no BAM file", Path("cells.bam"))
    Path("cells.sam").write_text("@SQ\tSN:chr1\tLN:1000\n")
    _refused(BamError, "this is no BAM file.*samtools view -b", Path("cells.sam"))


def test_files_are_not_replaced_unasked(bam) -> None:
    path = bam(*READS)
    make_pseudobulk(path, "barcodes.tsv", "out")
    with pytest.raises(PseudobulkError, match="T_cell.plus.bw.*--force"):
        make_pseudobulk(path, "barcodes.tsv", "out")
    make_pseudobulk(path, "barcodes.tsv", "out", PseudobulkSettings(force=True))
