"""LoRA: low-rank updates of dense layers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from whelp.adapters.base import AdapterLayer, check_linear, check_rank, numpy


@keras.saving.register_keras_serializable("whelp")
class Lora(AdapterLayer):
    """Adds a low-rank update to a projection: `y = base(x) + scale * (x A) B` (Hu et al. 2021).

    `scale` is `alpha / rank`, or `alpha / sqrt(rank)` for rank-stabilised LoRA (Kalajdzievski
    2023). A starts from He's uniform distribution and B from 0, so that nothing changes at first.
    On a separable convolution the update is that of its pointwise kernel, and `x` is what the
    depthwise convolution gives.

    Args:
      base: A dense layer or a separable 1-D convolution.
      rank: Width of the bottleneck.
      alpha: Strength of the update.
      rank_stabilized: Whether to divide by the root of the rank.
      **kwargs: Further arguments of `keras.layers.Layer`.

    Raises:
      ValueError: The base is of another class or ends in an activation, or the rank exceeds its
        outputs.
    """

    accepts: ClassVar[tuple[type, ...]] = (keras.layers.Dense, keras.layers.SeparableConv1D)

    def __init__(
        self,
        base: keras.layers.Layer,
        rank: int = 8,
        alpha: float = 16,
        rank_stabilized: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(base, **kwargs)
        self.separable = isinstance(base, keras.layers.SeparableConv1D)
        self.units = base.filters if self.separable else base.units
        check_linear(self)
        check_rank(base, rank, self.units)
        self.rank = rank
        self.alpha = alpha
        self.rank_stabilized = rank_stabilized
        self.scale = alpha / (math.sqrt(rank) if rank_stabilized else rank)

    def build(self, input_shape: Sequence[Any]) -> None:
        """Makes A, `(inputs, rank)`, and B, `(rank, outputs)`."""
        super().build(input_shape)
        width = input_shape[-1] * (self.base.depth_multiplier if self.separable else 1)
        self.lora_a = self.add_weight(
            name="lora_a", shape=(width, self.rank), initializer="he_uniform"
        )
        self.lora_b = self.add_weight(
            name="lora_b", shape=(self.rank, self.units), initializer="zeros"
        )

    def call(self, inputs: Any) -> Any:
        """Projects `(..., inputs)` to `(..., outputs)`."""
        projected = self.base(inputs)
        x = self._depthwise(inputs) if self.separable else inputs
        return projected + ops.matmul(ops.matmul(x, self.lora_a), self.lora_b) * self.scale

    def _depthwise(self, inputs: Any) -> Any:
        return ops.depthwise_conv(
            inputs,
            ops.cast(self.base.depthwise_kernel, inputs.dtype),
            strides=self.base.strides,
            padding=self.base.padding,
            dilation_rate=self.base.dilation_rate,
            data_format="channels_last",
        )

    def merged(self) -> dict[str, np.ndarray]:
        """Returns the kernel with the update: `W + scale * A B`."""
        update = numpy(self.lora_a) @ numpy(self.lora_b) * np.float32(self.scale)
        if self.separable:
            return {"pointwise_kernel": numpy(self.base.pointwise_kernel) + update[None]}
        return {"kernel": numpy(self.base.kernel) + update}

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that rebuild this layer."""
        own = {"rank": self.rank, "alpha": self.alpha, "rank_stabilized": self.rank_stabilized}
        return {**super().get_config(), **own}
