"""What is told of tracks and regions before they are read, and of what came of them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from whelp.genome.bigwig import write_bigwig_values
from whelp.genome.intervals import BedError
from whelp.making import DataSummary, MakingError, make_data
from whelp.specs import TargetsTable


def _make(project: Any, out: Path, **more: Any) -> DataSummary:
    settings = replace(project.settings, **more)
    return make_data(project.genome, project.targets, out, settings)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("chr1\t100", "line 1: expected chromosome, start and end"),
        ("1\t100\t200", "none of its chromosomes (1) is in the genome"),
    ],
)
def test_a_blacklist_is_checked_before_anything_is_written(
    line: str, message: str, project: Any
) -> None:
    blacklist = project.folder / "blacklist.bed"
    blacklist.write_text(f"{line}\n")
    out = project.folder / "out"
    with pytest.raises(BedError) as error:
        _make(project, out, blacklist=blacklist)
    assert message in str(error.value)
    assert not out.exists()


def test_the_reference_blacklists_nothing_by_other_names(project: Any) -> None:
    blacklist = project.folder / "blacklist.bed"
    blacklist.write_text("1\t100\t200\n")
    windows = replace(project.settings.windows, as_reference=True, valid=0.3, test=0.3)
    made = _make(project, project.folder / "out", blacklist=blacklist, windows=windows)
    assert any(note.startswith("nothing is blacklisted: ") for note in made.notes)


def test_negative_targets_are_told(project: Any) -> None:
    lengths = {"chr1": 9000, "chr2": 5000}
    values = [(chrom, np.full(size, -0.5, np.float32)) for chrom, size in lengths.items()]
    write_bigwig_values(project.folder / "t1.bw", lengths, values)
    text = project.targets.read_text().replace("sum_sqrt\t1", "sum\t1")
    project.targets.write_text(text)
    made = _make(project, project.folder / "out")
    assert made.tracks[1].min == -16 and made.tracks[0].min >= 0
    assert made.notes[-1] == (
        "there are negative targets; Poisson losses want none: track1 (down to -16)"
    )


def test_rows_without_a_file_are_listed(project: Any) -> None:
    table = TargetsTable.read(project.targets)
    rows = tuple(row.model_copy(update={"file": None}) for row in table.rows)
    nameless = TargetsTable.model_construct(rows=rows, path="")
    with pytest.raises(MakingError, match="track0: no file named"):
        make_data(project.genome, nameless, project.folder / "out", project.settings)


@pytest.mark.parametrize("is_file", [True, False])
def test_groups_go_on_to_the_data_set(is_file: bool, project: Any) -> None:
    groups = ("group", "young", "young", "old")
    lines = zip(project.targets.read_text().splitlines(), groups, strict=True)
    project.targets.write_text("".join(f"{line}\t{group}\n" for line, group in lines))
    table = TargetsTable.read(project.targets)
    if not is_file:
        rows = [
            row.model_copy(update={"file": str(project.folder / str(row.file))})
            for row in table.rows
        ]
        table = TargetsTable.model_construct(rows=tuple(rows), path="")
    made = make_data(project.genome, table, project.folder / "out", project.settings)
    copied = TargetsTable.read(made.path / "targets.txt")
    assert tuple(row.group for row in copied.rows) == groups[1:]
