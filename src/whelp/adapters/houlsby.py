"""Houlsby adapters: bottlenecks in the residual branches of a transformer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import keras


@keras.saving.register_keras_serializable("whelp")
class Houlsby(keras.layers.Layer):
    """A bottleneck with a residual connection: `y = x + up(relu(down(x)))` (Houlsby et al. 2019).

    It is inserted behind attention and behind the feed-forward part, before each is added to the
    residual stream. Weights start from a truncated normal distribution of deviation 0.001, so that
    little changes at first. It is not linear and does not fold into other weights.

    Args:
      base: Always `None`; the adapter is inserted by itself.
      latent: Width of the bottleneck.
      **kwargs: Further arguments of `keras.layers.Layer`.

    Raises:
      ValueError: There is a base, or the bottleneck is below 1.
    """

    folds: ClassVar[bool] = False

    def __init__(self, base: None = None, latent: int = 8, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if base is not None:
            raise ValueError("Houlsby adapters wrap no layer; they are inserted by themselves.")
        if latent < 1:
            raise ValueError(
                f"The bottleneck of {self.name!r} must be at least 1 wide, got {latent}. Set "
                "transfer.adapter_latent."
            )
        self.latent = latent

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Makes the two dense layers."""
        initializer = keras.initializers.TruncatedNormal(stddev=1e-3)
        for name, units, width in (
            ("adapter_down", self.latent, input_shape[-1]),
            ("adapter_up", input_shape[-1], self.latent),
        ):
            layer = keras.layers.Dense(
                units,
                kernel_initializer=initializer.clone(),
                name=name,
                dtype=self.dtype_policy,
            )
            layer.build((*input_shape[:-1], width))
            setattr(self, name, layer)

    def call(self, inputs: Any) -> Any:
        """Maps `(batch, length, channels)` to the same shape."""
        return inputs + self.adapter_up(keras.ops.relu(self.adapter_down(inputs)))

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> Any:
        """Returns the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that rebuild this layer."""
        return {**super().get_config(), "latent": self.latent}
