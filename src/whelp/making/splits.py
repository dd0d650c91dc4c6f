"""Sharing contigs out between training, validation and test, or between folds."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np

from whelp.genome.intervals import Interval
from whelp.making.contigs import rejoin_contigs

SPLITS = ("train", "valid", "test")
"""Labels of a data set that is not for cross-validation, in the order of its files."""

# A contig that would fill more than this share of what a held-out part lacks goes to training.
_TOO_LARGE = 0.2


class Part(NamedTuple):
    """The contigs of one label.

    Attributes:
        label: `train`, `valid`, `test`, or `fold0` and so on.
        contigs: Contigs, neighbours joined.
        pieces: Number of contigs before they were joined.
        bp: Their length together, bp.
    """

    label: str
    contigs: list[Interval]
    pieces: int
    bp: int


def split_by_chromosome(
    contigs: Sequence[Interval], *, valid: Collection[str], test: Collection[str]
) -> list[Part]:
    """Give whole chromosomes to validation and test, and the others to training."""
    shared: dict[str, list[Interval]] = {label: [] for label in SPLITS}
    for contig in contigs:
        if contig.chrom in test:
            shared["test"].append(contig)
        else:
            shared["valid" if contig.chrom in valid else "train"].append(contig)
    return [_part(label, shared[label]) for label in SPLITS]


def split_by_fraction(
    contigs: Sequence[Interval], *, valid: float, test: float, random: np.random.RandomState
) -> list[Part]:
    """Draw contigs for validation and test until these hold about their shares of the genome.

    The longest contigs are drawn first. One goes to a part with the odds of what the part lacks;
    it is not drawn for a part of which it would be more than a fifth of what is lacking.

    Args:
        contigs: The contigs.
        valid: Share of the bp for validation.
        test: Share of the bp for test.
        random: Draws one number a contig.
    """
    shared: list[list[Interval]] = [[], [], []]
    total = sum(contig.end - contig.start for contig in contigs)
    valid_aim, test_aim = valid * total, test * total
    aims = (total - valid_aim - test_aim, valid_aim, test_aim)
    filled = [0, 0, 0]
    for length, contig in _longest_first(contigs):
        lacking: list[float] = [max(1, aims[0] - filled[0])]
        for part in (1, 2):
            lack = max(0, aims[part] - filled[part])
            lacking.append(0 if length > _TOO_LARGE * lack else lack)
        whole = lacking[0] + lacking[1] + lacking[2]
        drawn = int(random.choice(3, p=[lack / whole for lack in lacking]))
        shared[drawn].append(contig)
        filled[drawn] += length
    return [_part(label, part) for label, part in zip(SPLITS, shared, strict=True)]


def split_into_folds(
    contigs: Sequence[Interval], folds: int, *, random: np.random.RandomState
) -> list[Part]:
    """Draw a fold for each contig, the longest first, with the odds of what the folds lack.

    Args:
        contigs: The contigs.
        folds: Number of folds.
        random: Draws one number a contig.
    """
    shared: list[list[Interval]] = [[] for _ in range(folds)]
    total = sum(contig.end - contig.start for contig in contigs)
    aim = int(np.ceil(total / folds))
    filled = np.zeros(folds)
    for length, contig in _longest_first(contigs):
        lacking = np.clip(aim - filled, 0, np.inf)
        drawn = int(random.choice(folds, p=lacking / lacking.sum()))
        shared[drawn].append(contig)
        filled[drawn] += length
    return [_part(f"fold{fold}", part) for fold, part in enumerate(shared)]


def fill_splits(
    contigs: Sequence[Interval], *, valid: float, test: float, random: np.random.RandomState
) -> list[Part]:
    """Fill test, then validation, from contigs in an order that is drawn; the rest is training.

    For genomes of so few contigs that `split_by_fraction` leaves a part empty.
    """
    pieces = sorted(contigs)
    order = [pieces[at] for at in random.permutation(len(pieces))]
    total = sum(contig.end - contig.start for contig in order)
    shared = {}
    for label, share in (("test", test), ("valid", valid)):
        taken: list[Interval] = []
        while order and sum(end - start for _, start, end in taken) < share * total:
            taken.append(order.pop())
        shared[label] = taken
    shared["train"] = order
    return [_part(label, shared[label]) for label in SPLITS]


def balance_folds(contigs: Sequence[Interval], folds: int) -> list[Part]:
    """Give each contig, the longest first, to the fold that has least: leaves none empty."""
    shared: list[list[Interval]] = [[] for _ in range(folds)]
    filled = [0] * folds
    for length, contig in _longest_first(contigs):
        least = filled.index(min(filled))
        shared[least].append(contig)
        filled[least] += length
    return [_part(f"fold{fold}", part) for fold, part in enumerate(shared)]


def _longest_first(contigs: Sequence[Interval]) -> list[tuple[int, Interval]]:
    return sorted(((contig.end - contig.start, contig) for contig in contigs), reverse=True)


def _part(label: str, contigs: Sequence[Interval]) -> Part:
    bp = sum(contig.end - contig.start for contig in contigs)
    return Part(label, rejoin_contigs(contigs), len(contigs), bp)
