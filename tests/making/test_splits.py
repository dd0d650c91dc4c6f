"""Contigs: found, limited, broken, shared out and joined."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from whelp.genome.intervals import Interval
from whelp.making.contigs import (
    break_contigs,
    genome_contigs,
    limit_contigs,
    peak_regions,
    rejoin_contigs,
)
from whelp.making.division import divide_genome
from whelp.making.settings import WindowSettings
from whelp.making.splits import (
    balance_folds,
    fill_splits,
    split_by_fraction,
    split_into_folds,
)
from whelp.making.windows import WindowError
from whelp.specs import TargetsTable

NO_TARGETS = TargetsTable.model_construct(rows=())


def covered(contigs: list[Interval]) -> Counter[tuple[str, int]]:
    return Counter((chrom, at) for chrom, start, end in contigs for at in range(start, end))


def test_gaps_split_chromosomes() -> None:
    gaps = [Interval("b", 0, 5), Interval("a", 30, 40), Interval("a", 10, 20)]
    assert genome_contigs({"b": 9, "a": 40}, gaps) == [("b", 5, 9), ("a", 0, 10), ("a", 20, 30)]


def test_limits_that_overlap_do_not_repeat_a_base() -> None:
    contigs = [Interval("b", 0, 50), Interval("a", 0, 99)]
    regions = [Interval("a", 60, 200), Interval("a", 10, 30), Interval("a", 20, 40)]
    regions += [Interval("b", 5, 6)]
    expected = [("b", 5, 6), ("a", 10, 40), ("a", 60, 99)]
    assert limit_contigs(contigs, regions, as_reference=False) == expected
    assert len(limit_contigs(contigs, regions, as_reference=True)) == 4


def test_no_contig_is_lost_in_breaking() -> None:
    contigs = [Interval("a", 0, 1001), Interval("b", 10, 240), Interval("c", 0, 251)]
    pieces, longest = break_contigs(contigs, 250)
    everything = [*pieces, *longest]
    assert max(end - start for _, start, end in everything) <= 250
    assert covered(everything) == covered(contigs)
    assert sorted(rejoin_contigs(everything)) == contigs
    assert break_contigs([], 250) == ([], [])


def test_peaks_become_whole_bins_with_a_crop_around() -> None:
    peaks = [Interval("a", 100, 104), Interval("a", 130, 150), Interval("a", 5, 6)]
    regions = peak_regions(peaks, pool_width=8, crop_bp=16)
    # 100-104 is widened to 98-106; both get 16 bp on each side and touch: 82-166, 84 bp, 10 bins.
    assert regions == [("a", 0, 24), ("a", 84, 164)]
    widened = peak_regions(peaks, pool_width=8, crop_bp=0, least=64)
    assert {end - start for _, start, end in widened} == {64}


def test_shares_are_met_and_nothing_is_lost() -> None:
    pieces, longest = break_contigs([Interval("a", 0, 100_000), Interval("b", 0, 60_000)], 600)
    pieces += longest
    parts = split_by_fraction(pieces, valid=0.2, test=0.1, random=np.random.RandomState(1))
    bp = {part.label: part.bp for part in parts}
    assert list(bp) == ["train", "valid", "test"] and sum(bp.values()) == 160_000
    assert bp["valid"] == pytest.approx(32_000, rel=0.25)
    assert bp["test"] == pytest.approx(16_000, rel=0.25)
    again = split_by_fraction(pieces, valid=0.2, test=0.1, random=np.random.RandomState(1))
    assert again == parts
    folds = split_into_folds(pieces, 4, random=np.random.RandomState(1))
    assert sum(part.bp for part in folds) == 160_000
    assert all(part.bp == pytest.approx(40_000, rel=0.25) for part in folds)


def test_few_contigs_leave_no_part_empty() -> None:
    contigs = [Interval("a", at, at + 10) for at in range(0, 60, 20)]
    for seed in range(5):
        random = np.random.RandomState(seed)
        parts = fill_splits(contigs, valid=0.05, test=0.05, random=random)
        assert [part.pieces for part in parts] == [1, 1, 1]
    assert [part.pieces for part in balance_folds(contigs, 3)] == [1, 1, 1]


@pytest.mark.parametrize(("folds", "test"), [(None, 0.05), (4, None), (None, "b")])
def test_small_genomes_have_windows_everywhere(folds: int | None, test: object) -> None:
    settings = WindowSettings(
        seq_length=4096,
        crop_bp=512,
        folds=folds,
        test=test,
        valid="c" if test == "b" else None,
    )
    division = divide_genome({"a": 40_000, "b": 9_000, "c": 30_000}, NO_TARGETS, settings)
    assert all(part.contigs for part in division.parts)
    assert sum(part.bp for part in division.parts) == 79_000


def test_small_genomes_have_as_much_as_was_asked_for() -> None:
    lengths = {f"c{number}": 131_072 for number in range(54)}
    total = sum(lengths.values())
    for seed in range(4):
        settings = WindowSettings(seq_length=131_072, crop_bp=49_152, seed=seed, test=0.1)
        parts = {part.label: part for part in divide_genome(lengths, NO_TARGETS, settings).parts}
        assert parts["test"].bp == pytest.approx(0.1 * total, rel=0.3)
        assert parts["valid"].bp == pytest.approx(0.05 * total, rel=0.3)


def test_names_of_chromosomes_are_checked() -> None:
    def divide(**options: object) -> None:
        settings = WindowSettings(seq_length=1024, **options)
        divide_genome({"chr1": 9_000, "chr2": 9_000}, NO_TARGETS, settings)

    with pytest.raises(WindowError, match=r"not in the genome: 2; it has chr1, chr2"):
        divide(test="2", valid="chr1")
    with pytest.raises(WindowError, match="chr2: given for validation and for test"):
        divide(test="chr2", valid=["chr2"])
    with pytest.raises(WindowError, match="both be shares of the genome or both be names"):
        divide(test="chr2")


def test_contigs_that_are_too_short_are_told() -> None:
    settings = WindowSettings(seq_length=4096, crop_bp=0)
    with pytest.raises(WindowError, match=r"the longest of 2 has 4,000 bp.*cover 4,096 bp"):
        divide_genome({"a": 4_000, "b": 99}, NO_TARGETS, settings)


def test_peaks_only_needs_peaks(tmp_path: Path) -> None:
    table = tmp_path / "targets.txt"
    table.write_text("\tidentifier\tfile\n0\tone\tone.bw\n")
    settings = WindowSettings(seq_length=4096, peaks_only=True)
    with pytest.raises(WindowError, match=r"one is 'one\.bw'"):
        divide_genome({"a": 40_000}, TargetsTable.read(table), settings)
