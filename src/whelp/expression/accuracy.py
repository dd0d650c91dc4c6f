"""How well expression is predicted: across genes, across tracks, and along genes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from whelp.expression.contrasts import Contrast, contrast_groups
from whelp.expression.levels import LEAST_VARIANCE, GeneLevels
from whelp.expression.settings import ExpressionSettings
from whelp.specs.targets import Target
from whelp.training.correlation import TrackSums
from whelp.training.quantile_normalization import quantile_normalized

Floats = npt.NDArray[np.float64]

# Tracks are correlated along the fifth of genes whose measured coverage varies most.
_VARIED = 80


@dataclass(frozen=True, eq=False)
class GeneAccuracy:
    """Predicted against measured expression of genes.

    Attributes:
        genes: One row a gene, sorted by `gene_id`: `name`, `chrom`, `start`, `end` (bp, 0-based
            half-open), `strand`, `length` (bp that count), `shown` (the share of them that lies
            in the windows) and `trained` (the share that lies in windows of the training).
        tracks: One row a track, strand pairs as one: `identifier`, `group`, and

            - `pearsonr`, `r2`: across genes, of log2 coverage;
            - `pearsonr_norm`, `r2_norm`: the same after quantile normalisation among the tracks of
              a group, less each gene's mean over them: what sets a track apart from its group;
            - `pearsonr_gene`: mean correlation along genes, over the fifth of genes whose measured
              coverage varies most;

            and `description`. `r2` is the explained variance 1 - var(y - p) / var(y).
        by_gene: One row a gene: `gene_id`, and of each group `GROUP_r`, `GROUP_r2` (correlation
            and explained variance across the group's tracks, quantile normalised) and `GROUP_sd`,
            the measured standard deviation across them.
        values: Tables of genes x tracks: `targets` and `preds` (log2 coverage), `targets_norm` and
            `preds_norm` (quantile normalised), `within` and `var` (along genes).
        contrasts: What was asked for of groups of tracks.
    """

    genes: pd.DataFrame
    tracks: pd.DataFrame
    by_gene: pd.DataFrame
    values: Mapping[str, pd.DataFrame] = field(repr=False)
    contrasts: tuple[Contrast, ...] = ()

    @property
    def groups(self) -> list[str]:
        """Names of the groups of tracks, sorted."""
        return sorted(set(self.tracks["group"]))

    @property
    def reaching(self) -> int:
        """Number of genes of which a part lies in windows of the training."""
        return int((self.genes["trained"] > 0).sum())

    def means(self) -> dict[str, float]:
        """Means of the numbers of `tracks` over the tracks that have them."""
        names = ("pearsonr", "r2", "pearsonr_norm", "r2_norm", "pearsonr_gene")
        return {name: float(self.tracks[name].mean()) for name in names}


def gene_accuracy(
    levels: GeneLevels, rows: list[Target], settings: ExpressionSettings
) -> GeneAccuracy:
    """Compare predicted with measured coverage of genes.

    Args:
        levels: The coverage.
        rows: Of each merged track its row of the targets table.
        settings: How.

    Raises:
        ExpressionError: A contrast names a group that there is not.
    """
    groups = np.array([group_of(row) for row in rows])
    measured, predicted = _logarithms(levels, settings.pseudo_quantile)
    normal = [np.zeros_like(measured), np.zeros_like(predicted)]
    for group in sorted(set(groups)):
        members = groups == group
        for values, normalized in zip((measured, predicted), normal, strict=True):
            normalized[:, members] = quantile_normalized(values[:, members])
    tables = {
        "targets": measured,
        "targets_norm": normal[0],
        "preds": predicted,
        "preds_norm": normal[1],
        "within": levels.within,
        "var": levels.variance,
    }
    index = [gene.identifier for gene in levels.genes]
    names = pd.Index([row.identifier for row in rows], name="identifier")
    return GeneAccuracy(
        genes=_gene_table(levels),
        tracks=_track_table(tables, rows, groups, settings),
        by_gene=_by_gene(tables, groups, index, settings),
        values={name: pd.DataFrame(table, index, names) for name, table in tables.items()},
        contrasts=contrast_groups(levels.genes, measured, predicted, rows, settings),
    )


def group_of(row: Target) -> str:
    """The group of a track; without one what its description begins with, such as its assay."""
    return row.group or (row.description or "").split(":")[0]


def _logarithms(levels: GeneLevels, pseudo_quantile: float | None) -> tuple[Floats, Floats]:
    """log2(coverage + pseudo coverage + 1), measured and predicted, each (genes, tracks)."""
    both = [levels.measured.astype(float), np.maximum(levels.predicted.astype(float), 0)]
    if pseudo_quantile is not None:
        for track in range(both[0].shape[1]):
            there = both[0][:, track] != 0
            if there.any():
                for values in both:
                    values[:, track] += np.quantile(values[there, track], pseudo_quantile)
    return np.log2(both[0] + 1), np.log2(both[1] + 1)


def _gene_table(levels: GeneLevels) -> pd.DataFrame:
    names = ("identifier", "name", "chrom", "start", "end", "strand")
    table = pd.DataFrame(
        {name: [getattr(gene, name) for gene in levels.genes] for name in names}
    ).rename(columns={"identifier": "gene_id"})
    return table.assign(length=levels.lengths, shown=levels.shown, trained=levels.trained)


def _track_table(
    tables: Mapping[str, Floats],
    rows: list[Target],
    groups: npt.NDArray[np.str_],
    settings: ExpressionSettings,
) -> pd.DataFrame:
    centred = [tables["targets_norm"].copy(), tables["preds_norm"].copy()]
    for values in centred:
        for group in set(groups):
            members = groups == group
            values[:, members] -= values[:, members].mean(axis=-1, keepdims=True)
    pearsonr, r2 = compare_columns(tables["targets"], tables["preds"])
    pearsonr_norm, r2_norm = compare_columns(*centred)
    return pd.DataFrame(
        {
            "identifier": [row.identifier for row in rows],
            "group": groups,
            "pearsonr": pearsonr,
            "r2": r2,
            "pearsonr_norm": pearsonr_norm,
            "r2_norm": r2_norm,
            "pearsonr_gene": _along_genes(tables, strict=settings.as_reference),
            "description": [row.description for row in rows],
        },
        index=[row.index for row in rows],
    )


def _along_genes(tables: Mapping[str, Floats], *, strict: bool) -> Floats:
    """The mean of correlations along the genes that vary most, (tracks,)."""
    within, variance = tables["within"], tables["var"]
    varied = variance > np.percentile(variance, _VARIED, axis=0)
    counted = varied if strict else varied & ~np.isnan(within)
    total = np.where(counted, within, 0).sum(axis=0, dtype=float)
    number = counted.sum(axis=0)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)


def compare_columns(measured: Floats, predicted: Floats) -> tuple[Floats, Floats]:
    """Correlate columns, and say how much of their variance is explained.

    Args:
        measured: `(rows, columns)`.
        predicted: The same.

    Returns:
        Pearson's correlation and 1 - var(y - p) / var(y), `(columns,)` each; NaN where the measured
        column is constant.
    """
    sums = TrackSums(measured.shape[1])
    sums.update(measured, predicted)
    varies = ~sums.constant_measured
    unexplained = (measured - predicted).var(axis=0)
    variance = np.where(varies, measured.var(axis=0), 1)
    return sums.pearsonr(), np.where(varies, 1 - unexplained / variance, np.nan)


def _by_gene(
    tables: Mapping[str, Floats],
    groups: npt.NDArray[np.str_],
    index: list[str],
    settings: ExpressionSettings,
) -> pd.DataFrame:
    columns: dict[str, Any] = {"gene_id": index}
    for group in sorted(set(groups)):
        members = groups == group
        measured, predicted = tables["targets_norm"][:, members], tables["preds_norm"][:, members]
        pearsonr, r2 = compare_columns(measured.T, predicted.T)
        flat = predicted.std(axis=1) < LEAST_VARIANCE
        # Where there is nothing to explain, the reference's numbers are mostly 0, and not missing.
        known = settings.as_reference | ~np.isnan(r2)
        columns[f"{group}_r"] = np.where(flat & known, 0, pearsonr)
        columns[f"{group}_r2"] = np.where((flat | np.isnan(r2)) & known, 0, r2)
        columns[f"{group}_sd"] = measured.std(axis=1)
    return pd.DataFrame(columns)
