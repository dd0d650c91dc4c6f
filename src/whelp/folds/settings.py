"""Replicates of a cross-validation, and what is wanted of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class FoldsSettings:
    """Which replicates are wanted.

    Attributes:
        folds: Folds to test on, each in replicates of its own. By default all; with the windows of
            a pretraining, the one that it was tested on.
        crosses: Replicates of each fold. By default as many as there are files of `pretrained`,
            else 1.
        identical_crosses: Whether all crosses of a fold are validated on the fold after it; else
            cross 1 takes the one after that, and so on.
        valid_fold: Fold that all replicates are validated on. With the windows of a pretraining,
            and its test fold, by default the one that it was validated on.
        pretrained: Weights to begin from; `{f}` and `{c}` stand for fold and cross.
        pretrained_splits: `sequences.bed` of the pretraining, one a data set, with `{f}` and `{c}`
            where it differs. By default those that the parameters' provenance names.
        held_out: Labels of that file that were not trained on, that of the test first.
        allow_leak: Whether held-out windows may be ones that the weights were trained on.
        resume: Whether to go on with the replicates that are in the folder.
        genes: Genes to evaluate on, too.
        part: Number of this part of the work, from 1, and of all parts; several machines may each
            do one of them in the same folder, at the same time or later.
    """

    folds: Sequence[int] | None = None
    crosses: int | None = None
    identical_crosses: bool = False
    valid_fold: int | None = None
    pretrained: str | None = None
    pretrained_splits: Sequence[str] = ()
    held_out: Sequence[str] = ()
    allow_leak: bool = False
    resume: bool = False
    genes: GenesAsked | None = None
    part: tuple[int, int] | None = None


@dataclass(frozen=True)
class GenesAsked:
    """Genes that replicates are evaluated on, those that lie in their test windows.

    Attributes:
        annotation: GTF or GFF3 file.
        settings: Keyword arguments of `whelp.expression.ExpressionSettings`.
    """

    annotation: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Replicate:
    """One training.

    Attributes:
        fold: Fold of its test windows.
        cross: Its number among those of this fold.
        valid_fold: Fold of its validation windows.
        weights: File that it begins from; None for random weights.
        leak: Which of its held-out windows the weights were trained on: `test`, `valid`,
            `test+valid`, `unknown`, or nothing.
    """

    fold: int
    cross: int
    valid_fold: int
    weights: str | None = None
    leak: str = ""

    @property
    def name(self) -> str:
        """Name of its folder."""
        return f"f{self.fold}c{self.cross}"
