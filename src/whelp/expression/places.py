"""In which bins of which held-out windows genes lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from whelp.genome.genes import Gene

IntArray = npt.NDArray[np.int64]


class Place(NamedTuple):
    """A gene in a window.

    Attributes:
        gene: Number of the gene.
        bins: Its bins, counted from the window's first.
        bases: Bases of its stretches that these bins hold.
    """

    gene: int
    bins: IntArray
    bases: int


@dataclass(frozen=True)
class Places:
    """Where genes lie.

    Attributes:
        windows: For each window its genes, in their order.
        visits: For each gene the number of windows that it lies in.
    """

    windows: Sequence[Sequence[Place]]
    visits: IntArray


def find_places(
    genes: Sequence[Gene],
    stretches: Sequence[IntArray],
    windows: pd.DataFrame,
    *,
    width: int,
    every: int = 1,
    once: bool = True,
) -> Places:
    """Find the bins of genes in windows.

    A bin is a gene's if it holds any base of it. Where windows overlap, a bin is taken from the
    one whose middle is nearest: there the model sees most on both sides.

    Args:
        genes: The genes.
        stretches: Of each gene starts and ends, bp, `(stretches, 2)`.
        windows: Columns chrom, start, end, bp: where the bins of each window are.
        width: bp a bin.
        every: Take every how many-th window, from the first.
        once: Take each bin once: from one window, and once for all stretches that lie in it.
    """
    owned = _owned(windows, width) if once else [(0, None)] * len(windows)
    columns = _columns(genes, stretches)
    nothing = np.zeros((3, 0), np.int64)
    found: list[list[Place]] = []
    visits = np.zeros(len(genes), np.int64)
    for number, (chrom, start, end) in enumerate(
        zip(windows["chrom"], windows["start"], windows["end"], strict=True)
    ):
        places: list[Place] = []
        if number % every == 0:
            first, last = owned[number]
            bins = (end - start) // width
            limits = first, bins if last is None else min(last, bins)
            places = _window_places(columns.get(chrom, nothing), start, width, limits, once)
        visits[[place.gene for place in places]] += 1
        found.append(places)
    return Places(found, visits)


def _columns(genes: Sequence[Gene], stretches: Sequence[IntArray]) -> dict[str, IntArray]:
    """Starts, ends and genes of the stretches of each chromosome, int64 of shape `(3, n)`."""
    parts: dict[str, list[IntArray]] = {}
    for number, (gene, own) in enumerate(zip(genes, stretches, strict=True)):
        rows = np.column_stack([own, np.full(len(own), number)])
        parts.setdefault(gene.chrom, []).append(rows)
    return {chrom: np.concatenate(rows).T for chrom, rows in parts.items()}


def _window_places(
    columns: IntArray, start: int, width: int, limits: tuple[int, int], once: bool
) -> list[Place]:
    """The genes of a window, of which the bins from one limit to the other count."""
    starts, ends, genes = columns
    low, high = (start + limit * width for limit in limits)
    inside = np.flatnonzero((starts < high) & (ends > low))
    begin = np.maximum(starts[inside], low) - start
    stop = np.minimum(ends[inside], high) - start
    places = []
    for gene in dict.fromkeys(genes[inside].tolist()):
        own = np.flatnonzero(genes[inside] == gene)
        bins = np.concatenate([np.arange(begin[at] // width, -(-stop[at] // width)) for at in own])
        bases = int((stop[own] - begin[own]).sum())
        places.append(Place(gene, np.unique(bins) if once else bins, bases))
    return places


def _owned(windows: pd.DataFrame, width: int) -> list[tuple[int, int | None]]:
    """The first bin of each window that is taken from it, and the one after the last; or None."""
    owned: list[tuple[int, int | None]] = [(0, None)] * len(windows)
    chroms, starts, ends = (windows[name].to_list() for name in ("chrom", "start", "end"))
    order = sorted(range(len(windows)), key=lambda at: (chroms[at], starts[at], ends[at]))
    for one, other in pairwise(order):
        if chroms[one] == chroms[other] and ends[one] > starts[other]:
            border = (ends[one] + starts[other]) // 2
            owned[one] = (owned[one][0], -(-(border - starts[one]) // width))
            owned[other] = (-(-(border - starts[other]) // width), None)
    return owned
