"""Squeeze-excite adapters: each channel of a convolution scaled by all channels' means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import keras
from keras import ops

from whelp.adapters.base import AdapterLayer


@keras.saving.register_keras_serializable("whelp")
class SqueezeExciteAdapter(AdapterLayer):
    """Adds a channel-wise gated copy: `y + y * tanh(W2 relu(W1 mean(y)))`, `y = base(x)`.

    Squeeze-and-excitation (Hu et al. 2018) as an adapter: no biases, weights from a truncated
    normal distribution of deviation 0.001, so that little changes at first. The mean is over the
    whole length. It is not linear and does not fold into the convolution.

    Args:
      base: A 1-D convolution.
      rank: Width of the bottleneck.
      **kwargs: Further arguments of `keras.layers.Layer`.

    Raises:
      ValueError: The base is of another class, or the rank is below 1.
    """

    folds: ClassVar[bool] = False
    accepts: ClassVar[tuple[type, ...]] = (
        keras.layers.Conv1D,
        keras.layers.Conv1DTranspose,
        keras.layers.SeparableConv1D,
    )

    def __init__(self, base: keras.layers.Layer, rank: int = 16, **kwargs: Any) -> None:
        super().__init__(base, **kwargs)
        if rank < 1:
            raise ValueError(
                f"The bottleneck of the adapter of {base.name!r} must be at least 1 wide, got "
                f"{rank}. Set transfer.conv_latent."
            )
        self.rank = rank

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Makes `squeeze`, `(filters, rank)`, and `excite`, `(rank, filters)`."""
        super().build(input_shape)
        filters = self.base.filters
        near_zero = keras.initializers.TruncatedNormal(stddev=1e-3)
        self.squeeze = self.add_weight(
            name="squeeze", shape=(filters, self.rank), initializer=near_zero
        )
        self.excite = self.add_weight(
            name="excite", shape=(self.rank, filters), initializer=near_zero.clone()
        )

    def call(self, inputs: Any) -> Any:
        """Convolves `(batch, length, inputs)` and gates the channels."""
        outputs = self.base(inputs)
        mean = ops.mean(outputs, axis=1, keepdims=True)
        hidden = ops.relu(ops.matmul(mean, ops.cast(self.squeeze, outputs.dtype)))
        gate = ops.tanh(ops.matmul(hidden, ops.cast(self.excite, outputs.dtype)))
        return outputs + outputs * gate

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that rebuild this layer."""
        return {**super().get_config(), "rank": self.rank}
