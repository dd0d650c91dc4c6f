"""Relative positions of attention: features of distances, and logits from distances to pairs.

Distances are ``key - query``, in positions. The features are Enformer's central mask (Avsec et al.
2021): feature ``k`` of ``n`` is 1 where ``|distance| < (L + 1) ** (k / n) - 1``, for the sequence
length ``L`` that the widths were made for. They change only where a distance crosses a width, so
all ``2 length - 1`` distances share a few dozen rows, here called buckets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops


@dataclass(frozen=True)
class DistanceBuckets:
    """Runs of neighbouring distances with one row of features.

    Attributes:
        features: ``(buckets, features)`` float32, ordered by distance.
        sizes: Distances in each bucket; they add up to ``2 length - 1``.
        zero: Index of the bucket that holds distance 0.
        before: Negative distances that the bucket ``zero`` holds.
    """

    features: np.ndarray
    sizes: tuple[int, ...]
    zero: int
    before: int


def central_mask_features(
    length: int, num_features: int, *, symmetric: bool = False, width_length: int | None = None
) -> np.ndarray:
    """Compute the central mask of all distances of a sequence.

    Args:
        length: Positions of the sequence.
        num_features: Features of a distance: masks, and unless ``symmetric`` as many masks again
            times the distance's sign.
        symmetric: Leave the signed half out.
        width_length: Sequence length that the widths are made for; ``length`` by default.

    Returns:
        ``(2 length - 1, num_features)`` float32, for the distances ``1 - length`` to
        ``length - 1``.

    Raises:
        ValueError: When ``num_features`` is odd and not ``symmetric``.
    """
    if not symmetric and num_features % 2:
        raise ValueError(
            f"num_position_features is {num_features}, but half of the features carry the sign of "
            "the distance: use an even number (or symmetric positions)."
        )
    masks = num_features if symmetric else num_features // 2
    # Single precision on purpose: the original compares widths rounded like this.
    rate = np.float32(np.exp(np.log((width_length or length) + 1) / masks))
    widths = np.power(np.float64(rate), np.arange(1, masks + 1)).astype("float32") - np.float32(1)
    distances = np.arange(1 - length, length, dtype="float32")
    mask = (widths[None, :] > np.abs(distances)[:, None]).astype("float32")
    if symmetric:
        return mask
    return np.concatenate([mask, np.sign(distances)[:, None] * mask], axis=-1)


def distance_buckets(features: np.ndarray) -> DistanceBuckets:
    """Find the runs of equal rows in the features of all distances.

    Args:
        features: ``(2 length - 1, features)``, as ``central_mask_features`` makes them.
    """
    middle = len(features) // 2
    starts = np.flatnonzero(np.any(features[1:] != features[:-1], axis=1)) + 1
    starts = np.concatenate([[0], starts])
    sizes = np.diff(np.concatenate([starts, [len(features)]]))
    zero = int(np.searchsorted(starts, middle, side="right")) - 1
    return DistanceBuckets(
        features=features[starts],
        sizes=tuple(int(size) for size in sizes),
        zero=zero,
        before=middle - int(starts[zero]),
    )


def relative_shift(logits: Any) -> Any:
    """Take each query's logits of distances to its logits of keys (Dai et al. 2019).

    Args:
        logits: ``(batch, heads, length, 2 length - 1)``, over the distances ``1 - length`` to
            ``length - 1``.

    Returns:
        ``(batch, heads, length, length)``: ``out[i, j] = logits[i, length - 1 + j - i]``.
    """
    heads, length = logits.shape[1], logits.shape[2]
    # Row i of the result starts 2 length - 2 elements after row i - 1: one less than the width.
    flat = ops.reshape(logits, (-1, heads, length * (2 * length - 1)))
    flat = flat[:, :, length - 1 : length - 1 + length * (2 * length - 2)]
    return ops.reshape(flat, (-1, heads, length, 2 * length - 2))[..., :length]


def spread_buckets(logits: Any, buckets: DistanceBuckets) -> Any:
    """Take each query's logits of buckets to its logits of keys.

    Args:
        logits: ``(batch, heads, length, buckets)``.
        buckets: The distances of each bucket.

    Returns:
        ``(batch, heads, length, length)``: ``out[i, j] = logits[i, bucket(j - i)]``.
    """
    batch, heads, length = ops.shape(logits)[0], logits.shape[1], logits.shape[2]
    runs = [
        ops.broadcast_to(logits[..., k : k + 1], (batch, heads, length, size))
        for k, size in enumerate(buckets.sizes)
    ]
    return relative_shift(ops.concatenate(runs, axis=-1))
