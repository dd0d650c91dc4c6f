"""Squeeze-and-excitation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import keras
from keras import ops

from whelp.layers.activation import activation_layer


@keras.saving.register_keras_serializable("whelp")
class SqueezeExcite(keras.layers.Layer):
    """Scale or shift channels by their mean: ``z * f(W2 relu(W1 mean(z)))``, ``z = act(x)``.

    Squeeze-and-excitation (Hu et al. 2018), for sequences and for contact maps. The bottleneck's
    width is ``rank``, or ``channels // bottleneck_ratio`` where that is given (the key that
    Baskerville's JSON has, and which its layer refuses).

    Input and output: ``(batch, length, channels)`` or ``(batch, length, length, channels)``.

    Args:
        activation: Name of the activation before the mean; it acts on the output too.
        additive: Add the excitation in place of scaling by it; ``scale_fun`` is then not used.
        rank: Width of the bottleneck.
        bottleneck_ratio: Channels per bottleneck unit; takes the place of ``rank``.
        norm_type: Kept for the JSON's sake; as in Baskerville no norm is built.
        bn_momentum: Kept for the JSON's sake, like ``norm_type``.
        use_bias: Give the two dense layers biases.
        kernel_initializer: Initialiser of both kernels.
        bias_initializer: Initialiser of both biases.
        scale_fun: ``sigmoid``, or ``tanh`` where the scaled input is added to the input.
        **kwargs: ``name``, ``dtype``, ``trainable`` of a Keras layer.

    Raises:
        ValueError: For an unknown ``scale_fun`` or ``activation``, or a bottleneck below 1.
    """

    def __init__(
        self,
        activation: str | None = "relu",
        additive: bool = False,
        *,
        rank: int = 8,
        bottleneck_ratio: int | None = None,
        norm_type: str | None = None,
        bn_momentum: float = 0.9,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        scale_fun: Literal["sigmoid", "tanh"] = "sigmoid",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if scale_fun not in ("sigmoid", "tanh"):
            raise ValueError(
                f"SqueezeExcite: scale_fun must be 'sigmoid' or 'tanh', got {scale_fun!r}."
            )
        if rank < 1 or (bottleneck_ratio is not None and bottleneck_ratio < 1):
            raise ValueError(
                "SqueezeExcite: rank and bottleneck_ratio must be at least 1, got "
                f"rank={rank}, bottleneck_ratio={bottleneck_ratio}."
            )
        self.activation = activation
        self.additive = additive
        self.rank = rank
        self.bottleneck_ratio = bottleneck_ratio
        self.norm_type = norm_type
        self.bn_momentum = bn_momentum
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.scale_fun = scale_fun
        self.activate = activation_layer(activation, dtype=self.dtype_policy)

    def build(self, input_shape: Sequence[Any]) -> None:
        """Make the two dense layers.

        Raises:
            ValueError: When the input is neither 1-D nor 2-D, or has fewer channels than
                ``bottleneck_ratio``.
        """
        if len(input_shape) not in (3, 4):
            raise ValueError(
                f"{self.name}: expected (batch, length, channels) or (batch, length, length, "
                f"channels), got {tuple(input_shape)}."
            )
        channels = input_shape[-1]
        units = self.rank if self.bottleneck_ratio is None else channels // self.bottleneck_ratio
        if units < 1:
            raise ValueError(
                f"{self.name}: bottleneck_ratio {self.bottleneck_ratio} leaves no unit of "
                f"{channels} channels; use at most {channels}."
            )
        self.squeeze = self._dense(units, "squeeze", "relu")
        self.excite = self._dense(channels, "excite", None)
        self.squeeze.build((input_shape[0], channels))
        self.excite.build((input_shape[0], units))

    def _dense(self, units: int, name: str, activation: str | None) -> keras.layers.Dense:
        return keras.layers.Dense(
            units,
            activation=activation,
            use_bias=self.use_bias,
            kernel_initializer=self.kernel_initializer.clone(),
            bias_initializer=self.bias_initializer,
            name=name,
            dtype=self.dtype_policy,
        )

    def call(self, inputs: Any) -> Any:
        """Scale or shift the activated ``inputs``; the shape stays."""
        current = inputs if self.activate is None else self.activate(inputs)
        spatial = tuple(range(1, len(current.shape) - 1))
        excitation = self.excite(self.squeeze(ops.mean(current, axis=spatial)))
        excitation = ops.expand_dims(excitation, spatial)
        if self.additive:
            return current + excitation
        scale = ops.sigmoid if self.scale_fun == "sigmoid" else ops.tanh
        return current * scale(excitation)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this layer."""
        return {
            **super().get_config(),
            "activation": self.activation,
            "additive": self.additive,
            "rank": self.rank,
            "bottleneck_ratio": self.bottleneck_ratio,
            "norm_type": self.norm_type,
            "bn_momentum": self.bn_momentum,
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "scale_fun": self.scale_fun,
        }
