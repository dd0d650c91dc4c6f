"""The activations inside of a model, in the place of its predictions."""

from __future__ import annotations

import keras

from whelp.models import TRUNK, SequenceModel
from whelp.predicting.errors import PredictError
from whelp.predicting.tiles import Extent

TRUNK_OUTPUT = -1
"""Number of the layer that stands for the trunk's output."""


def embedding(model: SequenceModel, layer: int) -> tuple[keras.Model, Extent]:
    """Give a model whose output are activations, as `hound_predbed.py -e` counts them.

    Args:
        model: A model; for the trunk's output one that was loaded with the head `"trunk"`.
        layer: Number of a batch norm, from 0 in the order in which the model is described, or from
            the end if below -1; -1 is the trunk's output.

    Returns:
        A model that gives `(batch, positions, channels)`, and where the positions lie.

    Raises:
        PredictError: There is no such layer, or the model is not one of the trunk for -1.
    """
    extent = Extent.of(model)
    if layer == TRUNK_OUTPUT:
        if model.head != TRUNK:
            raise PredictError(f"expected a model with the head {TRUNK!r}, received {model.head!r}")
        return model, extent
    norms = [
        site.layer
        for site in model.sites.values()
        if isinstance(site.layer, keras.layers.BatchNormalization)
    ]
    if not -len(norms) <= layer < len(norms):
        raise PredictError(
            f"embedding by layer {layer}: expected the number of one of the model's {len(norms)} "
            f"batch norms, from 0, or {TRUNK_OUTPUT} for the trunk's output"
        )
    output = norms[layer].output
    inner = keras.Model(model.input, output)
    if len(output.shape) != 3:
        raise PredictError(f"embedding by layer {layer}: it is not one of positions and channels")
    positions = int(output.shape[1])
    if positions == extent.bins and extent.crop:
        return inner, extent
    return inner, Extent(extent.length, 0, extent.length // positions, positions)
