"""IA3: learned scales of the inner activations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from whelp.adapters.base import AdapterLayer, check_linear, numpy


@keras.saving.register_keras_serializable("whelp")
class Ia3(AdapterLayer):
    """Scales the outputs of a projection, or its inputs, by a learned vector (Liu et al. 2022).

    Keys and values of attention are scaled behind their projections, the feed-forward part before
    its down-projection. The vector begins as ones.

    Args:
      base: A dense layer, or a separable 1-D convolution (whose outputs are scaled).
      scale_input: Whether to scale inputs rather than outputs.
      **kwargs: Further arguments of `keras.layers.Layer`.

    Raises:
      ValueError: The base is of another class, or ends in an activation although its outputs are
        to be scaled.
    """

    accepts: ClassVar[tuple[type, ...]] = (keras.layers.Dense, keras.layers.SeparableConv1D)

    def __init__(self, base: keras.layers.Layer, scale_input: bool = False, **kwargs: Any) -> None:
        super().__init__(base, **kwargs)
        self.scale_input = scale_input
        if not scale_input:
            check_linear(self)
        if scale_input and not isinstance(base, keras.layers.Dense):
            raise ValueError(f"Ia3 scales the inputs of dense layers only; {base.name!r} is none.")

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Makes the vector, `(inputs,)` or `(outputs,)`."""
        super().build(input_shape)
        width = input_shape[-1] if self.scale_input else self.compute_output_shape(input_shape)[-1]
        self.ia3 = self.add_weight(name="ia3", shape=(width,), initializer="ones")

    def call(self, inputs: Any) -> Any:
        """Projects `(..., inputs)` to `(..., outputs)`."""
        if self.scale_input:
            return self.base(inputs * ops.cast(self.ia3, inputs.dtype))
        outputs = self.base(inputs)
        return outputs * ops.cast(self.ia3, outputs.dtype)

    def merged(self) -> dict[str, np.ndarray]:
        """Returns the kernel with its rows or columns scaled, and the bias with its entries."""
        vector = numpy(self.ia3)
        if self.scale_input:
            return {"kernel": numpy(self.base.kernel) * vector[:, None]}
        separable = isinstance(self.base, keras.layers.SeparableConv1D)
        name = "pointwise_kernel" if separable else "kernel"
        merged = {name: numpy(getattr(self.base, name)) * vector}
        if self.base.use_bias:
            merged["bias"] = numpy(self.base.bias) * vector
        return merged

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that rebuild this layer."""
        return {**super().get_config(), "scale_input": self.scale_input}
