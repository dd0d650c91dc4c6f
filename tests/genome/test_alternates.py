"""Windows with a variant's other allele: the reference's answers, and the right ones."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from whelp.genome import dna
from whelp.genome.alternates import alternate_sequence, changed_stretch
from whelp.genome.variants import Variant


class Case(NamedTuple):
    """A call of the reference's make_alt_1hot."""

    sequence: str
    variant: Variant
    answer: np.ndarray


@pytest.fixture(scope="module")
def functions(golden: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    folder = golden / "snp" / "functions"
    return json.loads((folder / "functions.json").read_text()), dict(
        np.load(folder / "functions.npz")
    )


def call(functions: tuple[dict[str, Any], dict[str, np.ndarray]], name: str) -> Case:
    known, arrays = functions
    return Case(known["seq"], variant(*known[f"alt_{name}"]), arrays[f"alt_{name}"])


def variant(start: int, ref: str, alt: str, *, flipped: bool = False) -> Variant:
    return Variant("chr1", start, ref, alt, "rs1", 0, flipped=flipped)


def put(sequence: str, change: Variant, **others: Any) -> str:
    return dna.decode(alternate_sequence(dna.encode(sequence), change, 0, **others))


@pytest.mark.parametrize("name", ["snp", "del3", "ins4"])
def test_as_the_reference(functions: Any, name: str) -> None:
    sequence, change, answer = call(functions, name)
    found = alternate_sequence(dna.encode(sequence), change, 0)
    np.testing.assert_array_equal(dna.one_hot(found, dtype=np.bool_), answer)


@pytest.mark.parametrize("name", ["mnv", "del_mismatch", "complex_del", "complex_ins"])
def test_alleles_that_the_reference_does_not_put_in(functions: Any, name: str) -> None:
    """Right is the text with the one allele in the place of the other; the reference has it not."""
    sequence, change, answer = call(functions, name)
    text = sequence[: change.start] + change.alt + sequence[change.start + len(change.ref) :]
    wanted = text.ljust(len(sequence), "N")[: len(sequence)]
    assert put(sequence, change) == wanted
    assert dna.decode(dna.from_one_hot(answer)) != wanted


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (variant(0, "A", "G"), "GCGTACGTAC"),
        (variant(9, "C", "G"), "ACGTACGTAG"),
        (variant(0, "ACG", "A"), "ATACGTACNN"),
        (variant(9, "C", "CTT"), "ACGTACGTAC"),
        (variant(8, "A", "ATT"), "ACGTACGTAT"),
        (variant(0, "A", "ATTTTTTTTTTTTT"), "ATTTTTTTTT"),
        (variant(2, "GTACGTAC", "G"), "ACGNNNNNNN"),
        # Alleles that reach beyond the window.
        (variant(8, "ACGT", "A"), "ACGTACGTAN"),
        (variant(8, "ACGT", "TTTT"), "ACGTACGTTT"),
        (variant(3, "T", "T"), "ACGTACGTAC"),
        (variant(3, "TA", "AT"), "ACGATCGTAC"),
        # The genome has the alternate allele, so that the reference allele is put in.
        (variant(3, "G", "T", flipped=True), "ACGGACGTAC"),
        (variant(3, "TTT", "T", flipped=True), "ACGTTTACGT"),
        (variant(3, "T", "TAC", flipped=True), "ACGTGTACNN"),
    ],
)
def test_by_hand(change: Variant, wanted: str) -> None:
    assert put("ACGTACGTAC", change) == wanted


def test_deletions_pull_in_what_follows() -> None:
    change = variant(2, "GTA", "G")
    assert put("ACGTACGT", change, following=dna.encode("TTGG")) == "ACGCGTTT"
    assert put("ACGTACGT", change, following=dna.encode("T")) == "ACGCGTTN"
    assert put("ACGTACGT", variant(3, "T", "C"), following=dna.encode("GG")) == "ACGCACGT"
    # The bases that follow begin with two that are deleted.
    beyond = variant(6, "GTAC", "G")
    assert put("ACGTACGT", beyond, following=dna.encode("ACTT")) == "ACGTACGT"


def test_windows_have_places() -> None:
    window = dna.encode("NNNACGT")
    found = alternate_sequence(window, variant(1, "C", "T"), -3)
    assert dna.decode(found) == "NNNATGT"
    assert dna.decode(window) == "NNNACGT"


def test_a_variant_outside_or_of_another_genome_is_refused() -> None:
    window = dna.encode("ACGT")
    for start in (1, -4, 5):
        with pytest.raises(ValueError, match=r"rs1 \(chr1:1\) is outside the window chr1:"):
            alternate_sequence(window, variant(0, "A", "C"), start)
    with pytest.raises(ValueError, match=r"has CG where TT is expected; compare variants"):
        alternate_sequence(window, variant(1, "TT", "C"), 0)


def test_changed_stretches_are_the_smallest() -> None:
    window = dna.encode("AACCAACC")
    assert changed_stretch(window, window) == (0, 0)
    for change, wanted in [
        (variant(2, "C", "G"), (2, 3)),
        (variant(0, "AACC", "AAGC"), (2, 3)),
        (variant(0, "AAC", "CAG"), (0, 3)),
        (variant(1, "AC", "A"), (3, 8)),
    ]:
        assert changed_stretch(window, alternate_sequence(window, change, 0)) == wanted
