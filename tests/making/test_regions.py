"""Windows that are given."""

from pathlib import Path

import numpy as np
import pytest

from whelp.genome.intervals import BedError
from whelp.making import WindowPlan, WindowSettings, plan_windows
from whelp.making.windows import (
    LabeledWindow,
    WindowError,
    read_windows_bed,
    sorted_labels,
    write_windows_bed,
)
from whelp.specs import TargetsTable

NO_TARGETS = TargetsTable.model_construct(rows=())
GIVEN = [
    LabeledWindow("chr1", 0, 4096, "fold1"),
    LabeledWindow("chr1", 20_000, 24_096, "fold0"),
    LabeledWindow("chr2", 3_000, 7_096, "fold10"),
    LabeledWindow("chr1", 4_096, 8_192, "fold1"),
    LabeledWindow("chr2", 10_000, 14_096, "fold2"),
]


@pytest.fixture
def genome(tmp_path: Path) -> Path:
    path = tmp_path / "chrom.sizes"
    path.write_text("chr1\t25000\nchr2\t20000\nchr3\t4000\n")
    return path


def plan(genome: Path, windows: list[LabeledWindow], **options: object) -> WindowPlan:
    path = genome.parent / "sequences.bed"
    write_windows_bed(path, windows)
    settings = WindowSettings(**{"seq_length": 4096, "regions": path, **options})
    return plan_windows(genome, NO_TARGETS, settings)


def test_windows_and_labels_are_kept_by_label(genome: Path) -> None:
    made = plan(genome, GIVEN)
    assert made.labels == ["fold0", "fold1", "fold2", "fold10"]
    assert made.windows == [GIVEN[1], GIVEN[0], GIVEN[3], GIVEN[4], GIVEN[2]]
    assert made.contigs[1] == ("chr1", 0, 8192, "fold1")
    assert made.unmappable is None and made.notes == []
    assert plan(genome, GIVEN, as_reference=True).windows == made.windows


def test_folds_become_train_valid_and_test(genome: Path) -> None:
    made = plan(genome, GIVEN, test="fold1", valid=["fold2", "fold10"])
    assert made.labels == ["train", "valid", "test"]
    assert [window.label for window in made.windows] == ["train", *["valid"] * 2, *["test"] * 2]
    with pytest.raises(WindowError, match=r"different labels of theirs \(fold0, fold1, fold2"):
        plan(genome, GIVEN, test="fold3", valid="fold2")
    with pytest.raises(WindowError, match="shares of the genome or both be names"):
        plan(genome, GIVEN, test="fold2")


def test_shorter_targets_are_the_middle(genome: Path) -> None:
    made = plan(genome, GIVEN, seq_length=2048, crop_bp=512)
    window = made.windows[0]
    assert (window.start, window.end) == (21_536, 22_560)
    assert made.notes == ["Windows of 4,096 bp were made 1,024 bp long, around their middle"]
    # Bins stay on the grid of the given window, or begin at multiples of what is asked.
    assert {(made.windows[i].start - GIVEN[j].start) % 32 for i, j in ((0, 1), (1, 0))} == {0}
    snapped = plan(genome, GIVEN, seq_length=2048, crop_bp=512, snap=128)
    assert {window.start % 128 for window in snapped.windows} == {0}


def test_longer_targets_stay_within_chromosomes(genome: Path) -> None:
    made = plan(genome, GIVEN[:3], seq_length=6144)
    assert sorted(window[:3] for window in made.windows) == [
        ("chr1", 0, 6144),
        ("chr1", 18_848, 24_992),
        ("chr2", 1976, 8120),
    ]
    short = LabeledWindow("chr3", 0, 4000, "fold3")
    left = plan(genome, [*GIVEN[:3], short], seq_length=6144)
    assert len(left.windows) == 3
    assert "1 windows are left out: their chromosomes are shorter than 6,144 bp" in left.notes


