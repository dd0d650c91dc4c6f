"""Insertions and deletions: both sides of the variant brought to the same bins.

An insertion or deletion moves all that follows it, and so changes bins that it does not touch. Of
the two sequences one is therefore predicted twice: as it is, with the bins to the left of the
variant in place, and moved by the length of the change, with those to the right in place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from whelp.genome.variants import Variant

Predictions = npt.NDArray[Any]


class ShiftPlan(NamedTuple):
    """By how many bp the two sequences of a variant are moved, to the right, for each prediction.

    Attributes:
        reference: Shifts of the genome's sequence.
        alternate: Shifts of the sequence with the other allele.
        moved: Which of them, "reference" or "alternate", has two shifts (in place, and moved by the
            length of the change) for each of the ensemble's; "" if neither.
    """

    reference: tuple[int, ...]
    alternate: tuple[int, ...]
    moved: str


def plan_shifts(size: int, shifts: Sequence[int], *, shared: bool) -> ShiftPlan:
    """Plan the shifts of a variant's predictions, as Baskerville does.

    Args:
        size: By how many bp the other allele is longer than the genome's (`Variant.size`).
        shifts: Shifts of the ensemble, bp.
        shared: The genome's sequence is predicted once for several variants, so that only the
            other sequence can be moved. Alone, the longer of the two is moved, whose bases outside
            the window are known.
    """
    plain = tuple(shifts)
    if size == 0:
        return ShiftPlan(plain, plain, "")
    if size < 0 and not shared:
        return ShiftPlan(_with_moved(shifts, size), plain, "reference")
    return ShiftPlan(plain, _with_moved(shifts, -size), "alternate")


def _with_moved(shifts: Sequence[int], by: int) -> tuple[int, ...]:
    return tuple(place for shift in shifts for place in (shift, shift + by))


def stitch_bin(variant: Variant, start: int, *, crop: int, stride: int) -> int:
    """Find the bin that holds the first base after the one that both alleles share.

    Args:
        variant: An insertion or deletion.
        start: First base of the window, bp from 0.
        crop: What the model leaves out on either side, bp.
        stride: Bin width, bp.

    Returns:
        Number of the bin from 0. Negative, or beyond the last bin, where the variant lies in what
        is left out: `stitch` takes all bins from one side then.
    """
    return (variant.start + 1 - start - crop) // stride


def stitch(predictions: Predictions, at: int | None = None) -> Predictions:
    """Join each prediction in place with its moved one.

    Args:
        predictions: Array of shape `(2 * shifts, bins, ...)`: in place, moved, in place, moved.
        at: Bin from which the moved ones count; None for the middle. It may lie outside the bins.
            (Baskerville counts a negative one from the end, and joins the two far from the
            variant.)

    Returns:
        Array of shape `(shifts, bins, ...)`.
    """
    bins = predictions.shape[1]
    at = bins // 2 if at is None else min(max(at, 0), bins)
    return np.concatenate([predictions[0::2, :at], predictions[1::2, at:]], axis=1)


def pair_predictions(
    reference: Predictions,
    alternate: Predictions,
    *,
    plan: ShiftPlan,
    at: int | None,
    flipped: bool = False,
) -> tuple[Predictions, Predictions]:
    """Bring the predictions of a variant's two sequences to one shape, to be compared.

    Args:
        reference: Predictions of the genome's sequence, shape `(len(plan.reference), bins, ...)`.
        alternate: Those of the other sequence, shape `(len(plan.alternate), bins, ...)`.
        plan: What they were made by.
        at: Bin at which the two predictions of the moved sequence are joined (see `stitch_bin`);
            None to compare each of the two with the prediction of the other sequence.
        flipped: The genome has the alternate allele of the file (`Variant.flipped`).

    Returns:
        Predictions of the file's reference and of its alternate allele, of the same shape.
    """
    if plan.moved and at is not None:
        if plan.moved == "reference":
            reference = stitch(reference, at)
        else:
            alternate = stitch(alternate, at)
    elif plan.moved == "reference":
        alternate = np.repeat(alternate, 2, axis=0)
    elif plan.moved == "alternate":
        reference = np.repeat(reference, 2, axis=0)
    return (alternate, reference) if flipped else (reference, alternate)
