"""Files of variants: what is read, what is rejected, and files that are not right."""

import gzip
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pysam
import pytest

from whelp.genome.variants import Rejected, Variant, VariantError, read_variants

HEADER = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"


def read(path: Path, text: str) -> list[Variant | Rejected]:
    path.write_text(text)
    return list(read_variants(path))


def reason(path: Path, line: str) -> str:
    (item,) = read(path, f"{HEADER}{line}\n")
    assert isinstance(item, Rejected)
    return item.reason


@pytest.fixture
def vcf(tmp_path: Path) -> Path:
    return tmp_path / "variants.vcf"


def test_fields_are_read_and_positions_count_from_0(vcf: Path) -> None:
    items = read(vcf, f"{HEADER}chr1\t101\trs1\tA\tAC\t50\tPASS\tX=1\tGT\t0/1\nchr2\t7\t.\tG\tT\n")
    assert items == [
        Variant("chr1", 100, "A", "AC", "rs1", row=0),
        Variant("chr2", 6, "G", "T", ".", row=1),
    ]
    assert [item.name for item in items if isinstance(item, Variant)] == ["rs1", "chr2:7"]


@pytest.mark.parametrize("name", ["odd", "indels", "indels_flip"])
def test_names_and_places_are_those_of_the_reference(golden: Path, name: str) -> None:
    wanted = np.load(golden / "snp" / f"{name}.npz") if name != "indels" else None
    items = list(read_variants(golden / "snp" / "inputs" / f"{name}.vcf"))
    first = [item for item in items if isinstance(item, Variant) and item.alternate == 0]
    assert len(first) == (5 if name == "odd" else 12)
    if wanted is not None:
        assert [item.start + 1 for item in first] == wanted["pos"].tolist()
        assert [item.ref for item in first] == [text.decode() for text in wanted["ref_allele"]]
        assert [item.alt for item in first] == [text.decode() for text in wanted["alt_allele"]]
    if name == "odd":
        assert [item.name for item in first[:4]] == [text.decode() for text in wanted["snp"][:4]]


def test_every_alternate_is_a_variant_with_a_row_of_its_own(vcf: Path) -> None:
    items = read(vcf, f"{HEADER}1\t5\trs1\tA\tC,*,AT\n1\t6\trs2\tA\tC\n")
    assert [item.row for item in items] == [0, 1, 2, 3]
    assert items[0] == Variant("1", 4, "A", "C", "rs1", 0, alternate=0)
    assert isinstance(items[1], Rejected) and "*" in items[1].reason
    assert items[2] == Variant("1", 4, "A", "AT", "rs1", 2, alternate=2)


def test_duplicates_and_shared_or_missing_ids_are_all_kept(vcf: Path) -> None:
    line = "chr1\t5\trs1\tA\tC\n"
    items = read(vcf, line * 2 + "chr1\t9\trs1\tG\tT\n" + "chr1\t5\t.\tA\tC\n" * 2)
    assert [item.row for item in items] == [0, 1, 2, 3, 4]
    assert {item.id for item in items} == {"rs1", "."}


def test_case_does_not_matter_and_alleles_may_be_the_same(vcf: Path) -> None:
    items = read(vcf, "chr1 5 rs1 a c\nchr1 6 rs2 acg ACG\nchr1 7 rs3 N a\n")
    assert [item[2:4] for item in items] == [("A", "C"), ("ACG", "ACG"), ("N", "A")]
    assert isinstance(items[1], Variant) and items[1].size == 0


