"""Which windows exist: what the reference lays, and what it ought to."""

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from whelp.genome.fasta import chromosome_lengths
from whelp.genome.intervals import BedError, Interval, intersect
from whelp.making import LabeledWindow, WindowPlan, WindowSettings, plan_windows
from whelp.making.division import divide_genome, window_starts
from whelp.making.plan import lay_windows
from whelp.making.windows import WindowError
from whelp.specs import TargetsTable

BASE = WindowSettings(seq_length=4096, crop_bp=512, test="ctgB", valid="ctgC")
REFERENCE = replace(BASE, as_reference=True)
UMAP = Path("umap.bed")
SHARES = {"test": "0.3", "valid": "0.3"}
MAIN = {
    **SHARES,
    "break_length": 6000,
    "stride_train": 0.5,
    "stride_test": 0.5,
    "snap": 128,
    "gaps": Path("gaps.bed"),
    "unmappable": UMAP,
}
RUNS: dict[str, dict[str, object]] = {
    "bed": {},
    "chr": {"crop_bp": 0},
    "chr_nocrop_gz": {"crop_bp": 0, "stride_train": 3000, "stride_test": 5000},
    "folds": {"break_length": 8192, "folds": 3},
    "folds_snap_st": {"break_length": 8192, "folds": 3, "snap": 128, "stride_test": 4096},
    "folds_stride": {"break_length": 8192, "folds": 4, "stride_train": 0.25},
    "pct_main": MAIN,
    "pct_parallel": {**SHARES, "break_length": 6000},
    "pct_seed7": {
        "break_length": 8192,
        "test": 0.2,
        "valid": 0.2,
        "stride_train": 0.5,
        "seed": 7,
    },
    "peaks": {"crop_bp": 1952, "pool_width": 64, "peaks_only": True},
    "sample": {"sample": 0.5},
    "umap_tfr": {"unmappable": UMAP},
    "umap_noclip": {"unmappable": UMAP, "unmappable_fraction": 0.3},
    "w128": {"pool_width": 128},
}
"""Runs of the reference -> what was set, beside `REFERENCE`."""


@pytest.fixture(scope="session")
def answers(golden: Path) -> Path:
    return golden / "data"


