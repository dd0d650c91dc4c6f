"""What changes between two groups of tracks: predicted against measured log2 fold change."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from whelp.expression.errors import ExpressionError
from whelp.expression.settings import ExpressionSettings
from whelp.genome.genes import Gene
from whelp.report.assays import assay
from whelp.report.records import ContrastSummary
from whelp.scoring.groups import split_contrast
from whelp.specs.targets import Target
from whelp.training.correlation import pearson, spearman
from whelp.training.quantile_normalization import quantile_normalized
from whelp.wording import listed

Floats = npt.NDArray[np.float64]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Contrast(ContrastSummary):
    """The log2 fold change of genes from group `b` to group `a`, predicted and measured.

    Its name is `A:B`, with the assay in brackets; the numbers are explained at `ContrastSummary`.

    Attributes:
        a: Name of the group above the fraction line.
        b: Name of the group below it.
        assay: What the tracks measure; "" where the groups have no assay in common, and all their
            tracks were compared.
        tracks: Number of tracks of `a` and of `b`.
        genes: One row a gene: `gene_id`, `name`, `measured` and `predicted` log2 fold change.
        auroc_up: NaN if no genes are up in `a`, or all are; so `auroc_down`.
    """

    a: str
    b: str
    assay: str
    tracks: tuple[int, int]


def contrast_groups(
    genes: Sequence[Gene],
    measured: Floats,
    predicted: Floats,
    rows: Sequence[Target],
    settings: ExpressionSettings,
) -> tuple[Contrast, ...]:
    """Compare the predicted with the measured change between groups of tracks.

    Tracks of one assay are compared with one another, assay by assay. All tracks of both groups are
    quantile normalised together, measured and predicted for themselves, so that depth makes no
    change; the change is the difference of the groups' mean log2 coverage.

    Args:
        genes: The genes.
        measured: log2 coverage, `(genes, tracks)`.
        predicted: The same of predictions.
        rows: Of each track its row of the targets table.
        settings: Which groups, and from which change on a gene is up or down.

    Raises:
        ExpressionError: The targets table has no groups, or not this one.
    """
    made = []
    for a, b in map(split_contrast, settings.contrasts):
        for kind, left, right in _by_assay(rows, a, b):
            changes = [_changes(values, left, right) for values in (measured, predicted)]
            table = pd.DataFrame(
                {
                    "gene_id": [gene.identifier for gene in genes],
                    "name": [gene.name for gene in genes],
                    "measured": changes[0],
                    "predicted": changes[1],
                }
            )
            sizes = len(left), len(right)
            made.append(_compared((a, b), kind, sizes, table, settings.min_change))
    return tuple(made)


def check_groups(rows: Sequence[Target], settings: ExpressionSettings) -> None:
    """Refuse contrasts of groups that there are not, before anything is predicted.

    Raises:
        ExpressionError: As `contrast_groups`.
    """
    for a, b in map(split_contrast, settings.contrasts):
        if a == b:
            raise ExpressionError(f"{a}:{b}: a group cannot be compared with itself")
        for group in (a, b):
            _members(rows, group)


def _by_assay(rows: Sequence[Target], a: str, b: str) -> Iterator[tuple[str, list[int], list[int]]]:
    """The assays that two groups have in common, each with their tracks."""
    left, right = (_members(rows, group) for group in (a, b))
    kinds = [{assay(rows[track].description or "") for track in side} for side in (left, right)]
    shared = sorted(kinds[0] & kinds[1])
    if not shared:
        _logger.warning(
            "%s:%s: the groups have no assay in common (%s; %s); all their tracks are compared",
            *(a, b, listed(sorted(kinds[0])), listed(sorted(kinds[1]))),
        )
        yield "", left, right
    for kind in shared:
        sides = [
            [track for track in side if assay(rows[track].description or "") == kind]
            for side in (left, right)
        ]
        yield kind, sides[0], sides[1]


def _members(rows: Sequence[Target], group: str) -> list[int]:
    members = [track for track, row in enumerate(rows) if row.group == group]
    if not members:
        known = list(dict.fromkeys(row.group for row in rows if row.group is not None))
        there = f"its groups are {listed(known)}" if known else "it has no column group"
        raise ExpressionError(
            f"there is no group {group!r} in the targets table; {there}. Give a table with the "
            f"column group (-t), and groups of it as A:B"
        )
    return members


def _changes(values: Floats, left: list[int], right: list[int]) -> Floats:
    """The difference of two groups' means, `(genes,)`, after normalisation of both together."""
    normal = quantile_normalized(values[:, [*left, *right]])
    return normal[:, : len(left)].mean(axis=1) - normal[:, len(left) :].mean(axis=1)


def _compared(
    groups: tuple[str, str],
    kind: str,
    sizes: tuple[int, int],
    table: pd.DataFrame,
    min_change: float,
) -> Contrast:
    measured, predicted = table["measured"].to_numpy(), table["predicted"].to_numpy()
    up, down = measured >= min_change, measured <= -min_change
    a, b = groups
    return Contrast(
        name=f"{a}:{b}" + (f" ({kind})" if kind else ""),
        a=a,
        b=b,
        assay=kind,
        tracks=sizes,
        genes=table,
        min_change=min_change,
        up=int(up.sum()),
        down=int(down.sum()),
        pearsonr=pearson(measured, predicted),
        spearmanr=spearman(measured, predicted),
        auroc_up=auroc(up, predicted),
        auroc_down=auroc(down, -predicted),
    )


def auroc(positive: npt.NDArray[np.bool_], scores: Floats) -> float:
    """The area under the ROC curve: how often a positive scores above a negative, ties half.

    Args:
        positive: Which are positive, `(n,)`.
        scores: Their scores, `(n,)`.

    Returns:
        From 0 to 1; NaN if all are positive, or none is.
    """
    # Slow to import, and wanted by contrasts alone.
    from sklearn.metrics import roc_auc_score

    if positive.all() or not positive.any():
        return float("nan")
    return float(roc_auc_score(positive, scores))