def test_variants_need_not_be_sorted(vcf: Path) -> None:
    items = read(vcf, "chr2\t5\ta\tA\tC\nchr1\t9\tb\tA\tC\nchr1\t3\tc\tA\tC\nchr2\t1\td\tA\tC\n")
    assert [item.id for item in items] == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("columns", "part"),
    [
        ("chr1 5 x A <DEL>", "alternate allele is symbolic"),
        ("chr1 5 x A <NON_REF>", "symbolic"),
        ("chr1 5 x A *", r"overlapping deletion"),
        ("chr1 5 x A .", "no alternate allele is given"),
        ("chr1 5 x . A", "no reference allele is given"),
        ("chr1 5 x A N[chr2:7[", "breakend"),
        ("chr1 5 x A .C", "breakend"),
        ("chr1 5 x A R", "letters other than"),
        ("chr1 5 x A C/T", "letters other than"),
        ("chr1 5 x <X> C", "reference allele is symbolic"),
        ("chr1 0 x A C", "not a number from 1 up"),
        ("chr1 -3 x A C", "not a number from 1 up"),
        ("chr1 5.0 x A C", "not a number from 1 up"),
        ("chr1 x5 x A C", "not a number from 1 up"),
        (f"chr1 {'9' * 5000} x A C", "not a number from 1 up"),
        ("chr1 5 x A", "line 3 has too few columns"),
        ("chr1", "line 3 has too few columns"),
    ],
)
def test_what_cannot_be_scored_is_rejected_with_its_text(
    vcf: Path, columns: str, part: str
) -> None:
    assert part in reason(vcf, columns.replace(" ", "\t"))
    (item,) = read_variants(vcf)
    texts = [*columns.split(), "", "", "", ""]
    assert list(item[1:6]) == texts[:5]


def test_empty_alternates_of_a_list_are_rejected(vcf: Path) -> None:
    items = read(vcf, f"{HEADER}chr1\t5\tx\tA\tC,,G\n")
    assert [isinstance(item, Rejected) for item in items] == [False, True, False]


def test_comments_and_empty_lines_are_left_out(vcf: Path) -> None:
    items = read(vcf, f"{HEADER}\nchr1\t5\tx\tA\tC\n# a remark\n\nchr1\t6\ty\tA\tC\n")
    assert [item.id for item in items] == ["x", "y"]


@pytest.mark.parametrize("text", ["", HEADER, "\n"])
def test_a_file_without_variants_is_read(vcf: Path, text: str) -> None:
    assert read(vcf, text) == []


def test_lines_may_end_as_on_windows(vcf: Path) -> None:
    vcf.write_bytes(b"chr1\t5\tx\tA\tC\r\nchr1\t6\ty\tA\tG\r\n")
    assert [item[3] for item in read_variants(vcf)] == ["C", "G"]


@pytest.mark.parametrize(
    "text",
    [
        "chrom\tpos\tref\talt\nchr1\t5\tA\tC\n",
        "#chrom\tpos\tref\talt\nchr1\t5\tA\tC\n",
        "score\tALT\tREF\tPosition\tChr\n0.5\tC\tA\t5\tchr1\n",
        "chr pos ref_allele alt_allele\nchr1 5 A C\n",
        "chr1\t5\tA\tC\n",
    ],
)
def test_tables_are_read(vcf: Path, text: str) -> None:
    assert read(vcf, text) == [Variant("chr1", 4, "A", "C", ".", row=0)]


def test_ids_of_tables_are_read(vcf: Path) -> None:
    (item,) = read(vcf, "variant_id\tchrom\tpos\tref\talt\nrs9\tchr1\t5\tA\tC\n")
    assert item == Variant("chr1", 4, "A", "C", "rs9", row=0)


@pytest.mark.parametrize(
    "text", ["chr1,5,A,C\n", "chr1\t5\tA\n", "gene\tscore\nX\t1\n", "ref\talt\nA\tC\n"]
)
def test_other_files_are_refused(vcf: Path, text: str) -> None:
    with pytest.raises(VariantError, match=r"variants\.vcf, line 1: expected VCF .* got"):
        read(vcf, text)


def test_bytes_are_refused(vcf: Path) -> None:
    vcf.write_bytes(bytes(range(256)))
    with pytest.raises(VariantError, match=r"this is no text; expected VCF"):
        list(read_variants(vcf))