@pytest.fixture
def inputs(answers: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the inputs, which is also where one is: tables name files without folders."""
    monkeypatch.chdir(answers / "inputs")
    return answers / "inputs"


def plan(settings: WindowSettings, targets: str = "basic", genome: str = "genome.fa") -> WindowPlan:
    return plan_windows(Path(genome), TargetsTable.read(f"targets_{targets}.txt"), settings)


def bed(windows: list[LabeledWindow]) -> str:
    return "".join(f"{w.chrom}\t{w.start}\t{w.end}\t{w.label}\n" for w in windows)


@pytest.mark.parametrize("run", RUNS)
def test_windows_are_the_references_byte_for_byte(run: str, answers: Path, inputs: Path) -> None:
    settings = replace(REFERENCE, **RUNS[run])
    made = plan(settings, "peaks" if run == "peaks" else "basic")
    assert bed(made.contigs) == (answers / run / "contigs.bed").read_text()
    assert bed(made.windows) == (answers / run / "sequences.bed").read_text()
    mask = answers / run / "mseqs_unmap.npy"
    assert (made.unmappable is not None) == mask.exists()
    if made.unmappable is not None:
        written = io.BytesIO()
        np.save(written, made.unmappable)
        assert written.getvalue() == mask.read_bytes()


CRASHES: dict[str, dict[str, object]] = {
    "emptyfold": {"break_length": 65_536, "folds": 8},
    "emptyvalid_pct": {"break_length": 65_536, "test": None, "valid": None},
    "limit2": {"limit": Path("limit.bed")},
}
"""Runs in which the reference lays windows, and crashes later over an empty part."""


@pytest.mark.parametrize("run", CRASHES)
def test_an_empty_part_is_told_before_anything_is_made(
    run: str, answers: Path, inputs: Path
) -> None:
    settings = replace(REFERENCE, **CRASHES[run])
    with pytest.raises(WindowError, match=r"no window is left for .*; `whelp data` also uses"):
        plan(settings)
    targets = TargetsTable.read("targets_basic.txt")
    division = divide_genome(chromosome_lengths("genome.fa"), targets, settings)
    assert bed(division.contigs) == (answers / run / "contigs.bed").read_text()
    assert bed(lay_windows(division, settings)) == (answers / run / "sequences.bed").read_text()


@pytest.mark.parametrize("run", CRASHES)
def test_where_the_reference_crashes_there_are_windows(run: str, inputs: Path) -> None:
    options = {**CRASHES[run], "break_length": None}
    if run == "emptyfold":
        options["folds"] = 4
    made = plan(replace(BASE, **options))
    wanted = [f"fold{i}" for i in range(4)] if run == "emptyfold" else ["train", "valid", "test"]
    assert made.labels == wanted


def test_contigs_from_a_table_of_lengths(answers: Path, inputs: Path) -> None:
    made = plan(REFERENCE, genome="genome.fa.fai")
    assert bed(made.contigs) == (answers / "chromtable" / "contigs.bed").read_text()


def test_snap_with_folds_needs_no_test_stride(answers: Path, inputs: Path) -> None:
    settings = replace(REFERENCE, break_length=8192, folds=3, snap=128)
    assert bed(plan(settings).windows) == (answers / "folds_snap_st/sequences.bed").read_text()


def test_no_contig_and_no_last_window_is_lost(inputs: Path) -> None:
    lengths = chromosome_lengths("genome.fa")
    whole = plan(BASE)
    assert sum(c.end - c.start for c in whole.contigs) == sum(lengths.values())
    assert whole.notes == []
    lost = plan(REFERENCE)
    assert len(lost.notes) == 1 and "ctgA:0-64,000, is left out" in lost.notes[0]
    assert "ctgA" not in {contig.chrom for contig in lost.contigs}
    contig = Interval("ctgC", 0, 9216)
    assert list(window_starts(contig, BASE, step=3072)) == [0, 3072, 6144]
    assert list(window_starts(contig, REFERENCE, step=3072)) == [0, 3072]


def _intervals(windows: list[LabeledWindow]) -> list[Interval]:
    return [Interval(*window[:3]) for window in windows]


@pytest.mark.parametrize("folds", [None, 5])
def test_windows_lie_in_contigs_of_their_label_and_not_in_gaps(
    folds: int | None, inputs: Path
) -> None:
    made = plan(replace(BASE, **{**MAIN, "unmappable": None, "folds": folds}))
    gaps = [Interval("ctgA", 57_666, 64_000), Interval("ctgB", 22_000, 22_100)]
    assert intersect(_intervals(made.windows), gaps) == []
    for label in made.labels:
        contigs = _intervals([c for c in made.contigs if c.label == label])
        windows = _intervals([w for w in made.windows if w.label == label])
        assert sorted(intersect(windows, contigs)) == sorted(windows)
        others = _intervals([w for w in made.windows if w.label != label])
        assert intersect(windows, others) == []
    assert all(window.start % 128 == 0 for window in made.windows)
    assert all(window.end - window.start == 3072 for window in made.windows)


def test_windows_over_peaks_whose_regions_are_short(inputs: Path) -> None:
    settings = replace(BASE, peaks_only=True, pool_width=64, crop_bp=512)
    made = plan(settings, "peaks")
    peaks = [Interval("ctgC", 4118, 4407), Interval("ctgD", 6544, 6697)]
    assert {hit.chrom for hit in intersect(_intervals(made.windows), peaks)} == {"ctgC", "ctgD"}


def test_the_same_seed_gives_the_same_windows_and_leaves_the_generators_alone(inputs: Path) -> None:
    import random

    state = random.getstate(), np.random.get_state()[2]
    settings = replace(BASE, break_length=6000, **SHARES)
    first = plan(settings)
    assert first == plan(settings) and first.windows != plan(replace(settings, seed=7)).windows
    assert (random.getstate(), np.random.get_state()[2]) == state


def test_unmappable_windows_are_left_out_and_told(inputs: Path) -> None:
    made = plan(replace(BASE, unmappable=UMAP))
    assert made.unmappable is not None
    assert made.unmappable.shape == (len(made.windows), 96)
    assert (made.unmappable.mean(axis=1) < 0.5).all()
    assert "unmappable: 2 train, 1 valid" in made.notes[0]
    with pytest.raises(WindowError, match=r"no window is left for .*umap\.bed"):
        plan(replace(BASE, unmappable=UMAP, unmappable_fraction=0))


@pytest.mark.parametrize("name", ["gaps", "limit", "unmappable"])
def test_bed_with_other_names_of_chromosomes(name: str, inputs: Path, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.bed"
    path.write_text("A\t10\t20\n")
    with pytest.raises(BedError, match=rf"{name}\.bed: none of its chromosomes \(A\)"):
        plan(replace(BASE, **{name: path}))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pool_width": 48, "crop_bp": 0}, "4,096 bp, is not a whole number of bins"),
        ({"crop_bp": 2048}, "leaves something of seq_length"),
        ({"crop_bp": -1}, "leaves something of seq_length"),
        ({"pool_width": 0}, "pool_width is at least 1"),
        ({"snap": 100}, r"\(4,096 bp\) must be a multiple of snap \(100 bp\)"),
        ({"snap": 128, "stride_test": 100}, r"stride_test \(100 bp\) must be a multiple of snap"),
        ({"stride_train": 0}, "stride_train is a step of at least 1 bp"),
        ({"break_length": 1000}, "contigs are broken at 1,000 bp, below the length of a window"),
        ({"sample": 0.0}, "sample is a share"),
        ({"folds": 1}, "at least 2 folds"),
        ({"test": 0.5, "valid": 0.5}, "leave nothing to train on"),
    ],
)
def test_settings_that_make_no_sense(
    options: dict[str, object], message: str, inputs: Path
) -> None:
    for settings in (BASE, REFERENCE):
        with pytest.raises(WindowError, match=message):
            plan(replace(settings, **options))


def test_no_test_windows_where_none_are_wanted(inputs: Path) -> None:
    made = plan(replace(BASE, test=0.0, valid=0.2))
    assert made.labels == ["train", "valid"]


def test_chromosomes_named_by_numbers(tmp_path: Path) -> None:
    genome = tmp_path / "chrom.sizes"
    genome.write_text("1\t50000\n2\t30000\n3\t30000\n")
    settings = WindowSettings(seq_length=4096, test="1", valid="2,3")
    with pytest.raises(WindowError, match="no window is left for train"):
        plan_windows(genome, TargetsTable.model_construct(rows=()), settings)
    made = plan_windows(genome, TargetsTable.model_construct(rows=()), replace(settings, valid="2"))
    assert {(w.chrom, w.label) for w in made.windows} == {
        ("1", "test"),
        ("2", "valid"),
        ("3", "train"),
    }


def test_runs_that_are_tested_are_those_of_the_index(answers: Path) -> None:
    index = json.loads((answers / "index.json").read_text())
    assert set(RUNS) <= set(index)
