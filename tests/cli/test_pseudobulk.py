"""`whelp pseudobulk` on a BAM file of a few reads, on to a targets table."""

from collections.abc import Callable
from pathlib import Path

import pysam
import pytest

from whelp.specs import TargetsTable


@pytest.fixture(autouse=True)
def cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("barcodes.tsv").write_text("barcode\tgroup\nAAA-1\tT\nCCC-1\tB\nGGG-1\tB\n")
    header = pysam.AlignmentHeader.from_dict({"SQ": [{"SN": "chr1", "LN": 1000}]})
    with pysam.AlignmentFile("cells.bam", "wb", header=header) as file:
        for number, cell in enumerate(("AAA-1", "CCC-1", "TTT-1")):
            read = pysam.AlignedSegment(header)
            read.query_name, read.reference_id, read.mapping_quality = f"r{number}", 0, 255
            read.reference_start, read.cigarstring = 100 + number, "50M"
            read.set_tag("CB", cell)
            file.write(read)


def test_groups_and_left_out_reads_are_told(whelp: Callable) -> None:
    result = whelp("pseudobulk", "cells.bam", "barcodes.tsv", "--out-dir", "groups")
    assert result.exit_code == 0, result.output
    assert "Reads: 2 of 3 counted" in result.stdout
    assert "barcodes that the table does not have" in result.stdout
    assert "T.plus.bw, T.minus.bw" in result.stdout
    assert "1 barcodes of the table have no reads" in result.stderr
    done = whelp("targets", "groups/*.bw", "--samples", "groups/samples.tsv")
    assert done.exit_code == 0, done.output
    assert [row.identifier for row in TargetsTable.read("targets.txt").rows] == [
        *("B+", "B-", "T+", "T-")
    ]


def test_errors_are_one_message(whelp: Callable) -> None:
    arguments = ("cells.bam", "barcodes.tsv", "-o", "groups", "--barcode-tag", "XC")
    result = whelp("pseudobulk", *arguments)
    assert result.exit_code == 1 and "no read has the tag XC" in result.stderr
    assert "Traceback" not in result.output and not Path("groups").exists()
    assert sorted(path.name for path in Path().iterdir()) == ["barcodes.tsv", "cells.bam"]
