"""Statistics of variants: the reference's answers, hand-worked numbers, and its faults."""

from pathlib import Path

import numpy as np
import pytest

from whelp.scoring.statistics import (
    STATISTICS,
    Allele,
    StatisticError,
    as_half,
    check_statistics,
    score,
)
from whelp.scoring.strands import Strands
from whelp.specs import TargetsTable

COVERAGE = ("REF", "ALT")
SCORES = [name for name, statistic in STATISTICS.items() if not statistic.is_coverage]
NORMALISED = ("JS", "logJS")


@pytest.fixture(scope="module")
def arrays(functions: Path) -> dict[str, np.ndarray]:
    with np.load(functions / "functions.npz") as file:
        return dict(file)


@pytest.fixture(scope="module")
def strands(functions: Path) -> Strands:
    return Strands.of(TargetsTable.read(functions / "targets.txt"))


def _alleles(*rows: object) -> list[Allele]:
    """One track, one shift."""
    return [Allele(np.array(row, float)[None, :, None]) for row in rows]


def _number(name: str, ref: object, alt: object) -> float:
    (value,) = score(*_alleles(ref, alt), [name])[name]
    return float(value)


@pytest.mark.parametrize("shifts", ["S1", "S3"])
@pytest.mark.parametrize("merged", ["strand", "none"])
def test_scores_are_the_reference_s(
    arrays: dict[str, np.ndarray], strands: Strands, shifts: str, merged: str
) -> None:
    ref, alt = (Allele(arrays[f"scores_{shifts}_{allele}"]) for allele in ("ref", "alt"))
    made = score(ref, alt, SCORES, strands=strands if merged == "strand" else None)
    compared = 0
    for name, values in made.items():
        wanted = arrays.get(f"scores_{shifts}_{merged}_{name}")
        if wanted is None or name == "logJS":  # the reference fails, or is wrong: see below
            continue
        step = np.spacing(np.abs(wanted)).astype(float)
        assert np.all(np.abs(as_half(values).astype(float) - wanted) <= step), name
        compared += 1
    assert compared == {"S1": 12, "S3": 11}[shifts]


def test_coverage_is_merged_as_the_tracks_are(
    arrays: dict[str, np.ndarray], strands: Strands
) -> None:
    """The reference keeps the strands apart, and then cannot store them."""
    ref, alt = (Allele(arrays[f"scores_S3_{allele}"]) for allele in ("ref", "alt"))
    for name, values in score(ref, alt, COVERAGE).items():
        np.testing.assert_array_equal(as_half(values), arrays[f"scores_S3_none_{name}"])
    for name, values in score(ref, alt, COVERAGE, strands=strands).items():
        apart = arrays[f"scores_S3_{name.lower()}"]
        np.testing.assert_allclose(values, apart.astype(float) @ strands.matrix())
        assert values.shape == (3, 48, 5)


@pytest.mark.parametrize("name", NORMALISED)
def test_shapes_are_compared_over_bins_shift_by_shift(
    arrays: dict[str, np.ndarray], name: str
) -> None:
    """The reference fails on JS of several shifts, and normalises logJS over them."""
    ref, alt = (arrays[f"scores_S3_{allele}"] for allele in ("ref", "alt"))
    together = score(Allele(ref), Allele(alt), [name])[name]
    apart = [
        score(Allele(r[None]), Allele(a[None]), [name])[name] for r, a in zip(ref, alt, strict=True)
    ]
    np.testing.assert_allclose(together, np.mean(apart, axis=0))
    assert (together > 0).all()


def test_numbers_by_hand() -> None:
    ref, alt = [0, 1, 3, 0], [0, 3, 0, 1]
    third = np.sqrt(3)
    assert _number("SUM", ref, alt) == _number("SAD", ref, alt) == 0
    assert _number("logSUM", ref, alt) == 0
    assert _number("logSED", ref, [7, 7, 1, 4]) == pytest.approx(np.log2(20 / 5))
    assert _number("sqrtSUM", ref, [1, 1, 3, 4]) == pytest.approx(3)
    assert _number("SAX", ref, alt) == -3
    assert _number("D1", ref, alt) == 6
    assert _number("logD1", ref, alt) == 1 + 2 + 1
    assert _number("sqrtD1", ref, alt) == pytest.approx(third - 1 + third + 1)
    assert _number("D2", ref, alt) == pytest.approx(np.sqrt(4 + 9 + 1))
    assert _number("logD2", ref, alt) == pytest.approx(np.sqrt(1 + 4 + 1))
    assert _number("sqrtD2", ref, alt) == pytest.approx(np.sqrt((third - 1) ** 2 + 3 + 1))


