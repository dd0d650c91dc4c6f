"""DoRA: low-rank updates of the direction of a kernel, and its magnitudes by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from whelp.adapters.base import AdapterLayer, check_rank, numpy


@keras.saving.register_keras_serializable("whelp")
class Dora(AdapterLayer):
    """Weight-decomposed LoRA: `y = x V * m / |V| + b`, `V = W + scale * A B` (Liu et al. 2024).

    `|V|` is the norm of each output's column, and `m` begins as the norms of `W`, so that nothing
    changes at first. As in the paper, gradients take the norm for a constant.

    Args:
      base: A dense layer.
      rank: Width of the bottleneck.
      alpha: Strength of the update; `scale` is `alpha / rank`.
      **kwargs: Further arguments of `keras.layers.Layer`.

    Raises:
      ValueError: The base is of another class, or the rank exceeds its outputs.
    """

    accepts: ClassVar[tuple[type, ...]] = (keras.layers.Dense,)

    def __init__(
        self, base: keras.layers.Layer, rank: int = 8, alpha: float = 16, **kwargs: Any
    ) -> None:
        super().__init__(base, **kwargs)
        check_rank(base, rank, base.units)
        self.rank = rank
        self.alpha = alpha
        self.scale = alpha / rank

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Makes A, B and, relative to the base's norms, the magnitudes `(outputs,)`."""
        super().build(input_shape)
        units = self.base.units
        self.lora_a = self.add_weight(
            name="lora_a", shape=(input_shape[-1], self.rank), initializer="he_uniform"
        )
        self.lora_b = self.add_weight(name="lora_b", shape=(self.rank, units), initializer="zeros")
        # Kept as a factor of |W|: base weights are loaded after the layer is built.
        self.magnitude = self.add_weight(name="magnitude", shape=(units,), initializer="ones")

    def call(self, inputs: Any) -> Any:
        """Projects `(..., inputs)` to `(..., outputs)`."""
        # Squares of small weights underflow in half precision.
        wide = keras.backend.result_type(self.base.kernel.dtype, "float32")
        kernel = ops.cast(ops.convert_to_tensor(self.base.kernel), wide)
        update = ops.cast(ops.matmul(self.lora_a, self.lora_b), wide)
        direction = kernel + update * self.scale
        factor = (
            ops.cast(self.magnitude, wide) * _norms(kernel) / ops.stop_gradient(_norms(direction))
        )
        projected = ops.matmul(inputs, ops.cast(direction * factor, inputs.dtype))
        if self.base.use_bias:
            projected = projected + ops.cast(self.base.bias, projected.dtype)
        return self.base.activation(projected) if self.base.activation else projected

    def merged(self) -> dict[str, np.ndarray]:
        """Returns the kernel with direction and magnitudes folded in."""
        kernel = numpy(self.base.kernel)
        direction = kernel + numpy(self.lora_a) @ numpy(self.lora_b) * np.float32(self.scale)
        norms = np.linalg.norm(kernel, axis=0) / np.maximum(
            np.linalg.norm(direction, axis=0), _TINY
        )
        return {"kernel": direction * (numpy(self.magnitude) * norms)}

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that rebuild this layer."""
        return {**super().get_config(), "rank": self.rank, "alpha": self.alpha}


_TINY = 1e-12


def _norms(kernel: Any) -> Any:
    """Norm of each output's column, `(outputs,)`; never 0, which new layers' columns may be."""
    return ops.sqrt(ops.maximum(ops.sum(ops.square(kernel), axis=0), _TINY**2))
