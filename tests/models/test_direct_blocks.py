"""Blocks that the reference's JSON does not reach, against their output when called directly."""

import h5py
import keras
import numpy as np
import pytest

from whelp.models.blocks.attention import transformer2
from whelp.models.blocks.towers import conv_tower_v1
from whelp.models.builder import GraphBuilder
from whelp.models.roles import Role
from whelp.specs.blocks import ConvTowerV1, TransformerTower

TOWER = {
    "name": "conv_tower_v1", "filters_init": 8, "filters_mult": 1.3, "repeat": 3, "kernel_size": 5,
    "pool_size": 2, "norm_type": "batch", "norm_gamma": "ones", "activation": "gelu",
}  # fmt: skip
TRANSFORMER = {
    "name": "transformer_tower", "block_type": "transformer2", "key_size": 4, "heads": 4,
    "num_position_features": 8, "norm_type": "batch",
}  # fmt: skip


def values_of(path):
    """The arrays of a file, in its order."""
    with h5py.File(path) as file:
        group = file["model_weights"]
        return [
            np.array(group[name][key])
            for name in group.attrs["layer_names"]
            for key in group[name].attrs["weight_names"]
        ]


def in_file_order(site):
    """Weights of a layer as Keras 2 stores them: attention's with those of its projections."""
    if site.role.startswith(f"{Role.ATTENTION}."):
        return []
    if site.role != Role.ATTENTION:
        return site.layer.weights
    projections = ("query", "key", "value", "output", "position")
    inner = [v for p in projections for v in site.layer.projections[p].weights]
    return [site.layer.r_w_bias, site.layer.r_r_bias, *inner]


@pytest.mark.parametrize(
    ("name", "block", "spec"),
    [
        ("conv_tower_v1", conv_tower_v1, ConvTowerV1.parse(TOWER)),
        ("transformer2", transformer2, TransformerTower.parse(TRANSFORMER)),
    ],
    ids=["conv_tower_v1", "transformer2"],
)
def test_block(golden, name, block, spec):
    arrays = np.load(golden / "blocks" / "direct" / f"{name}.npz")
    inputs = keras.Input(arrays["x"].shape[1:])
    graph = GraphBuilder(None, "float32")
    model = keras.Model(inputs, block(graph, inputs, spec))
    values = values_of(golden / "blocks" / "direct" / f"{name}.h5")
    variables = [v for site in graph.sites.values() if site.layer for v in in_file_order(site)]
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    difference = np.abs(np.asarray(model(arrays["x"])) - arrays["y"]).max()
    assert difference <= 1e-5 * max(1, np.abs(arrays["y"]).max())
