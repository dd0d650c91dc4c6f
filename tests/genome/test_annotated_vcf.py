"""Records with more in their INFO column, read back by pysam."""

import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pysam
import pytest

from whelp.genome.annotated_vcf import InfoField, info_key, info_value, write_annotated_vcf
from whelp.genome.variants import Line, Rejected

FIELDS = [InfoField("size", "Float", 'Its "length"'), InfoField("why", "String", "Reason")]
LENGTHS = {"chr1": 9000, "chr2": 3000}
HEADER = """\
##fileformat=VCFv4.2
##contig=<ID=chr1>
##INFO=<ID=AC,Number=A,Type=Integer,Description="Count">
##INFO=<ID=size,Number=1,Type=String,Description="Of an earlier run">
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tanna\tbert
"""


def sizes(line: Line) -> dict[str, list[str]]:
    """Lengths of the alternates, and what is wrong with those that cannot be scored."""
    rejected = [item.reason if isinstance(item, Rejected) else "" for item in line.items]
    lengths = [
        "." if reason else str(len(i.alt)) for i, reason in zip(line.items, rejected, strict=True)
    ]
    values = {"size": lengths, "why": [info_value(reason) for reason in rejected]}
    return {key: texts for key, texts in values.items() if set(texts) != {"."}}


def annotate(folder: Path, text: str) -> Path:
    source, path = folder / "in.vcf", folder / "out.vcf.gz"
    source.write_text(text)
    write_annotated_vcf(source, path, FIELDS, sizes, lengths=LENGTHS)
    return path


def records(path: Path) -> list[dict[str, Any]]:
    with pysam.VariantFile(str(path)) as file:
        return [
            {"pos": r.pos, "id": r.id, "ref": r.ref, "alts": r.alts, **dict(r.info)} for r in file
        ]


def test_header_genotypes_and_other_fields_stay(tmp_path: Path) -> None:
    rows = [
        "chr1\t10\trs1\tA\tC,<DEL>\t30\tPASS\tAC=3,4;size=old\tGT\t0|1\t2|2",
        "chr1\t10\t.\ta\t*\t.\tq10\t.\tGT\t0|1\t.",
        "chr1\t10\tnone\tA\t.\t.\t.\t.\tGT\t0|0\t.",
        "chr2\t5\tlast\tAC\tA\t.\t.\tAC=1\tGT\t0|0\t1|1",
    ]
    path = annotate(tmp_path, HEADER + "\n".join(rows) + "\n")
    first, second, third, last = records(path)
    assert (first["AC"], first["size"]) == ((3, 4), (1.0, None))
    assert first["why"] == (".", "the_alternate_allele_is_symbolic")
    assert (second["ref"], second["alts"], "size" in second) == ("a", ("*",), False)
    assert second["why"][0].startswith("the_alternate_allele_is_*")
    assert third["alts"] is None and third["why"] == ("no_alternate_allele_is_given",)
    assert last["size"] == (1.0,) and "why" not in last
    with pysam.VariantFile(str(path)) as file:
        assert list(file.header.samples) == ["anna", "bert"]
        assert file.header.info["size"].description == "Its 'length'"
        assert dict(file.header.contigs)["chr2"].length == 3000
        assert [sample["GT"] for sample in next(iter(file)).samples.values()] == [(0, 1), (2, 2)]
        assert [record.id for record in file.fetch("chr2", 0, 9)] == ["last"]
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    assert [line.split("\t")[5:7] for line in lines[-4:]] == [
        ["30", "PASS"],
        [".", "q10"],
        [".", "."],
        [".", "."],
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("chr1\t3\trs1\tA\tC\n", [3]),
        ("chr1 3 rs1 A C\nchr1 4 rs2 A C\n", [3, 4]),
        ("#CHROM\tPOS\tID\tREF\tALT\nchr1\t3\trs1\tA\tC\n", [3]),
        ("chr1\t3\trs1\tA\tC\t7.5\tPASS\tDB\tGT\t0|1\n", [3]),
        ("chr1\t3\trs1\tA\tC\tliver\t1e-8\tx\n", [3]),
        ("chrom\tpos\tref\talt\tbeta\nchr1\t3\tA\tC\t0.5\n", [3]),
        ("beta\talt\tref\tpos\tchrom\n0.5\tC\tA\t3\tchr1\n", [3]),
        ("chr1\t3\tA\tC\n\nchr1\tx\tA\tC\nchr1\t4\nchr1\t99999999999\tA\tC\n", [3]),
        ("", []),
    ],
)
def test_tables_and_files_without_header(tmp_path: Path, text: str, expected: list[int]) -> None:
    """Lines that VCF cannot hold are left out."""
    path = annotate(tmp_path, text)
    found = records(path)
    assert [record["pos"] for record in found] == expected
    assert all((r["ref"], r["alts"], r["size"]) == ("A", ("C",), (1.0,)) for r in found)
    if expected:
        with pysam.VariantFile(str(path)) as file:
            assert file.header.contigs["chr1"].length == 9000
            quality = next(iter(file)).qual
        assert quality == (7.5 if "7.5" in text else None)


@pytest.mark.parametrize("places", [("chr1", 5, 4), ("chr1", 1, "chr2", 1, "chr1", 2)])
def test_no_index_of_what_is_not_sorted(tmp_path: Path, places: Sequence[Any]) -> None:
    """And none of an earlier file is left."""
    sorted_text = "chr1\t4\ta\tA\tC\n"
    path = annotate(tmp_path, sorted_text)
    assert path.with_name("out.vcf.gz.tbi").exists()
    chrom, lines = "", []
    for place in places:
        chrom = place if isinstance(place, str) else chrom
        if isinstance(place, int):
            lines.append(f"{chrom}\t{place}\t.\tA\tC\n")
    path = annotate(tmp_path, "".join(lines))
    assert [record["pos"] for record in records(path)] == [p for p in places if isinstance(p, int)]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["in.vcf", "out.vcf.gz"]


def test_far_places_need_another_index(tmp_path: Path) -> None:
    path = annotate(tmp_path, "chr1\t600000000\ta\tA\tC\n")
    assert path.with_name("out.vcf.gz.csi").exists()
    with pysam.VariantFile(str(path)) as file:
        assert [r.id for r in file.fetch("chr1", 599_999_999, 600_000_000)] == ["a"]


def test_keys_and_values_that_vcf_allows() -> None:
    assert info_key("T cell (CD4+)") == "T_cell__CD4__"
    assert info_value("a b;c=d,e%") == "a_b%3Bc%3Dd%2Ce%25" and info_value("") == "."
