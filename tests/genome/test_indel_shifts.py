"""Insertions and deletions: shifts, stitching, and what is compared with what."""

from pathlib import Path

import numpy as np
import pytest

from whelp.genome import dna
from whelp.genome.alternates import alternate_sequence
from whelp.genome.indel_shifts import ShiftPlan, pair_predictions, plan_shifts, stitch, stitch_bin
from whelp.genome.variants import Variant


@pytest.fixture(scope="module")
def functions(golden: Path) -> dict[str, np.ndarray]:
    return dict(np.load(golden / "snp" / "functions" / "functions.npz"))


@pytest.mark.parametrize(("name", "at"), [("pos4", 4), ("mid", None), ("posbig", 100)])
def test_stitching_as_the_reference(
    functions: dict[str, np.ndarray], name: str, at: int | None
) -> None:
    found = stitch(functions["stitch_in"], at)
    np.testing.assert_array_equal(found, functions[f"stitch_out_{name}"])


def test_left_of_all_bins_the_moved_ones_count(functions: dict[str, np.ndarray]) -> None:
    """The reference counts a negative bin from the end, and joins far from the variant."""
    found = stitch(functions["stitch_in"], -3)
    np.testing.assert_array_equal(found, functions["stitch_in"][1::2])
    wrong = functions["stitch_out_posneg"]
    np.testing.assert_array_equal(wrong, stitch(functions["stitch_in"], 7))


@pytest.mark.parametrize(
    ("size", "shared", "wanted"),
    [
        (0, False, ShiftPlan((0, 1), (0, 1), "")),
        (0, True, ShiftPlan((0, 1), (0, 1), "")),
        (3, False, ShiftPlan((0, 1), (0, -3, 1, -2), "alternate")),
        (3, True, ShiftPlan((0, 1), (0, -3, 1, -2), "alternate")),
        (-3, False, ShiftPlan((0, -3, 1, -2), (0, 1), "reference")),
        (-3, True, ShiftPlan((0, 1), (0, 3, 1, 4), "alternate")),
    ],
)
def test_plans(size: int, shared: bool, wanted: ShiftPlan) -> None:
    assert plan_shifts(size, (0, 1), shared=shared) == wanted


def windows(sequence: str, shifts: tuple[int, ...]) -> np.ndarray:
    """One prediction for each shift, of a model that gives a bin of one base its index."""
    return np.stack([dna.shift(dna.encode(sequence), shift) for shift in shifts])


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize(("ref", "alt"), [("A", "ATTT"), ("ATTT", "A"), ("ATTT", "AT")])
def test_stitched_predictions_differ_at_the_variant_alone(ref: str, alt: str, shared: bool) -> None:
    """A model that looks at each base alone sees a change only where bases were put in."""
    left, right = "CCGACGTC", "GACGCCAGTCGA"
    sequence = (left + ref + right)[:20]
    variant = Variant("chr1", 100 + len(left), ref, alt, "rs1", 0)
    changed = dna.decode(alternate_sequence(dna.encode(sequence), variant, 100))
    plan = plan_shifts(variant.size, (0, 1), shared=shared)
    predicted = windows(sequence, plan.reference), windows(changed, plan.alternate)
    at = stitch_bin(variant, 100, crop=0, stride=1)
    assert at == len(left) + 1
    before, after = pair_predictions(*predicted, plan=plan, at=at)
    assert before.shape == after.shape == (2, 20)
    different = np.flatnonzero(before[0] != after[0])
    inserted = max(len(ref), len(alt))
    unknown = np.flatnonzero((before[0] == dna.UNKNOWN) | (after[0] == dna.UNKNOWN))
    assert set(different) - set(unknown) <= set(range(at, at + inserted))


def test_unstitched_each_of_the_two_is_compared_with_the_one() -> None:
    plan = plan_shifts(2, (0, 1), shared=False)
    reference, alternate = np.arange(2).reshape(2, 1, 1), np.arange(10, 14).reshape(4, 1, 1)
    before, after = pair_predictions(reference, alternate, plan=plan, at=None)
    assert before.ravel().tolist() == [0, 0, 1, 1]
    assert after.ravel().tolist() == [10, 11, 12, 13]
    plan = plan_shifts(-2, (0, 1), shared=False)
    before, after = pair_predictions(alternate, reference, plan=plan, at=None)
    assert before.ravel().tolist() == [10, 11, 12, 13]
    assert after.ravel().tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("size", [0, 2, -2])
@pytest.mark.parametrize("at", [None, 1])
def test_flipped_variants_change_sides(size: int, at: int | None) -> None:
    plan = plan_shifts(size, (0, 1), shared=False)
    rng = np.random.default_rng(0)
    reference = rng.normal(size=(len(plan.reference), 3, 2))
    alternate = rng.normal(size=(len(plan.alternate), 3, 2))
    straight = pair_predictions(reference, alternate, plan=plan, at=at)
    turned = pair_predictions(reference, alternate, plan=plan, at=at, flipped=True)
    np.testing.assert_array_equal(straight[0], turned[1])
    np.testing.assert_array_equal(straight[1], turned[0])
    assert straight[0].shape == straight[1].shape


@pytest.mark.parametrize(
    ("start", "wanted"), [(1000 + 64, 0), (1000 + 94, 0), (1000 + 95, 1), (1000 + 62, -1)]
)
def test_bins_of_variants(start: int, wanted: int) -> None:
    variant = Variant("chr1", start, "A", "AC", "rs1", 0)
    assert stitch_bin(variant, 1000, crop=64, stride=32) == wanted
