"""Relative positions of attention: features of distances, and logits from distances to pairs.

Distances are ``key - query``, in positions, from ``1 - length`` to ``length - 1``. The features are
Enformer's central mask (Avsec et al. 2021): mask ``k`` of ``n`` is 1 where
``|distance| < (length + 1) ** (k / n) - 1``. They change only where a distance crosses one of these
widths, so that all distances share a few dozen rows, here called buckets.

``benchmarks/attention_spread.py`` measures the two ways of this module against others.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

_TILES = 4  # More save little and make larger graphs.


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
        ``(2 length - 1, num_features)`` float32, from distance ``1 - length`` on.

    Raises:
        ValueError: When ``num_features`` is odd and not ``symmetric``.
    """
    if not symmetric and num_features % 2:
        raise ValueError(
            f"num_position_features must be even, got {num_features}: half of the features carry "
            "the sign of the distance. Use an even number, or symmetric positions."
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


def distance_buckets(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the distinct rows among the features of all distances.

    Args:
        features: ``(2 length - 1, features)``, as ``central_mask_features`` makes them.

    Returns:
        The rows ``(buckets, features)``, and the bucket of each distance, int32
        ``(2 length - 1,)``.
    """
    rows, bucket = np.unique(features, axis=0, return_inverse=True)
    return rows, bucket.reshape(-1).astype("int32")


def spread_buckets(logits: Any, bucket: np.ndarray) -> Any:
    """Take each query's logits of buckets to its logits of keys.

    Args:
        logits: ``(batch, heads, length, buckets)``.
        bucket: ``(2 length - 1,)``, the bucket of each distance.

    Returns:
        ``(batch, heads, length, length)``: ``out[i, j] = logits[i, bucket(j - i)]``.
    """
    heads, length, buckets = logits.shape[1:]
    position = ops.arange(length, dtype="int32")
    distance = position[None, :] - position[:, None]
    index = ops.take(ops.convert_to_tensor(bucket), distance + (length - 1))
    index = ops.reshape(index + buckets * position[:, None], (-1,))
    # Whole rows of all sequences and heads are gathered: single elements take twice as long.
    rows = ops.reshape(ops.transpose(logits, (2, 3, 0, 1)), (length * buckets, -1))
    pairs = ops.reshape(ops.take(rows, index, axis=0), (length, length, -1, heads))
    return ops.transpose(pairs, (2, 3, 0, 1))


def distance_logits(query: Any, position: Any) -> Any:
    """Multiply each query with the position of each key relative to it.

    Tiles of queries meet only the distances that occur in them, which spares nearly half of the
    ``(length, 2 length - 1)`` product.

    Args:
        query: ``(batch, heads, length, size)``.
        position: ``(1, heads, 2 length - 1, size)``, from distance ``1 - length`` on.

    Returns:
        ``(batch, heads, length, length)``: ``out[i, j] = query[i] . position[length - 1 + j - i]``.
    """
    length = query.shape[2]
    tiles = _TILES if length % _TILES == 0 else 1
    rows = length // tiles
    parts = []
    for tile, part in enumerate(ops.split(query, tiles, axis=2)):
        first = length - rows * (tile + 1)
        distances = position[:, :, first : first + length + rows - 1]
        parts.append(relative_shift(ops.matmul(part, ops.swapaxes(distances, -1, -2))))
    return ops.concatenate(parts, axis=2)


def relative_shift(logits: Any) -> Any:
    """Take logits of distances to logits of keys (Transformer-XL, Dai et al. 2019).

    Args:
        logits: ``(batch, heads, rows, rows + length - 1)`` for neighbouring queries, each over the
            distances that any of them has.

    Returns:
        ``(batch, heads, rows, length)``: ``out[i, j] = logits[i, rows - 1 + j - i]``.
    """
    heads, rows, width = logits.shape[1:]
    if rows == 1:
        return logits
    # A row of the result starts width - 1 elements after the one before it. Splits, because the
    # gradient of a slice is several times slower under TensorFlow.
    flat = ops.reshape(logits, (-1, heads, rows * width))
    ends = [rows - 1, rows - 1 + rows * (width - 1)]
    flat = ops.split(flat, ends, axis=-1)[1]
    shifted = ops.reshape(flat, (-1, heads, rows, width - 1))
    return ops.split(shifted, [width - rows + 1], axis=-1)[0]
