"""Strand pairs of targets tables: the reference's matrices, and what it gets wrong."""

from pathlib import Path

import numpy as np
import pytest

from whelp.scoring.strands import Strands
from whelp.specs import SpecError, TargetsTable

SHUFFLED = [("a-", 3), ("b", 1), ("c+", 4), ("a+", 0), ("c-", 2)]


def _table(tmp_path: Path, rows: list[tuple[str, int]]) -> TargetsTable:
    lines = ["\tidentifier\tstrand_pair", *(f"{at}\t{n}\t{p}" for at, (n, p) in enumerate(rows))]
    path = tmp_path / "targets.txt"
    path.write_text("\n".join(lines) + "\n")
    return TargetsTable.read(path)


def test_matrix_and_names_are_the_reference_s(functions: Path) -> None:
    targets = TargetsTable.read(functions / "targets.txt")
    strands = Strands.of(targets)
    wanted = np.load(functions / "functions.npz")["strand_transform"]
    np.testing.assert_array_equal(strands.matrix(), wanted)
    # Kept are the + strands: of c-, c+ that is the second.
    assert [row.identifier for row in strands.rows(targets)] == ["a+", "b", "c+", "d", "e+"]


def test_pairs_need_not_be_neighbours(tmp_path: Path) -> None:
    # The reference adds a+, b+ and a- here, and leaves b- by itself.
    targets = _table(tmp_path, [("a+", 2), ("b+", 3), ("a-", 0), ("b-", 1)])
    assert Strands.of(targets).matrix().tolist() == [[1, 0], [0, 1], [1, 0], [0, 1]]


def test_merged_tracks_stand_in_the_order_of_plus_strands(tmp_path: Path) -> None:
    targets = _table(tmp_path, SHUFFLED)
    strands = Strands.of(targets)
    assert [row.identifier for row in strands.rows(targets)] == ["b", "c+", "a+"]
    values = np.array([[1.0, 10, 100, 1000, 10000]])
    assert strands.merge(values).tolist() == [[10, 10100, 1001]]
    np.testing.assert_array_equal(strands.merge(values), values @ strands.matrix())
    assert values.tolist() == [[1, 10, 100, 1000, 10000]]


def test_a_gene_s_strand_in_the_same_order(tmp_path: Path) -> None:
    strands = Strands.of(_table(tmp_path, SHUFFLED))
    values = np.array([1, 10, 100, 1000, 10000])
    assert strands.select(values, "+").tolist() == [10, 100, 1000]
    assert strands.select(values, "-").tolist() == [10, 10000, 1]
    assert strands.select(values, ".").tolist() == [10, 10100, 1001]
    with pytest.raises(ValueError, match="received 'plus'"):
        strands.select(values, "plus")


def test_norms_join_as_of_one_vector(tmp_path: Path) -> None:
    strands = Strands.of(_table(tmp_path, [("a+", 1), ("a-", 0), ("b", 2)]))
    np.testing.assert_allclose(strands.merge_norms(np.array([3.0, 4.0, 2.0])), [5, 2])


def test_without_the_column_nothing_is_merged(tmp_path: Path) -> None:
    path = tmp_path / "targets.txt"
    path.write_text("\tidentifier\n0\ta+\n1\ta-\n")
    strands = Strands.of(TargetsTable.read(path))
    assert strands.matrix().tolist() == [[1, 0], [0, 1]]


def test_a_slice_of_a_table_keeps_its_indexes(tmp_path: Path) -> None:
    path = tmp_path / "targets.txt"
    path.write_text("\tidentifier\tstrand_pair\n70\ta-\t90\n90\ta+\t70\n")
    assert Strands.of(TargetsTable.read(path)).plus.tolist() == [1]


def test_unclear_strands_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"row 0.identifier: got 'plus', paired with 'minus'"):
        Strands.of(_table(tmp_path, [("plus", 1), ("minus", 0)]))


def test_other_numbers_of_tracks_are_refused(tmp_path: Path) -> None:
    strands = Strands.of(_table(tmp_path, [("a+", 1), ("a-", 0)]))
    for call in (strands.merge, lambda values: strands.select(values, "+")):
        with pytest.raises(ValueError, match=r"expected 2 tracks.*\(4, 3\)"):
            call(np.zeros((4, 3)))
