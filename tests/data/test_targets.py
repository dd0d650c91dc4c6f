import pandas as pd
import pytest

from whelp.data import DataError, read_targets, strand_pairs


def test_strand_pairs_of_real_tracks(mm10, hg38):
    mouse = strand_pairs(read_targets(mm10 / "targets.txt"))
    assert mouse[:4].tolist() == [1, 0, 3, 2]
    human = read_targets(hg38 / "targets.txt")
    pairs = strand_pairs(human)
    assert (pairs[pairs] == range(74)).all()
    plus = human.identifier.str.endswith("+").to_numpy()
    assert human.identifier.str.endswith("-").to_numpy()[pairs[plus]].all()


def test_a_slice_keeps_its_numbers(hg38):
    table = read_targets(hg38 / "targets_rna.txt")
    assert table.index[0] == 34
    assert strand_pairs(table)[:2].tolist() == [1, 0]


def table(pairs, index=None):
    return pd.DataFrame({"strand_pair": pairs}, index=index)


def test_unstranded_tracks_and_pairs_that_are_apart():
    assert strand_pairs(table([2, 1, 0])).tolist() == [2, 1, 0]
    assert strand_pairs(pd.DataFrame({"identifier": ["a"]})) is None


@pytest.mark.parametrize(
    ("pairs", "problem"),
    [
        ([1, 2, 0], "row 0.strand_pair: got 1; expected a track whose own strand_pair is 0"),
        ([1, 0, 9], "row 2.strand_pair: got 9; expected the index of a track in the table"),
        ([1, 0, None], "strand_pair of track 2 is nan"),
        ([1, 0, 1.5], "strand_pair of track 2 is 1.5"),
        (["1", "0", "x"], "strand_pair of track 2 is 'x'"),
    ],
)
def test_broken_pairs(pairs, problem):
    with pytest.raises(DataError, match=problem):
        strand_pairs(table(pairs))


def test_a_slice_with_half_a_pair():
    with pytest.raises(DataError, match="Take both strands of a track or neither"):
        strand_pairs(table([4, 6], index=[5, 6]))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "not a tab-separated targets table"),
        ("\tidentifier\n", "received no rows"),
        ("identifier\tfile\nfoo\tbar\n", "numbers the tracks"),
        ("\tidentifier\n0\ta\n0\tb\n", "track number 0 stands in the table more than once"),
    ],
)
def test_unreadable_tables(tmp_path, content, problem):
    path = tmp_path / "targets.txt"
    path.write_text(content)
    with pytest.raises(DataError, match=problem):
        read_targets(path)
    with pytest.raises(DataError, match="no such targets table"):
        read_targets(tmp_path / "gone.txt")
