"""Scores of groups, by hand."""

from pathlib import Path

import numpy as np
import pytest

from whelp.scoring.groups import Groups
from whelp.scoring.strands import Strands
from whelp.specs import SpecError, TargetsTable


def _groups(tmp_path: Path, *groups: str) -> Groups:
    """Tracks a-, a+, b, c, ... of these groups."""
    names, pairs = ["a-", "a+", "b", "c", "d"], [1, 0, 2, 3, 4]
    lines = ["\tidentifier\tstrand_pair\tgroup"]
    lines += [f"{at}\t{names[at]}\t{pairs[at]}\t{group}" for at, group in enumerate(groups)]
    path = tmp_path / "targets.txt"
    path.write_text("\n".join(lines) + "\n")
    targets = TargetsTable.read(path)
    return Groups.of(targets, Strands.of(targets))


def test_means_and_contrasts(tmp_path: Path) -> None:
    groups = _groups(tmp_path, "T", "T", "B", "T", "NK")
    assert groups.names == ("T", "B", "NK")
    means = groups.means(np.array([[1, 5, 3, 8], [0, 0, 0, 0]], np.float32))
    assert means.tolist() == [[2, 5, 8], [0, 0, 0]]
    assert groups.against_others(means).tolist() == [[2 - 6.5, 0, 8 - 3.5], [0, 0, 0]]


def test_tracks_without_a_group_are_left_out(tmp_path: Path) -> None:
    groups = _groups(tmp_path, "", "", "B", "", "B")
    assert groups.means(np.array([100.0, 1, 100, 3])).tolist() == [2]
    with pytest.raises(ValueError, match="two groups or more .*received 1"):
        groups.against_others(np.array([2.0]))


def test_no_groups(tmp_path: Path) -> None:
    groups = _groups(tmp_path, "", "", "")
    assert len(groups) == 0
    assert groups.means(np.zeros((3, 2))).shape == (3, 0)


def test_strands_of_two_groups_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"targets.txt: row 0.group: got \"B\"; expected .*'T'"):
        _groups(tmp_path, "B", "T")
