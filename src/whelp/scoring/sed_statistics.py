"""Statistics of a gene's coverage, by their names in Borzoi's `borzoi_sed.py`.

`R` and `A` are the coverage of the reference and the alternate allele in the gene's bins `b`, track
by track; `p` and `q` are R and A with a pseudocount added, divided by their sums over bins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from scipy.special import rel_entr

from whelp.scoring.statistics import (
    Allele,
    check_statistics,
    log_norm1,
    log_norm2,
    log_of_total,
    norm1,
    norm2,
    total,
)

Floats = npt.NDArray[np.float64]


def shape_norm(p: Floats, q: Floats) -> Floats:
    """nD2: sqrt(sum_b (p - q)^2)."""
    return np.asarray(np.sqrt(np.square(p - q).sum(axis=0)))


def shape_extreme(p: Floats, q: Floats) -> Floats:
    """nDi: max_b |p - q|."""
    return np.asarray(np.abs(p - q).max(axis=0))


def shape_divergence(p: Floats, q: Floats) -> Floats:
    """JS: sum_b (p ln(p/q) + q ln(q/p)) / 2."""
    return np.asarray((rel_entr(p, q) + rel_entr(q, p)).sum(axis=0) / 2)


def reference_sum(ref: Allele, alt: Allele) -> Floats:
    """REF: sum_b R."""
    return np.asarray(ref.sums.mean(axis=0))


def alternate_sum(ref: Allele, alt: Allele) -> Floats:
    """ALT: sum_b A."""
    return np.asarray(alt.sums.mean(axis=0))


CHANGES: Mapping[str, Callable[[Allele, Allele], Floats]] = MappingProxyType(
    {
        "SED": total,
        "logSED": log_of_total,
        "D1": norm1,
        "logD1": log_norm1,
        "D2": norm2,
        "logD2": log_norm2,
        "REF": reference_sum,
        "ALT": alternate_sum,
    }
)
"""Name -> statistic of the coverage of both alleles."""

SHAPES: Mapping[str, Callable[[Floats, Floats], Floats]] = MappingProxyType(
    {"nD2": shape_norm, "nDi": shape_extreme, "JS": shape_divergence}
)
"""Name -> statistic of the two distributions over bins, each `(bins, tracks)`."""


def check_sed_statistics(names: Iterable[str]) -> tuple[str, ...]:
    """Check names of statistics.

    Returns:
        The names without repetitions, in the order given.

    Raises:
        StatisticError: A name is not known (the nearest is named), or there are none.
    """
    return check_statistics(names, (*CHANGES, *SHAPES), of=" of borzoi_sed.py")


def sed_scores(
    ref: Allele, alt: Allele, statistics: Iterable[str], *, pseudocounts: Floats | None = None
) -> dict[str, Floats]:
    """Compare the coverage of a gene between two alleles.

    Args:
        ref: Coverage of the reference allele.
        alt: Coverage of the alternate allele.
        statistics: Names from `CHANGES` and `SHAPES`.
        pseudocounts: What is added to the coverage of each track before it is made a distribution,
            `(tracks,)`; only needed for those of `SHAPES`, for which there must be one shift.

    Returns:
        Name -> float64 of shape `(tracks,)`.

    Raises:
        StatisticError: A name is not known.
    """
    scores: dict[str, Floats] = {}
    for name in check_sed_statistics(statistics):
        if name in CHANGES:
            scores[name] = CHANGES[name](ref, alt)
        else:
            added = 0.0 if pseudocounts is None else pseudocounts
            shapes = (_distribution(one.values[0] + added) for one in (ref, alt))
            scores[name] = SHAPES[name](*shapes)
    return scores


def _distribution(values: Floats) -> Floats:
    """Divide by the sum over bins; coverage of 0 everywhere has no shape and stays 0."""
    sums = values.sum(axis=0)
    return np.divide(values, sums, out=np.zeros_like(values), where=sums > 0)
