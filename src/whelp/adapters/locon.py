"""Locon: low-rank updates of convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from whelp.adapters.base import AdapterLayer, check_linear, check_rank, numpy


@keras.saving.register_keras_serializable("whelp")
class Locon(AdapterLayer):
    """Adds a low-rank update to a 1-D convolution: `y = base(x) + scale * up(down(x))`.

    `down` is a convolution as the base's with `rank` filters, `up` one of width 1 (Yeh et al.
    2023, LyCORIS). `scale` is `alpha / rank`. `up` starts from 0, so that nothing changes at
    first. The reference strides `up` too, which for a strided base gives another length; here only
    `down` strides.

    Args:
      base: A 1-D convolution.
      rank: Filters of `down`.
      alpha: Strength of the update.
      **kwargs: Further arguments of `keras.layers.Layer`.

    Raises:
      ValueError: The base is of another class, ends in an activation or convolves channels in
        groups, or the rank exceeds its filters.
    """

    accepts: ClassVar[tuple[type, ...]] = (keras.layers.Conv1D,)

    def __init__(
        self, base: keras.layers.Layer, rank: int = 4, alpha: float = 1, **kwargs: Any
    ) -> None:
        super().__init__(base, **kwargs)
        check_linear(self)
        if base.groups != 1:
            raise ValueError(
                f"Locon mixes all channels; {base.name!r} convolves them in {base.groups} groups. "
                "Choose other targets."
            )
        check_rank(base, rank, base.filters)
        self.rank = rank
        self.alpha = alpha
        self.scale = alpha / rank

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Makes `down`, `(width, inputs, rank)`, and `up`, `(1, rank, filters)`."""
        super().build(input_shape)
        shape = (*self.base.kernel_size, input_shape[-1] // self.base.groups, self.rank)
        self.locon_down = self.add_weight(name="locon_down", shape=shape, initializer="he_uniform")
        self.locon_up = self.add_weight(
            name="locon_up", shape=(1, self.rank, self.base.filters), initializer="zeros"
        )

    def call(self, inputs: Any) -> Any:
        """Convolves `(batch, length, inputs)` to `(batch, length / strides, filters)`."""
        padded, padding = self._pad(inputs)
        down = ops.conv(
            padded,
            ops.cast(self.locon_down, inputs.dtype),
            strides=list(self.base.strides),
            padding=padding,
            dilation_rate=list(self.base.dilation_rate),
            data_format="channels_last",
        )
        up = ops.matmul(down, ops.cast(self.locon_up[0], down.dtype))
        return self.base(inputs) + up * self.scale

    def _pad(self, inputs: Any) -> tuple[Any, str]:
        """Pads for causal convolutions, which the operation leaves to the layer."""
        if self.base.padding != "causal":
            return inputs, self.base.padding
        before = self.base.dilation_rate[0] * (self.base.kernel_size[0] - 1)
        return ops.pad(inputs, ((0, 0), (before, 0), (0, 0))), "valid"

    def merged(self) -> dict[str, np.ndarray]:
        """Returns the kernel with the update folded in."""
        update = np.einsum("kir,ro->kio", numpy(self.locon_down), numpy(self.locon_up)[0])
        return {"kernel": numpy(self.base.kernel) + update * np.float32(self.scale)}

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that rebuild this layer."""
        return {**super().get_config(), "rank": self.rank, "alpha": self.alpha}
