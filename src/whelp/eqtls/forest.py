"""A random forest on the scores of all tracks, in cross-validation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import KFold

from whelp.eqtls.accuracy import areas


@dataclass(frozen=True)
class ForestSettings:
    """How the forest is trained and validated, as `westminster_classify.py` does by default.

    Attributes:
        folds: Parts of the variants, each predicted by a forest that has not seen it.
        iterations: How often they are divided anew.
        trees: Trees of a forest.
        leaf: The fewest variants of a leaf.
        seed: Of the first division and its forests.
    """

    folds: int = 8
    iterations: int = 1
    trees: int = 128
    leaf: int = 1
    seed: int = 44


class ForestAccuracy(NamedTuple):
    """How well forests tell causal variants from negatives that they have not seen.

    Attributes:
        auroc: Mean over folds and iterations.
        auroc_sem: Standard error of that mean, `std / sqrt(number)`.
        auprc: Mean average precision.
        predicted: Mean predicted probability over iterations, float64 of shape `(variants,)`.
    """

    auroc: float
    auroc_sem: float
    auprc: float
    predicted: npt.NDArray[np.float64]


def forest_accuracy(
    features: npt.NDArray[np.float32], causal: npt.NDArray[np.bool_], settings: ForestSettings
) -> ForestAccuracy | None:
    """Validate random forests on the scores of variants.

    Args:
        features: Scores of shape `(variants, tracks)`.
        causal: Which variants are causal.
        settings: How.

    Returns:
        The accuracy; None where there is one track only, or fewer causal variants or negatives than
        folds.
    """
    fewest = min(int(causal.sum()), int((~causal).sum()))
    if features.shape[1] < 2 or fewest < settings.folds:
        return None
    found = []
    predicted = np.zeros(len(causal))
    for iteration in range(settings.iterations):
        seed = settings.seed + iteration
        division = KFold(settings.folds, shuffle=True, random_state=seed)
        for train, test in division.split(features):
            model = RandomForestClassifier(
                n_estimators=settings.trees,
                max_features="log2",
                min_samples_leaf=settings.leaf,
                random_state=int(seed + test[0]),
                n_jobs=-1,
            )
            model.fit(features[train], causal[train])
            values = _probability(model, features[test])
            predicted[test] += values / settings.iterations
            found.append(areas(causal[test], values))
    auroc, auprc = np.array(found).T
    known = auroc[~np.isnan(auroc)]
    if not len(known):
        return None
    sem = float(known.std() / np.sqrt(len(known)))
    return ForestAccuracy(float(known.mean()), sem, float(np.nanmean(auprc)), predicted)


def _probability(
    model: RandomForestClassifier, features: npt.NDArray[np.float32]
) -> npt.NDArray[np.float64]:
    """Give the predicted probability of being causal, also where all that was seen is of a kind."""
    column = list(model.classes_).index(True) if True in model.classes_ else None
    if column is None:
        return np.zeros(len(features))
    return np.asarray(model.predict_proba(features)[:, column])
