import numpy as np
import pytest

from whelp.data import Window
from whelp.data.augment import Augmentation, as_shifts, triangle_order
from whelp.genome import dna


@pytest.fixture
def reference(golden):
    with np.load(golden / "blocks/direct/switch_reverse.npz") as arrays:
        yield arrays


def test_targets_are_reversed_as_in_the_reference(reference):
    without = Augmentation(rc=True)
    paired = Augmentation(rc=True, strand_pair=reference["strand_pair"])
    for number, target in enumerate(reference["x"]):
        assert np.array_equal(without.reversed_target(target), reference["sr_nopair_True"][number])
        assert np.array_equal(paired.reversed_target(target), reference["sr_pair_True"][number])


def test_maps_and_triangles_are_reversed_as_in_the_reference(reference):
    triangles = Augmentation(rc=True, diagonal_offset=2)
    for number in range(2):
        turned = Augmentation(rc=True).reversed_target(reference["x4"][number])
        assert np.array_equal(turned, reference["sr_4d_True"][number])
        turned = triangles.reversed_target(reference["xtriu"][number])
        assert np.array_equal(turned, reference["triu_off2_True"][number])


def test_a_triangle_is_turned_by_hand():
    # Rows of the map: (0 1 2), (. 3 4), (. . 5); turned, entry (0, 0) is the old (2, 2).
    assert triangle_order(6, 0).tolist() == [5, 4, 2, 3, 1, 0]
    with pytest.raises(ValueError, match="7 targets are not an upper triangle"):
        triangle_order(7, 0)


def test_a_target_without_length_only_swaps_strands():
    swapped = Augmentation(rc=True, strand_pair=np.array([1, 0, 2]))
    assert swapped.reversed_target(np.array([5, 6, 7])).tolist() == [6, 5, 7]


@pytest.mark.parametrize("soft", [False, True])
def test_a_window_is_reversed_then_shifted(soft):
    sequence = dna.encode("AACGT")
    window = Window(dna.one_hot(sequence) if soft else sequence, np.array([[1, 2], [3, 4]]))
    x, y = np.empty((5, 4), np.float32), np.empty((2, 2), np.float32)
    changes = Augmentation(rc=True, strand_pair=np.array([1, 0]))
    changes.put(window, reverse=True, shift=1, x=x, y=y)
    assert dna.decode(dna.from_one_hot(x)) == "NACGT"
    assert y.tolist() == [[4, 3], [2, 1]]


def test_draws_are_a_function_of_seed_and_epoch():
    changes = Augmentation(rc=True, shifts=as_shifts(3))
    first, again, other = changes.draw(7, 2, 500), changes.draw(7, 2, 500), changes.draw(7, 3, 500)
    assert np.array_equal(first.reverse, again.reverse)
    assert np.array_equal(first.shift, again.shift)
    assert not np.array_equal(first.reverse, other.reverse)
    assert 0.4 < first.reverse.mean() < 0.6
    assert sorted(set(first.shift)) == [-3, -2, -1, 0, 1, 2, 3]


def test_no_augmentation_changes_nothing():
    draws = Augmentation().draw(0, 0, 50)
    assert not draws.reverse.any()
    assert not draws.shift.any()


def test_shifts_are_a_greatest_shift_or_a_list():
    assert as_shifts(0) == (0,)
    assert as_shifts(2) == (-2, -1, 0, 1, 2)
    assert as_shifts([0]) == (0,)
    assert as_shifts([0, 5]) == (0, 5)
    with pytest.raises(ValueError, match="received -1"):
        as_shifts(-1)
    with pytest.raises(ValueError, match="empty list"):
        as_shifts([])
