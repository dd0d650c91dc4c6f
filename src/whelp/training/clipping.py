"""Adaptive gradient clipping: a gradient may be only so large beside the weights it changes."""

from collections.abc import Sequence
from typing import Any

from keras import ops

WEIGHT_FLOOR = 1e-3
GRADIENT_FLOOR = 1e-6


def unitwise_norm(values: Any) -> Any:
    """Return the Euclidean norm of each unit of a tensor.

    Vectors and scalars have one norm. Matrices and 1-D convolution kernels have one for each entry
    of all axes but the first; tensors of rank 4 and more one for each entry of the last axis.

    Args:
        values: a tensor.

    Returns:
        Norms of a shape that broadcasts against `values`.
    """
    rank = len(values.shape)
    if rank <= 1:
        return ops.sqrt(ops.sum(ops.square(values)))
    axes = 0 if rank <= 3 else tuple(range(rank - 1))
    return ops.sqrt(ops.sum(ops.square(values), axis=axes, keepdims=True))


def adaptive_clip(
    gradients: Sequence[Any], weights: Sequence[Any], clip_factor: float
) -> list[Any]:
    """Scale gradients down to at most `clip_factor` times the norm of their weights, unit by unit.

    `g * min(1, clip_factor * max(|w|, 1e-3) / |g|)` (Brock et al. 2021, arXiv:2102.06171), with the
    units of `unitwise_norm`, which are Baskerville's.

    Args:
        gradients: one tensor a weight.
        weights: tensors or variables of the same shapes.
        clip_factor: largest ratio of the two norms.

    Returns:
        The clipped gradients.
    """
    clipped = []
    for gradient, weight in zip(gradients, weights, strict=True):
        limit = (
            ops.maximum(unitwise_norm(ops.convert_to_tensor(weight)), WEIGHT_FLOOR) * clip_factor
        )
        norm = unitwise_norm(gradient)
        scaled = gradient * (limit / ops.maximum(norm, GRADIENT_FLOOR))
        clipped.append(ops.where(norm < limit, gradient, scaled))
    return clipped