def test_shape_by_hand() -> None:
    # The lower quartile is 1: p = (2, 2, 2, 4) / 10, q = (2, 2, 4, 2) / 10.
    assert _number("JS", [1, 1, 1, 3], [1, 1, 3, 1]) == pytest.approx(0.2 * np.log(2))
    # Their logs are 1, 1, 1, 2 and 1, 1, 2, 1: with 1 added, 2, 2, 2, 3 of 9.
    assert _number("logJS", [1, 1, 1, 3], [1, 1, 3, 1]) == pytest.approx(np.log(1.5) / 9)
    # Without pseudocounts, height alone is no change of shape.
    assert _number("JS", [0, 0, 1, 3], [0, 0, 5, 15]) == pytest.approx(0, abs=1e-15)


def test_means_over_shifts_are_taken_of_statistics() -> None:
    ref = Allele(np.array([[0, 1], [0, 1.0]])[..., None])
    alt = Allele(np.array([[4, 1], [0, 4.0]])[..., None])
    wanted = {"SUM": 3.5, "SAX": 3.5, "D2": 3.5, "logSED": (np.log2(3) + np.log2(2.5)) / 2}
    for name, value in score(ref, alt, wanted).items():
        np.testing.assert_allclose(value, [wanted[name]])


def test_where_strands_are_merged_matters() -> None:
    strands = Strands(np.array([0]), np.array([1]), 2)
    ref, alt = np.array([[[1.0, 3]]]), np.array([[[3.0, 5]]])
    afterwards = score(Allele(ref), Allele(alt), ["SUM", "logSED", "D2"], strands=strands)
    before = score(Allele(strands.merge(ref)), Allele(strands.merge(alt)), ["SUM", "logSED", "D2"])
    assert afterwards["SUM"] == before["SUM"] == 4
    np.testing.assert_allclose(afterwards["logSED"], np.log2(4 / 2) + np.log2(6 / 4))
    np.testing.assert_allclose(before["logSED"], np.log2(9 / 5))
    np.testing.assert_allclose([afterwards["D2"][0], before["D2"][0]], [np.sqrt(8), 4])


@pytest.mark.parametrize("name", SCORES)
def test_identities(arrays: dict[str, np.ndarray], name: str) -> None:
    ref, alt = (Allele(arrays[f"scores_S3_{allele}"]) for allele in ("ref", "alt"))
    assert not score(ref, Allele(ref.values.copy()), [name])[name].any()
    forth, back = score(ref, alt, [name])[name], score(alt, ref, [name])[name]
    if name in NORMALISED:  # the pseudocounts are the reference's
        return
    symmetric = "D1" in name or "D2" in name
    np.testing.assert_array_equal(forth, back if symmetric else -back)


def test_small_changes_of_large_sums_are_not_lost() -> None:
    ref = np.full((1, 5000, 1), 1000, np.float32)
    alt = ref.copy()
    alt[0, 7, 0] = np.nextafter(np.float32(1000), np.float32(2000))
    change = float(alt[0, 7, 0]) - 1000
    made = score(Allele(ref), Allele(alt), ["SUM", "D2", "logSED"])
    np.testing.assert_allclose([made["SUM"][0], made["D2"][0]], change)
    np.testing.assert_allclose(made["logSED"], change / 5000001 / np.log(2), rtol=1e-3)


def test_no_coverage_at_all() -> None:
    nothing, something = [0, 0, 0, 0], [0, 0, 0, 2]
    for name in SCORES:
        assert _number(name, nothing, nothing) == 0
        assert not np.isnan(_number(name, nothing, something)), name
        assert not np.isnan(_number(name, something, nothing)), name


def test_half_precision_ends_at_its_largest() -> None:
    scores = np.array([1e9, -np.inf, 0.1, np.nan])
    assert as_half(scores)[:3].tolist() == [65504, -65504, np.float16(0.1)]
    assert np.isnan(as_half(scores)[3])


def test_unknown_statistics_are_refused() -> None:
    """The reference writes zeros."""
    assert check_statistics(["D2", "SUM", "D2"]) == ("D2", "SUM")
    with pytest.raises(StatisticError, match=r"'logsed' is not .*did you mean 'logSED'\?"):
        check_statistics(["SUM", "logsed"])
    with pytest.raises(StatisticError, match="no statistic was asked for"):
        check_statistics([])


def test_predictions_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(StatisticError, match=r"\(shifts, bins, tracks\).*\(4, 2\)"):
        Allele(np.zeros((4, 2)))
    with pytest.raises(StatisticError, match=r"one bin; received .*\(1, 0, 2\)"):
        Allele(np.zeros((1, 0, 2)))
    with pytest.raises(StatisticError, match=r"\(1, 4, 2\) of the reference and \(2, 4, 2\)"):
        score(Allele(np.zeros((1, 4, 2))), Allele(np.zeros((2, 4, 2))), ["SUM"])
