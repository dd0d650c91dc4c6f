"""Training several heads at once: batches of one genome train the trunk and that genome's head."""

import threading
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops


def head_outputs(model: keras.Model) -> dict[str, Any] | None:
    """Return the outputs of a model by head, or None if it has just one.

    Raises:
        TypeError: if it has several that bear no names.
    """
    output = getattr(model, "output", None)
    if isinstance(output, dict):
        return output
    if len(model.outputs) > 1:
        raise TypeError(
            f"{model.name} has {len(model.outputs)} outputs without names: expected one, or a dict"
        )
    return None


def head_layers(model: keras.Model) -> dict[str, list[keras.layers.Layer]]:
    """Find the layers of each head: those on the way to one output only.

    Args:
        model: a functional model whose output is a dict.

    Returns:
        Output name -> layers.
    """
    reach = {
        name: {id(layer): layer for layer in keras.Model(model.inputs, output).layers}
        for name, output in model.output.items()
    }
    found = {}
    for name, layers in reach.items():
        others = {key for other, rest in reach.items() if other != name for key in rest}
        found[name] = [layer for key, layer in layers.items() if key not in others]
    return found


@dataclass(frozen=True)
class HeadVariables:
    """Variables of a model by the part they belong to. Keras does not look into it for variables.

    Attributes:
        trunk: trainable variables of no single head.
        heads: output name -> its trainable variables.
        statistics: output name -> moving statistics of its norms.
    """

    trunk: list[keras.Variable]
    heads: dict[str, list[keras.Variable]]
    statistics: dict[str, list[keras.Variable]]

    @classmethod
    def of(cls, model: keras.Model) -> "HeadVariables":
        """Sort the variables of a model whose output is a dict."""
        layers = head_layers(model)
        heads = {
            name: [v for layer in layers[name] for v in layer.trainable_variables]
            for name in layers
        }
        statistics = {
            name: [v for layer in layers[name] for v in layer.non_trainable_weights]
            for name in layers
        }
        in_heads = {id(v) for variables in heads.values() for v in variables}
        trunk = [v for v in model.trainable_variables if id(v) not in in_heads]
        return cls(trunk, heads, statistics)


class HeadsModel(keras.Model):
    """Trains a model with several heads, each on the batches that concern it.

    Targets are a dict over the heads, as are sample weights of shape (batch, 1). A head all whose
    weights are 0 in a batch is idle: neither its loss, nor the penalties on its weights, nor the
    statistics of its norms count. (That its optimiser moments rest is `leave_when_idle`'s part.)

    Args:
        model: a functional model whose output is a dict; its variables are trained.
        loss: loss of each head.
    """

    def __init__(self, model: keras.Model, loss: keras.losses.Loss) -> None:
        super().__init__(name=f"{model.name}_heads")
        self.model = model
        self.head_loss = loss
        self.parts = HeadVariables.of(model)
        # Replicas of one step run in threads of their own.
        self._step = threading.local()
        self.built = True

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Predict with all heads."""
        self._step.before = {
            name: [ops.copy(ops.convert_to_tensor(v)) for v in variables]
            for name, variables in self.parts.statistics.items()
        }
        return self.model(inputs, training=training)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Return the active heads' loss and penalties, plus the trunk's penalties."""
        del x
        total = self._penalty(self.parts.trunk)
        for name, predicted in y_pred.items():
            weight = None if sample_weight is None else sample_weight[name]
            total = total + self.head_loss(y[name], predicted, weight)
            active = ops.any(ops.greater(weight, 0)) if weight is not None else True
            penalty = self._penalty(self.parts.heads[name])
            total = total + ops.cast(active, "float32") * penalty
            if training:
                self._rest_statistics(name, active)
        return total

    def _penalty(self, variables: list[keras.Variable]) -> Any:
        penalties = [v.regularizer(v) for v in variables if v.regularizer is not None]
        total = ops.sum(ops.stack(penalties)) if penalties else ops.zeros(())
        return self._aggregate_additional_loss(total)

    def _rest_statistics(self, name: str, active: Any) -> None:
        before = getattr(self._step, "before", {}).get(name, [])
        for variable, old in zip(self.parts.statistics[name], before, strict=False):
            variable.assign(ops.where(active, ops.convert_to_tensor(variable), old))
