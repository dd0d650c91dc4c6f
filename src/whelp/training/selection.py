"""Which epoch is the best, and when to stop."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


def selection_score(logs: Mapping[str, float]) -> float | None:
    """Score an epoch: the higher, the better.

    The score is `val_pearsonr + val_r2 / 4`, that of Baskerville's own training loop, whatever the
    loss. (Its option `-k` goes by the validation loss with bce and by val_pearsonr else; one rule
    serves all cases here.) With several heads it is the mean of the scores of those that have one.

    Args:
        logs: the numbers of an epoch, with names such as val_pearsonr or val_head_human_pearsonr.

    Returns:
        The score; NaN if it is not defined; None if the epoch was not validated.
    """
    endings = ("pearsonr", "r2")
    prefixes = [
        key.removesuffix("pearsonr")
        for key in logs
        if key.startswith("val_") and key.endswith("pearsonr")
    ]
    if not prefixes:
        return None
    scores = [
        sum(
            weight * logs[prefix + ending]
            for weight, ending in zip((1, 0.25), endings, strict=True)
        )
        for prefix in prefixes
    ]
    defined = [score for score in scores if not math.isnan(score)]
    return sum(defined) / len(defined) if defined else math.nan


@dataclass
class Selection:
    """The best epoch so far, and how many have passed since.

    Attributes:
        best_epoch: number of the best epoch, from 1; 0 before the first.
        best_score: its score; None without validation.
        unimproved: epochs since then.
    """

    best_epoch: int = 0
    best_score: float | None = None
    unimproved: int = 0

    def update(self, epoch: int, score: float | None) -> bool:
        """Take account of an epoch.

        The first epoch is the best so far, whatever its score; a score of NaN is never better than
        a number. Without validation the latest epoch is the best.

        Args:
            epoch: its number, from 1.
            score: its score, or None without validation.

        Returns:
            Whether it is the best so far.
        """
        if score is None or not self.best_epoch or self._beats(score):
            self.best_epoch, self.best_score, self.unimproved = epoch, score, 0
            return True
        self.unimproved += 1
        return False

    def _beats(self, score: float) -> bool:
        if self.best_score is None or math.isnan(self.best_score):
            return not math.isnan(score)
        return score > self.best_score

    def exhausted(self, epochs_done: int, *, epochs_min: int, patience: int) -> bool:
        """Say whether to stop: enough epochs, and more than `patience` since the best one."""
        return epochs_done >= epochs_min and self.unimproved > patience

    def to_dict(self) -> dict[str, Any]:
        """Return the attributes, for a checkpoint."""
        return asdict(self)
