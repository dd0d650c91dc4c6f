"""What adapters that wrap a layer share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import keras
import numpy as np


class AdapterLayer(keras.layers.Layer):
    """A layer that wraps a frozen base layer and bears its name.

    Args:
      base: The layer to adapt; it is frozen.
      **kwargs: Further arguments of `keras.layers.Layer`.

    Attributes:
      folds: Whether `merged` can fold the adapter into the base's weights.
      accepts: Classes of layers that the adapter can wrap.
    """

    folds: ClassVar[bool] = True
    accepts: ClassVar[tuple[type, ...]] = (keras.layers.Layer,)

    def __init__(self, base: Any, **kwargs: Any) -> None:
        if not isinstance(base, self.accepts):
            wanted = " or ".join(cls.__name__ for cls in self.accepts)
            name = getattr(base, "name", "an insertion point")
            raise ValueError(
                f"{type(self).__name__} adapts layers of the class {wanted}; {name!r} is a "
                f"{type(base).__name__}. Choose other targets or another method."
            )
        layer: Any = base
        super().__init__(**{"name": layer.name, **kwargs})
        self.base = layer
        self.base.trainable = False

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Builds the base layer; subclasses add their weights."""
        if not self.base.built:
            self.base.build(input_shape)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> Any:
        """Returns the base's shape: adapters change no shapes."""
        return self.base.compute_output_shape(input_shape)

    def merged(self) -> dict[str, np.ndarray]:
        """Returns the base's weights that the adapter changes, with the adapter folded in."""
        raise ValueError(f"{type(self).__name__} is not linear and cannot be folded into weights.")

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that rebuild this layer, its base among them."""
        return {**super().get_config(), "base": keras.saving.serialize_keras_object(self.base)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> AdapterLayer:
        """Rebuilds the layer and its base."""
        config = dict(config)
        return cls(keras.saving.deserialize_keras_object(config.pop("base")), **config)


def numpy(variable: keras.Variable) -> np.ndarray:
    """Values of a variable as float32."""
    return np.asarray(keras.ops.convert_to_numpy(variable), dtype="float32")


def check_rank(layer: keras.layers.Layer, rank: int, width: int) -> None:
    """Refuses a rank that is not between 1 and the width of the layer.

    Raises:
      ValueError: It is not.
    """
    if not 1 <= rank <= width:
        raise ValueError(
            f"The rank {rank} of the adapter of {layer.name!r} must lie between 1 and the layer's "
            f"{width} outputs. Set transfer.adapter_latent (transfer.conv_latent for convolutions)."
        )


def check_linear(adapter: keras.layers.Layer) -> None:
    """Refuses a base that ends in an activation: an update behind it would not fold.

    Raises:
      ValueError: It does.
    """
    base = adapter.base
    if base.activation is not keras.activations.linear:
        raise ValueError(
            f"{type(adapter).__name__} adapts the outputs of linear layers; {base.name!r} ends in "
            f"the activation {base.activation.__name__!r}. Choose other targets."
        )
