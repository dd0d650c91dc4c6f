"""Pooling with learned weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("whelp")
class SoftmaxPool1D(keras.layers.Layer):
    """Attention pooling: ``y = sum_i softmax_i(W x_i) x_i`` over windows (Enformer, Avsec 2021).

    Input ``(batch, length, channels)``, output ``(batch, length // pool_size, channels)``.

    Args:
        pool_size: Positions of a window; it must divide the length.
        per_channel: Weigh each channel on its own (kernel ``(channels, channels)``) in place of
            one weight a position (kernel ``(channels, 1)``).
        init_gain: The kernel starts as the identity times this: 0 is the mean, 2 nearly the
            maximum.
        **kwargs: ``name``, ``dtype``, ``trainable`` of a Keras layer.
    """

    def __init__(
        self,
        pool_size: int = 2,
        per_channel: bool = False,
        *,
        init_gain: float = 2.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.pool_size = pool_size
        self.per_channel = per_channel
        self.init_gain = init_gain

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Make the kernel of the logits.

        Raises:
            ValueError: When ``pool_size`` does not divide the length.
        """
        length, channels = input_shape[1], input_shape[-1]
        if length is not None and length % self.pool_size:
            raise ValueError(
                f"{self.name}: pool_size {self.pool_size} does not divide the length {length}."
            )
        self.logits = keras.layers.Dense(
            channels if self.per_channel else 1,
            use_bias=False,
            kernel_initializer=keras.initializers.Identity(self.init_gain),
            name="logits",
            dtype=self.dtype_policy,
        )
        self.logits.build((input_shape[0], None, self.pool_size, channels))

    def call(self, inputs: Any) -> Any:
        """Pool ``inputs`` along the length."""
        channels = inputs.shape[-1]
        windows = ops.shape(inputs)[1]
        windows = None if windows is None else windows // self.pool_size
        split = ops.reshape(inputs, (-1, windows, self.pool_size, channels))
        weights = ops.softmax(self.logits(split), axis=-2)
        return ops.sum(split * weights, axis=-2)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this layer."""
        return {
            **super().get_config(),
            "pool_size": self.pool_size,
            "per_channel": self.per_channel,
            "init_gain": self.init_gain,
        }
