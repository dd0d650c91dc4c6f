import numpy as np
import pytest

from whelp.genome import dna


def test_letters_become_indexes_and_unknown_letters_become_n():
    index = dna.encode("ACGTacgtNRx")
    assert index.tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 4, 4, 4]
    assert dna.decode(index) == "ACGTACGTNNN"


def test_text_outside_ascii_is_refused():
    with pytest.raises(UnicodeEncodeError):
        dna.encode("ACGÜ")


def test_one_hot_of_a_known_sequence():
    rows = dna.one_hot(dna.encode("CNT"))
    assert rows.dtype == np.float32
    assert rows.tolist() == [[0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]]


def test_one_hot_keeps_leading_axes_and_takes_a_type():
    index = np.array([[0, 4], [3, 2]], dtype=np.uint8)
    rows = dna.one_hot(index, dtype=bool)
    assert rows.shape == (2, 2, 4)
    assert rows.dtype == bool
    assert np.array_equal(dna.from_one_hot(rows), index)


@pytest.mark.parametrize("rows", [[[1, 1, 0, 0]], [[0.5, 0.5, 0, 0]], [[0, 0, 2, 0]]])
def test_mixtures_have_no_index(rows):
    with pytest.raises(ValueError, match="single 1 or only zeros"):
        dna.from_one_hot(np.array(rows))


def test_one_hot_of_another_depth_is_refused():
    with pytest.raises(ValueError, match=r"received shape \(2, 5\)"):
        dna.from_one_hot(np.zeros((2, 5)))


def test_reverse_complement_of_a_known_sequence():
    assert dna.decode(dna.reverse_complement(dna.encode("AACGNT"))) == "ANCGTT"


def test_reverse_complement_twice_is_the_identity_in_both_forms():
    index = np.random.default_rng(0).integers(0, 5, (3, 40), dtype=np.uint8)
    rows = dna.one_hot(index)
    once = dna.reverse_complement(index)
    assert np.array_equal(dna.reverse_complement(once), index)
    assert np.array_equal(dna.reverse_complement_one_hot(rows), dna.one_hot(once))


@pytest.mark.parametrize(
    ("by", "moved"), [(2, "NNACG"), (-2, "GTCNN"), (0, "ACGTC"), (9, "NNNNN"), (-5, "NNNNN")]
)
def test_shift_of_a_known_sequence(by, moved):
    index = dna.encode("ACGTC")
    assert dna.decode(dna.shift(index, by)) == moved
    assert np.array_equal(dna.shift_one_hot(dna.one_hot(index), by), dna.one_hot(dna.encode(moved)))
    assert dna.decode(index) == "ACGTC"


@pytest.mark.parametrize("by", [-3, -1, 0, 1, 3])
def test_shift_equals_the_reference(golden, by):
    with np.load(golden / "blocks/direct/shift_sequence.npz") as arrays:
        assert np.array_equal(dna.shift_one_hot(arrays["x"], by), arrays[f"shift_{by}"])
