"""Numbers of the benchmark: what scores say of causal variants, and of the sign of effects."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score, roc_auc_score

Floats = npt.NDArray[Any]


class Areas(NamedTuple):
    """How well values tell two classes apart.

    Attributes:
        auroc: Area under the curve of the receiver operating characteristic: the chance that a
            member has the larger value than one that is none, ties counting half.
        auprc: Average precision, `sum((recall_n - recall_(n-1)) precision_n)`; by chance it is the
            share of members.
    """

    auroc: float
    auprc: float


def areas(members: npt.NDArray[np.bool_], values: Floats) -> Areas:
    """Measure how well values tell members from others.

    Args:
        members: Which of them are members, of shape `(variants,)`.
        values: Larger for members, of the same shape; those that are NaN do not count.

    Returns:
        The areas; NaN where one class is empty.
    """
    known = ~np.isnan(values)
    truth, values = members[known], values[known]
    if truth.all() or not truth.any():
        return Areas(np.nan, np.nan)
    return Areas(float(roc_auc_score(truth, values)), float(average_precision_score(truth, values)))


class Signs(NamedTuple):
    """How well scores say what an allele does to expression.

    Attributes:
        auroc: Area under the curve, of scores against positive effects.
        auprc: Average precision, the same.
        spearmanr: Spearman's correlation of scores and effects.
    """

    auroc: float
    auprc: float
    spearmanr: float


def signs(effects: Floats, scores: Floats) -> Signs:
    """Compare scores with effects of the same allele.

    Args:
        effects: Of shape `(variants,)`; those that are NaN do not count.
        scores: Of the same shape.

    Returns:
        The numbers; NaN where they are not defined.
    """
    known = ~np.isnan(effects)
    effects, scores = effects[known], scores[known]
    area = areas(effects > 0, scores)
    if len(effects) < 2 or np.ptp(effects) == 0 or np.ptp(scores) == 0:
        return Signs(*area, np.nan)
    return Signs(*area, float(spearmanr(effects, scores)[0]))
