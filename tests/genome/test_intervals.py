"""BED files and set operations on intervals."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from whelp.genome.intervals import (
    BedError,
    Interval,
    check_chromosomes,
    intersect,
    merge,
    read_bed,
    read_spans,
    subtract,
)


def test_bed_of_all_kinds_of_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.bed"
    path.write_text(
        "# made by hand\ntrack name=peaks\nbrowser position chr1:1-2\n\n"
        "chr2\t5\t9\ta name\t3\r\nchr1 0 4 x\nchr1\t7\t7\n"
    )
    rows = read_bed(path)
    assert [row.interval for row in rows] == [("chr2", 5, 9), ("chr1", 0, 4), ("chr1", 7, 7)]
    assert [row.fields for row in rows] == [("a name", "3"), ("x",), ()]
    assert [row.line for row in rows] == [5, 6, 7]


def test_gzipped_bed_reads_as_plain(tmp_path: Path) -> None:
    path = tmp_path / "a.bed.gz"
    path.write_bytes(gzip.compress(b"chr1\t0\t4\nchr1\t9\t12\n"))
    assert [row.interval for row in read_bed(path)] == [("chr1", 0, 4), ("chr1", 9, 12)]


def test_spans_are_columns_in_the_order_of_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.bed"
    path.write_text("chrB\t9\t12\nchrA\t1\t2\nchrB\t0\t4\n")
    spans = read_spans(path)
    assert list(spans) == ["chrB", "chrA"]
    assert spans["chrB"].starts.tolist() == [9, 0] and spans["chrB"].ends.tolist() == [12, 4]
    assert spans["chrB"].starts.dtype == np.int64


@pytest.mark.parametrize(
    "line", ["chr1\t5", "chr1\tfive\t9", "chr1\t9\t5", "chr1\t-1\t5", "chr1:5-9", "chr1\t1.5\t3"]
)
def test_wrong_columns_are_named_with_file_and_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "wrong.bed"
    path.write_text(f"chr1\t0\t4\n{line}\n")
    for read in (read_bed, read_spans):
        with pytest.raises(BedError, match=r"wrong\.bed, line 2: expected chromosome, start"):
            read(path)


def test_what_is_no_bed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.bed"
    path.write_bytes(b"\x89HDF\r\n\x1a\n\xff\xff")
    with pytest.raises(BedError, match="no text"):
        read_bed(path)
    path.write_bytes(gzip.compress(b"chr1\t0\t4\n" * 99)[:-12])
    with pytest.raises(BedError, match="damaged or cut short"):
        read_bed(path)


def test_merge_joins_what_overlaps_or_touches() -> None:
    found = merge(
        [
            Interval("b", 5, 9),
            Interval("a", 10, 20),
            Interval("a", 0, 5),
            Interval("a", 5, 7),
            Interval("a", 12, 15),
        ]
    )
    assert found == [("a", 0, 7), ("a", 10, 20), ("b", 5, 9)]


def test_intersection_cuts_and_keeps_what_overlaps_twice() -> None:
    a = [Interval("a", 0, 100), Interval("b", 0, 10), Interval("a", 50, 60)]
    b = [Interval("a", 90, 120), Interval("a", 40, 55), Interval("a", 50, 60), Interval("c", 0, 9)]
    assert intersect(a, b) == [
        *[("a", 90, 100), ("a", 40, 55), ("a", 50, 60)],
        *[("a", 50, 55), ("a", 50, 60)],
    ]


def test_intersection_comes_in_the_order_of_bins() -> None:
    # The first of b spans two bins of 16,384 bp, and is kept in a coarser one than the others.
    b = [Interval("a", 16_000, 17_000), Interval("a", 20_000, 20_010), Interval("a", 5, 9)]
    assert intersect([Interval("a", 0, 99_999)], b) == [b[2], b[1], b[0]]


def test_intersection_by_brute_force() -> None:
    random = np.random.default_rng(3)

    def some(number: int) -> list[Interval]:
        starts = random.integers(0, 300_000, number)
        widths = random.integers(1, 90_000, number)
        return [Interval("a", int(s), int(s + w)) for s, w in zip(starts, widths, strict=True)]

    a, b = some(20), some(60)
    expected = [
        Interval("a", max(x.start, y.start), min(x.end, y.end))
        for x in a
        for y in b
        if x.start < y.end and y.start < x.end
    ]
    assert sorted(intersect(a, b)) == sorted(expected)


def test_subtraction_takes_overlapping_holes() -> None:
    whole = [Interval("b", 0, 10), Interval("a", 0, 100)]
    holes = [Interval("a", 90, 100), Interval("a", 10, 30), Interval("a", 20, 40)]
    assert subtract(whole, holes) == [("b", 0, 10), ("a", 0, 10), ("a", 40, 90)]
    assert subtract([Interval("a", 5, 9)], [Interval("a", 0, 20)]) == []


def test_chromosomes_of_other_names_are_said() -> None:
    assert check_chromosomes(["chr1", "chrUn"], ["chr1", "chr2"], what="x") == ["chrUn"]
    assert check_chromosomes([], ["chr1"], what="x") == []
    with pytest.raises(BedError, match=r"gaps\.bed: none of its chromosomes \(1, 2\).*write chr"):
        check_chromosomes(["1", "2"], ["chr1", "chr2"], what="gaps.bed")
    with pytest.raises(BedError, match="take chr off them"):
        check_chromosomes(["chr1"], ["1"], what="gaps.bed")
    with pytest.raises(BedError, match="another assembly"):
        check_chromosomes(["scaffold_9"], ["1"], what="gaps.bed")
