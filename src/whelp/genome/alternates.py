"""Windows of sequence that carry a variant's other allele."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from whelp.genome import dna
from whelp.genome.variants import Variant

Bases = npt.NDArray[np.uint8]


def alternate_sequence(
    reference: Bases, variant: Variant, start: int, *, following: Bases | None = None
) -> Bases:
    """Put the allele that the genome does not have into a window.

    The window keeps its length and its first base: a deletion pulls in what follows it, and an
    insertion pushes bases out at the end. Any allele may take the place of any other. Baskerville
    does the same where one base takes the place of another, and where one of the alleles is the
    first base of the other; else it puts in no base, too many, or N.

    Args:
        reference: The window as the genome has it, indexes of shape `(length,)`.
        variant: A variant that was checked against the genome (see `checked_variants`); its
            `flipped` says which allele is put in.
        start: First base of the window, bp from 0 on the variant's chromosome; may be negative.
        following: Bases after the window, for deletions to pull in; where there are none left, the
            window is filled with N, as in Baskerville.

    Returns:
        A new array of shape `(length,)`.

    Raises:
        ValueError: The variant begins outside the window, or the window does not hold the allele
            that the genome should have.
    """
    length = len(reference)
    first = variant.start - start
    old = dna.encode(variant.genome_allele)
    if not 0 <= first < length:
        raise ValueError(
            f"{_called(variant)} is outside the window {variant.chrom}:{start}-{start + length}"
        )
    held = reference[first : first + len(old)]
    if not np.array_equal(held, old[: len(held)]):
        raise ValueError(
            f"{_called(variant)}: the window has {dna.decode(held)} where "
            f"{variant.genome_allele} is expected; compare variants with the genome first"
        )
    last = first + len(old)
    pieces = [reference[:first], dna.encode(variant.other_allele), reference[last:]]
    if following is not None:
        pieces.append(following[max(0, last - length) :])
    alternate = np.concatenate(pieces)[:length]
    missing = length - len(alternate)
    return np.pad(alternate, (0, missing), constant_values=dna.UNKNOWN)


def changed_stretch(reference: Bases, alternate: Bases) -> tuple[int, int]:
    """Find the smallest stretch that holds all differences between two windows.

    Args:
        reference: Indexes of shape `(length,)`.
        alternate: Indexes of the same shape.

    Returns:
        First base and the base after the last one, from 0; `(0, 0)` where they are the same.
    """
    different = np.flatnonzero(reference != alternate)
    if not len(different):
        return 0, 0
    return int(different[0]), int(different[-1]) + 1


def _called(variant: Variant) -> str:
    return f"variant {variant.name} ({variant.chrom}:{variant.start + 1})"
