"""Statistics that compare the predicted coverage of two alleles.

Every statistic takes the coverage `R` of the reference and `A` of the alternate allele (see
`Allele`), indexed `[s, b]` by shift and bin, track by track; `mean_s` is the mean over shifts. None
of them depends on which allele the genome has, and alleles with equal coverage score exactly 0.

The strands of a track can be merged at two places. Merging coverage before (`Strands.merge`), in
linear units, gives the statistic of the merged track. Baskerville merges the statistics of both
strands afterwards: `score(..., strands=...)`. For `SUM` that is the same; other numbers differ.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import rel_entr

from whelp.scoring.strands import Strands
from whelp.specs.errors import nearest

Floats = npt.NDArray[np.float64]

_HALF_LIMIT = float(np.finfo(np.float16).max)
_PSEUDOCOUNT_PERCENT = 25


class StatisticError(ValueError):
    """A statistic that does not exist, or predictions that cannot be compared."""


class Allele:
    """Predicted coverage of one allele; what is derived from it is computed once.

    Keep that of the reference where many alternates are compared with it.

    Args:
        values: Untransformed predictions of shape `(shifts, bins, tracks)`, none negative.

    Attributes:
        values: The same as float64: statistics are small differences of large sums.

    Raises:
        StatisticError: The array has another number of axes, or no shifts or bins.
    """

    def __init__(self, values: npt.NDArray[Any]) -> None:
        if values.ndim != 3 or 0 in values.shape[:2]:
            raise StatisticError(
                "expected predictions of shape (shifts, bins, tracks), with at least one shift and "
                f"one bin; received an array of shape {values.shape}"
            )
        self.values: Floats = np.asarray(values, dtype=np.float64)

    @cached_property
    def sums(self) -> Floats:
        """Sums over bins, of shape `(shifts, tracks)`."""
        return np.asarray(self.values.sum(axis=1))

    @cached_property
    def logs(self) -> Floats:
        """log2(1 + coverage), of shape `(shifts, bins, tracks)`."""
        return np.log2(1 + self.values)

    @cached_property
    def roots(self) -> Floats:
        """Square roots, of shape `(shifts, bins, tracks)`."""
        return np.sqrt(self.values)


def total(ref: Allele, alt: Allele) -> Floats:
    """SUM, also SAD: mean_s(sum_b A - sum_b R)."""
    return _total(alt.values - ref.values)


def log_total(ref: Allele, alt: Allele) -> Floats:
    """logSUM: mean_s sum_b (log2(1 + A) - log2(1 + R))."""
    return _total(alt.logs - ref.logs)


def sqrt_total(ref: Allele, alt: Allele) -> Floats:
    """sqrtSUM: mean_s sum_b (sqrt A - sqrt R)."""
    return _total(alt.roots - ref.roots)


def log_of_total(ref: Allele, alt: Allele) -> Floats:
    """logSED: mean_s(log2(1 + sum_b A) - log2(1 + sum_b R)), the log fold change of the sum."""
    return np.asarray((np.log2(1 + alt.sums) - np.log2(1 + ref.sums)).mean(axis=0))


def extreme(ref: Allele, alt: Allele) -> Floats:
    """SAX: mean_s of A - R, with its sign, at the first bin b where |A - R| is largest."""
    change = alt.values - ref.values
    largest = np.abs(change).argmax(axis=1)[:, None]
    return np.asarray(np.take_along_axis(change, largest, axis=1)[:, 0].mean(axis=0))


def norm1(ref: Allele, alt: Allele) -> Floats:
    """D1: mean_s sum_b |A - R|."""
    return _norm1(alt.values - ref.values)


def log_norm1(ref: Allele, alt: Allele) -> Floats:
    """logD1: mean_s sum_b |log2(1 + A) - log2(1 + R)|."""
    return _norm1(alt.logs - ref.logs)


def sqrt_norm1(ref: Allele, alt: Allele) -> Floats:
    """sqrtD1: mean_s sum_b |sqrt A - sqrt R|."""
    return _norm1(alt.roots - ref.roots)


def norm2(ref: Allele, alt: Allele) -> Floats:
    """D2: mean_s sqrt(sum_b (A - R)^2)."""
    return _norm2(alt.values - ref.values)


def log_norm2(ref: Allele, alt: Allele) -> Floats:
    """logD2: mean_s sqrt(sum_b (log2(1 + A) - log2(1 + R))^2)."""
    return _norm2(alt.logs - ref.logs)


def sqrt_norm2(ref: Allele, alt: Allele) -> Floats:
    """sqrtD2: mean_s sqrt(sum_b (sqrt A - sqrt R)^2)."""
    return _norm2(alt.roots - ref.roots)


def divergence(ref: Allele, alt: Allele) -> Floats:
    """JS: mean_s sum_b (p ln(p/q) + q ln(q/p)) / 2, a change of shape whatever the height.

    p and q are R and A with R's lower quartile over bins added, divided by their sums over bins,
    shift by shift. (Jeffreys' divergence, halved; "JS" is Baskerville's name for it.) Infinite
    where one of them is 0 in a bin and the other is not.
    """
    return _divergence(ref.values, alt.values)


def log_divergence(ref: Allele, alt: Allele) -> Floats:
    """logJS: JS of log2(1 + R) and log2(1 + A)."""
    return _divergence(ref.logs, alt.logs)


def reference_coverage(ref: Allele, alt: Allele) -> Floats:
    """REF: R itself, of shape `(shifts, bins, tracks)`."""
    return ref.values


def alternate_coverage(ref: Allele, alt: Allele) -> Floats:
    """ALT: A itself, of shape `(shifts, bins, tracks)`."""
    return alt.values


class Statistic(NamedTuple):
    """A statistic by its name.

    Attributes:
        compute: `(ref, alt) -> (tracks,)`; of those with `is_coverage` (shifts, bins, tracks).
        is_norm: Whether the strands' scores are merged as norms, and not added.
        is_coverage: Whether it is one allele's coverage, and not a score.
    """

    compute: Callable[[Allele, Allele], Floats]
    is_norm: bool = False
    is_coverage: bool = False


STATISTICS: Mapping[str, Statistic] = MappingProxyType(
    {
        "SUM": Statistic(total),
        "logSUM": Statistic(log_total),
        "logSED": Statistic(log_of_total),
        "sqrtSUM": Statistic(sqrt_total),
        "SAX": Statistic(extreme),
        "D1": Statistic(norm1),
        "logD1": Statistic(log_norm1),
        "sqrtD1": Statistic(sqrt_norm1),
        "D2": Statistic(norm2, is_norm=True),
        "logD2": Statistic(log_norm2, is_norm=True),
        "sqrtD2": Statistic(sqrt_norm2, is_norm=True),
        "JS": Statistic(divergence),
        "logJS": Statistic(log_divergence),
        "SAD": Statistic(total),
        "REF": Statistic(reference_coverage, is_coverage=True),
        "ALT": Statistic(alternate_coverage, is_coverage=True),
    }
)
"""Name -> statistic."""


def check_statistics(
    names: Iterable[str], known: Collection[str] | None = None, *, of: str = ""
) -> tuple[str, ...]:
    """Check names of statistics, before hours of work are spent on others.

    Args:
        names: The names.
        known: Those that there are; `STATISTICS` by default.
        of: Whose they are, for the error, such as " of borzoi_sed.py".

    Returns:
        The names without repetitions, in the order given.

    Raises:
        StatisticError: A name is not known (the nearest is named), or there are none.
    """
    names = tuple(dict.fromkeys(names))
    known = STATISTICS if known is None else known
    listed = ", ".join(known)
    if not names:
        raise StatisticError(f"no statistic was asked for; expected one or more of {listed}")
    for name in names:
        if name not in known:
            near = nearest(name, known)
            hint = "" if near is None else f"; did you mean {near!r}?"
            raise StatisticError(
                f"{name!r} is not a statistic{of}; expected one or more of {listed}{hint}"
            )
    return names


def score(
    ref: Allele, alt: Allele, statistics: Iterable[str], *, strands: Strands | None = None
) -> dict[str, Floats]:
    """Compare the coverage of two alleles.

    Args:
        ref: Coverage of the reference allele.
        alt: Coverage of the alternate allele, with as many shifts.
        statistics: Names from `STATISTICS`.
        strands: Merge the two strands' scores afterwards, as Baskerville does; `D2` and its like as
            norms, coverage by adding, others by adding although they are no sums. None where the
            strands are merged already or stay apart.

    Returns:
        Name -> float64 of shape `(tracks,)` or `(merged,)`; REF and ALT `(shifts, bins, ...)`.

    Raises:
        StatisticError: A name is not known, or the alleles differ in shape.
    """
    names = check_statistics(statistics)
    if ref.values.shape != alt.values.shape:
        raise StatisticError(
            "expected predictions of both alleles in one shape (shifts, bins, tracks); received "
            f"{ref.values.shape} of the reference and {alt.values.shape} of the alternate"
        )
    scores: dict[str, Floats] = {}
    for name in names:
        statistic = STATISTICS[name]
        values = statistic.compute(ref, alt)
        if strands is not None:
            values = strands.merge_norms(values) if statistic.is_norm else strands.merge(values)
        scores[name] = values
    return scores


def as_half(scores: npt.NDArray[Any]) -> npt.NDArray[np.float16]:
    """Round scores to the 16-bit floats that `scores.h5` holds; beyond them to the outermost."""
    return np.clip(scores, -_HALF_LIMIT, _HALF_LIMIT).astype(np.float16)


def _total(change: Floats) -> Floats:
    return np.asarray(change.sum(axis=1).mean(axis=0))


def _norm1(change: Floats) -> Floats:
    return np.asarray(np.abs(change).sum(axis=1).mean(axis=0))


def _norm2(change: Floats) -> Floats:
    return np.asarray(np.sqrt(np.square(change).sum(axis=1)).mean(axis=0))


def _divergence(ref: Floats, alt: Floats) -> Floats:
    pseudocounts = np.percentile(ref, _PSEUDOCOUNT_PERCENT, axis=1, keepdims=True)
    p, q = _distribution(ref + pseudocounts), _distribution(alt + pseudocounts)
    both = rel_entr(p, q).sum(axis=1) + rel_entr(q, p).sum(axis=1)
    return np.asarray(both.mean(axis=0) / 2)


def _distribution(values: Floats) -> Floats:
    """Divide by the sum over bins; coverage of 0 everywhere has no shape and stays 0."""
    sums = values.sum(axis=1, keepdims=True)
    return np.divide(values, sums, out=np.zeros_like(values), where=sums > 0)
