"""Relative positions of attention: features of distances, and logits from distances to pairs.

Distances are ``key - query``, in positions, from ``1 - length`` to ``length - 1``. The features of
Borzoi are the central mask: mask ``k`` of ``n`` is 1 where ``|distance| < (length + 1) ** (k / n) -
1``. They change only where a distance crosses one of these widths, so that all distances share a
few dozen rows, here called buckets. Those of Enformer (Avsec et al. 2021) differ at every distance.

``benchmarks/attention_spread.py`` measures the two ways of this module against others.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from keras import ops
from scipy.special import gammaln, xlogy

PositionFeatures = Literal["central_mask", "enformer", "enformer_pytorch"]

_TILES = 4  # More save little and make larger graphs.


def distance_features(
    kind: PositionFeatures,
    length: int,
    num_features: int,
    *,
    symmetric: bool = False,
    width_length: int | None = None,
) -> np.ndarray:
    """Compute features of all distances of a sequence.

    Args:
        kind: ``central_mask`` as in Borzoi; ``enformer``; or ``enformer_pytorch``, the same with
            the gamma densities normalised as that package does (see ``enformer_features``).
        length: Positions of the sequence.
        num_features: Features of a distance.
        symmetric: Leave the features that keep the distance's sign out.
        width_length: Sequence length that the features are made for; ``length`` by default.

    Returns:
        ``(2 length - 1, num_features)`` float32, from distance ``1 - length`` on.

    Raises:
        ValueError: The number of features is not divisible as the kind wants it.
    """
    if kind == "central_mask":
        return central_mask_features(
            length, num_features, symmetric=symmetric, width_length=width_length
        )
    return enformer_features(
        length,
        num_features,
        symmetric=symmetric,
        width_length=width_length,
        gamma_over="distances" if kind == "enformer" else "features",
    )


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


def enformer_features(
    length: int,
    num_features: int,
    *,
    symmetric: bool = False,
    width_length: int | None = None,
    gamma_over: Literal["distances", "features"] = "distances",
) -> np.ndarray:
    """Compute Enformer's features of all distances (Avsec et al. 2021, Methods).

    A third each, ``n`` features: decays ``2 ** (-|d| / h_k)`` with half-lives ``h_k`` from 8 to
    ``L`` in equal ratios; masks ``|d| < 2 ** k - 1``, ``k`` from 1; and densities at ``|d|`` of
    gamma distributions of mean ``k L / n`` and deviation ``L / (2 n)``, plus 1e-8, divided by
    their maximum. ``L`` is ``width_length``.

    In double precision, then rounded: what TensorFlow and PyTorch make of the densities in single
    precision differs by 0.2% from one machine to another.

    Args:
        length: Positions of the sequence.
        num_features: Features of a distance: these, and unless ``symmetric`` the same again times
            the distance's sign.
        symmetric: Leave the signed half out.
        width_length: Sequence length ``L`` that the features are made for; ``length`` by default.
        gamma_over: What the maximum of the densities runs over. Enformer takes each density's over
            the distances; enformer-pytorch takes that of the ``n`` densities at each distance.

    Returns:
        ``(2 length - 1, num_features)`` float32, from distance ``1 - length`` on.

    Raises:
        ValueError: When ``num_features`` is no multiple of 6 (of 3 if ``symmetric``).
    """
    groups = 3 if symmetric else 6
    if num_features % groups:
        raise ValueError(
            f"num_position_features must be a multiple of {groups} for Enformer's features, got "
            f"{num_features}: they are of three kinds, each with and without the distance's sign "
            "unless positions are symmetric."
        )
    count, span = num_features // groups, width_length or length
    signed = np.arange(1 - length, length, dtype="float64")[:, None]
    distance = np.abs(signed)
    ranks = np.arange(1, count + 1, dtype="float64")
    decays = 2 ** (-distance / 2 ** np.linspace(3, np.log2(span), count))
    masks = 2**ranks - 1 > distance
    densities = _gamma_densities(distance, ranks * span / count, span / (2 * count))
    densities /= densities.max(axis=0 if gamma_over == "distances" else 1, keepdims=True)
    unsigned = np.concatenate([decays, masks, densities], axis=1)
    features = [unsigned] if symmetric else [unsigned, np.sign(signed) * unsigned]
    return np.concatenate(features, axis=1).astype("float32")


def _gamma_densities(distance: np.ndarray, mean: np.ndarray, deviation: float) -> np.ndarray:
    """Densities of gamma distributions at distances, and a little that keeps maxima above 0."""
    shape, rate = (mean / deviation) ** 2, mean / deviation**2
    log_scale = shape * np.log(rate) - gammaln(shape)
    return np.exp(xlogy(shape - 1, distance) - rate * distance + log_scale) + 1e-8


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