def test_bcf_is_refused_with_advice(vcf: Path, tmp_path: Path) -> None:
    bcf = tmp_path / "variants.bcf"
    header = pysam.VariantHeader()
    header.contigs.add("chr1", length=1000)
    with pysam.VariantFile(str(bcf), "wb", header=header) as file:
        file.write(header.new_record(contig="chr1", start=4, alleles=("A", "C")))
    with pytest.raises(VariantError, match=r"bcftools view"):
        list(read_variants(bcf))


def test_a_missing_file_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_variants(tmp_path / "none.vcf")


def lines(count: int) -> str:
    return HEADER + "".join(f"chr1\t{i + 1}\trs{i}\tA\tC\t.\t.\t{i * 7919}\n" for i in range(count))


def test_packed_files_read_as_plain_ones(vcf: Path, tmp_path: Path) -> None:
    wanted = read(vcf, lines(5000))
    packed, blocks = tmp_path / "gzip.vcf.gz", tmp_path / "bgzip.vcf.gz"
    packed.write_bytes(gzip.compress(vcf.read_bytes()))
    pysam.tabix_compress(str(vcf), str(blocks))
    pysam.tabix_index(str(blocks), preset="vcf")
    assert list(read_variants(packed)) == wanted
    assert list(read_variants(blocks)) == wanted


def test_truncated_gzip_names_the_line_and_gives_what_is_before(vcf: Path, tmp_path: Path) -> None:
    wanted = read(vcf, lines(20_000))
    cut = tmp_path / "cut.vcf.gz"
    data = gzip.compress(vcf.read_bytes())
    cut.write_bytes(data[: len(data) // 2])
    seen = []
    with pytest.raises(VariantError, match=r"cut\.vcf\.gz, line \d+: .* cut short") as error:
        for item in read_variants(cut):
            seen.append(item)
    assert 4_000 < len(seen) < 16_000
    assert seen == wanted[: len(seen)]
    assert f"line {len(seen) + 3}:" in str(error.value)


def test_damaged_gzip_is_told(vcf: Path, tmp_path: Path) -> None:
    vcf.write_text(lines(5000))
    bad = tmp_path / "bad.vcf.gz"
    data = bytearray(gzip.compress(vcf.read_bytes()))
    data[len(data) // 2] ^= 0xFF
    bad.write_bytes(bytes(data))
    with pytest.raises(VariantError, match=r"bad\.vcf\.gz, line \d+: the gzip file is damaged"):
        list(read_variants(bad))


@pytest.mark.parametrize("kept", [0.5, -28, -1])
def test_truncated_bgzip_is_told_before_anything_is_read(
    vcf: Path, tmp_path: Path, kept: float
) -> None:
    vcf.write_text(lines(5000))
    blocks = tmp_path / "cut.vcf.gz"
    pysam.tabix_compress(str(vcf), str(blocks))
    data = blocks.read_bytes()
    blocks.write_bytes(data[: int(len(data) * kept) if kept > 0 else int(kept)])
    with pytest.raises(VariantError, match=r"cut\.vcf\.gz: the file is cut short"):
        read_variants(blocks)


def test_a_million_lines_take_seconds(vcf: Path) -> None:
    with vcf.open("w") as file:
        file.write(HEADER)
        for first in range(0, 1_000_000, 10_000):
            file.writelines(f"chr1\t{i + 1}\trs{i}\tA\tC\n" for i in range(first, first + 10_000))
    start = time.process_time()
    assert sum(isinstance(item, Variant) for item in read_variants(vcf)) == 1_000_000
    assert time.process_time() - start < 30


@pytest.mark.parametrize("pack", [False, True])
def test_memory_does_not_grow_with_the_file(vcf: Path, pack: bool) -> None:
    text = lines(50_000).encode()
    vcf.write_bytes(gzip.compress(text) if pack else text)
    tracemalloc.start()
    try:
        assert sum(1 for _ in read_variants(vcf)) == 50_000
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