def test_labels_that_would_share_bases_are_refused(genome: Path) -> None:
    windows = [*GIVEN, LabeledWindow("chr1", 8_192, 12_288, "fold2")]
    assert len(plan(genome, windows).windows) == 6
    with pytest.raises(
        WindowError, match=r"chr1:.* is in windows of fold1 and in windows of fold2"
    ):
        plan(genome, windows, seq_length=6144)
    with pytest.raises(WindowError, match="could be learned from the other"):
        plan(genome, [*GIVEN, GIVEN[0]._replace(label="fold7")])


def test_repeated_windows_are_taken_once(genome: Path) -> None:
    made = plan(genome, [*GIVEN, GIVEN[2]])
    assert len(made.windows) == 5 and "1 windows" in made.notes[0]


def test_windows_of_another_genome(genome: Path) -> None:
    with pytest.raises(WindowError, match=r"chr2:18,000-22,096.*20,000 bp; is the file of another"):
        plan(genome, [LabeledWindow("chr2", 18_000, 22_096, "train")])
    with pytest.raises(BedError, match="write chr before them"):
        plan(genome, [LabeledWindow("1", 0, 4096, "train")])
    part = [*GIVEN, LabeledWindow("chrUn_1", 0, 4096, "fold3")]
    made = plan(genome, part)
    assert len(made.windows) == 5 and "1 of 6 windows" in made.notes[0]
    with pytest.raises(WindowError, match="not in the genome: chrUn_1"):
        plan(genome, part, as_reference=True)


def test_the_drop_in_takes_windows_only_as_they_are(genome: Path) -> None:
    with pytest.raises(WindowError, match="has 4,096 bp; sequence length and crop give 2,048 bp"):
        plan(genome, GIVEN, seq_length=2048, as_reference=True)


def test_masks_follow_their_windows(genome: Path, tmp_path: Path) -> None:
    mask = np.zeros((5, 128), dtype=bool)
    for row in range(5):
        mask[row, : 10 * row] = True
    np.save(tmp_path / "mask.npy", mask)
    made = plan(genome, GIVEN, unmappable=tmp_path / "mask.npy", as_reference=True)
    assert made.unmappable is not None
    assert made.unmappable.sum(axis=1).tolist() == [10, 0, 30, 40, 20]
    kept = plan(genome, GIVEN, unmappable=tmp_path / "mask.npy", unmappable_fraction=0.4)
    assert len(kept.windows) == 5
    with pytest.raises(WindowError, match="no window is left for fold2: all have 0.3 or more"):
        plan(genome, GIVEN, unmappable=tmp_path / "mask.npy", unmappable_fraction=0.3)
    with pytest.raises(WindowError, match="the mask is of other windows"):
        plan(genome, GIVEN[:3], unmappable=tmp_path / "mask.npy")


def test_sampling_keeps_a_window_of_each_label(genome: Path) -> None:
    made = plan(genome, GIVEN, sample=0.1)
    assert made.labels == ["fold0", "fold1", "fold2", "fold10"] and len(made.windows) == 4


def test_what_cannot_go_with_given_windows(genome: Path) -> None:
    with pytest.raises(WindowError, match="folds and peaks_only cannot be given with them"):
        plan(genome, GIVEN, folds=3, peaks_only=True)


def test_missing_parts_are_noted(genome: Path) -> None:
    made = plan(genome, [LabeledWindow("chr1", 0, 4096, "train")])
    assert [note.rsplit(" has ")[-1] for note in made.notes] == [
        "no valid windows",
        "no test windows",
    ]


def test_labels_are_checked_by_line(tmp_path: Path) -> None:
    path = tmp_path / "sequences.bed"
    path.write_text("chr1\t0\t5\ttrain\nchr1\t5\t10\n")
    with pytest.raises(BedError, match=r"sequences\.bed, line 2: expected a label"):
        read_windows_bed(path)
    path.write_text("chr1\t0\t5\tpeak_1\n")
    with pytest.raises(BedError, match="line 1: expected a label.*got 'peak_1'"):
        read_windows_bed(path)
    path.write_text("")
    with pytest.raises(BedError, match="no windows"):
        read_windows_bed(path)


def test_labels_are_sorted_by_what_they_mean() -> None:
    labels = ["fold10", "test", "fold2", "train", "valid", "test"]
    assert sorted_labels(labels) == ["train", "valid", "test", "fold2", "fold10"]
