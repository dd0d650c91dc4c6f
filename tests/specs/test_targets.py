"""The targets table."""

from pathlib import Path

import pytest

from whelp.specs import SpecError, TargetsTable, check_strand_pairs

HEADER = "\tidentifier\tfile\tclip\tclip_soft\tscale\tsum_stat\tstrand_pair\tdescription"
ROWS = [
    "0\tA+\ta+.w5\t384\t64\t1.0\tsum\t1\tCAGE:a",
    "1\tA-\ta-.w5\t384\t64\t1.0\tsum\t0\tCAGE:a",
    "2\tB\tb.bw\t\t\t0.3\tsum_sqrt\t2\tRNA:b",
]


def _write(folder: Path, *lines: str) -> Path:
    path = folder / "targets.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_table_is_read(tmp_path: Path) -> None:
    table = TargetsTable.read(_write(tmp_path, HEADER, *ROWS))
    assert len(table) == 3
    assert [row.identifier for row in table.rows] == ["A+", "A-", "B"]
    assert table.strand_pair == [1, 0, 2]
    last = table.rows[2]
    assert (last.clip, last.scale, last.sum_stat, last.group) == (None, 0.3, "sum_sqrt", None)


def test_index_may_have_no_name_in_the_header(tmp_path: Path) -> None:
    table = TargetsTable.read(_write(tmp_path, HEADER.lstrip("\t"), *ROWS))
    assert [row.index for row in table.rows] == [0, 1, 2]


def test_slice_of_a_table_keeps_its_indexes(tmp_path: Path) -> None:
    rows = ["34\tX+\tx\t1\t1\t1\tsum\t35\tx", "35\tX-\tx\t1\t1\t1\tsum\t34\tx"]
    table = TargetsTable.read(_write(tmp_path, HEADER, *rows))
    assert table.strand_pair == [1, 0]


def test_without_strand_pairs_the_table_is_usable(tmp_path: Path) -> None:
    table = TargetsTable.read(_write(tmp_path, "\tidentifier\tfile", "0\tA\ta", "1\tB\tb"))
    assert len(table) == 2
    assert table.strand_pair is None


def test_other_columns_are_let_be(tmp_path: Path) -> None:
    lines = [f"{HEADER}\tgroup\tnote", *(f"{row}\tg\tn" for row in ROWS)]
    assert TargetsTable.read(_write(tmp_path, *lines)).rows[0].group == "g"


FAULTS = {
    "no track of that index": (["1\tA-\ta\t1\t1\t1\tsum\t7\ta"], "row 1.strand_pair", "got 7"),
    "no way back": (["1\tA-\ta\t1\t1\t1\tsum\t2\ta"], "row 0.strand_pair", "of track 1 is 2"),
    "other names": (["1\tC-\ta\t1\t1\t1\tsum\t0\ta"], "row 0.strand_pair", "'A+' is paired with"),
    "same strand": (["1\tA2+\ta\t1\t1\t1\tsum\t0\ta"], "row 0.strand_pair", "paired"),
    "fraction": (["1\tA-\ta\t1\t1\t1\tsum\t0.5\ta"], "line 3.strand_pair", "whole number"),
    "empty pair": (["1\tA-\ta\t1\t1\t1\tsum\t\ta"], "line 3.strand_pair", "value is missing"),
    "word for a number": (["1\tA-\ta\thigh\t1\t1\tsum\t0\ta"], "line 3.clip", "a number"),
    "infinite scale": (["1\tA-\ta\t1\t1\tinf\tsum\t0\ta"], "line 3.scale", "finite"),
    "index twice": (["0\tA-\ta\t1\t1\t1\tsum\t0\ta"], "row 0", "twice"),
    "short row": (["1\tA-\ta"], "line 3", "3 values"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_names_file_and_row(tmp_path: Path, fault: str) -> None:
    second, place, words = FAULTS[fault]
    path = _write(tmp_path, HEADER, ROWS[0], *second, ROWS[2])
    with pytest.raises(SpecError) as caught:
        TargetsTable.read(path)
    assert (caught.value.file, caught.value.path) == (str(path), place)
    assert words in str(caught.value)


@pytest.mark.parametrize("lines", [[], [HEADER]])
def test_empty_table_is_refused(tmp_path: Path, lines: list[str]) -> None:
    with pytest.raises(SpecError, match="no rows"):
        TargetsTable.read(_write(tmp_path, *lines))


def test_table_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="tab-separated"):
        TargetsTable.read(_write(tmp_path, "index,identifier,file", "0,A,a"))


def test_strand_pairs_alone() -> None:
    check_strand_pairs([0, 1, 2], [1, 0, 2])
    with pytest.raises(SpecError, match=r"here: row 0\.strand_pair"):
        check_strand_pairs([0, 1, 2], [1, 2, 0], file="here")
