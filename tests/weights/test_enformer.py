"""Enformer from DeepMind's checkpoint and from enformer-pytorch, against the originals."""

import importlib.util
import json
import re

import keras
import numpy as np
import pytest

import whelp
from whelp.models import SequenceModel
from whelp.specs import load_params
from whelp.weights import PortError, port
from whelp.weights.enformer_deepmind import enformer_deepmind_rules, enformer_deepmind_tensors
from whelp.weights.enformer_pytorch import enformer_pytorch_rules, enformer_pytorch_tensors

BINS = 16


def parameters(json_configs, **positions):
    """The released architecture, smaller: 96 channels and 2 transformers for 16 bins."""
    params = json.loads((json_configs / "models/enformer.json").read_text())
    model = params["model"]
    dna, _, tower, transformers, crop, last = model["trunk"]
    model["seq_length"] = 128 * BINS
    dna["filters"] = 48
    tower |= {"filters_init": 48, "filters_end": 96, "divisible_by": 8}
    transformers |= {"repeat": 2, "heads": 4, "num_position_features": 24, **positions}
    crop["cropping"] = 4
    last["filters"] = 192
    model["head_human"]["units"], model["head_mouse"]["units"] = 7, 3
    return params


@pytest.fixture(scope="module")
def values(golden):
    """Random values of a variable by its name, as the goldens were made with."""
    spec = importlib.util.spec_from_file_location("make", golden / "enformer/make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.values


@pytest.fixture(scope="module")
def checkpoint(golden, values):
    shapes = json.loads((golden / "enformer/checkpoint.json").read_text())
    return {name: values(name, tuple(shape)) for name, shape in shapes.items()}


@pytest.fixture(scope="module")
def state_dict(golden, values):
    """As `.bin` files have it: every tensor of the trunk under two names."""
    shapes = json.loads((golden / "enformer/state_dict.json").read_text())
    state = {}
    for name, shape in shapes.items():
        named = enformer_pytorch_name(name)
        is_scale = len(shape) == 1 and name.endswith(("weight", "running_var"))
        state[name] = values(f"{named}/scale" if is_scale else named, tuple(shape))
    return state


def enformer_pytorch_name(name):
    return next(iter(enformer_pytorch_tensors({name: None})))


def build(params, head="all"):
    return SequenceModel(load_params(params).model, head=head, blank_trunk=True)


def check(model, golden):
    """Compares the trunk's output and both heads."""
    outputs = {"trunk": model.get_layer("trunk.activation").output, **model.output}
    with np.load(golden) as expected:
        sequence = np.eye(5, 4, dtype="float32")[expected["bases"]]
        found = keras.Model(model.input, outputs).predict(sequence, verbose=0)
        for name, array in found.items():
            wanted = expected[name.removeprefix("head_")]
            np.testing.assert_allclose(array, wanted, rtol=0, atol=1e-5)


def test_deepminds_variables_predict_what_its_module_does(golden, json_configs, checkpoint):
    model = build(parameters(json_configs))
    new = port(model, enformer_deepmind_tensors(checkpoint), enformer_deepmind_rules())
    assert new == ()
    check(model, golden / "enformer/model.npz")


def test_enformer_pytorch_predicts_what_the_package_does(golden, json_configs, state_dict):
    model = build(parameters(json_configs, position_features="enformer_pytorch"))
    tensors = enformer_pytorch_tensors(state_dict)
    assert port(model, tensors, enformer_pytorch_rules()) == ()
    check(model, golden / "enformer/pytorch.npz")


def test_state_dicts_under_one_of_the_two_names(json_configs, state_dict):
    """Safetensors keeps one name of tensors that share memory, whichever."""
    places = {name: array for name, array in state_dict.items() if name.startswith("_trunk.")}
    heads = {name: array for name, array in state_dict.items() if name.startswith("_heads.")}
    parts = {name: state_dict[name] for name in state_dict if name not in places}
    loaded = []
    for state in ({**places, **heads}, parts):
        model = build(parameters(json_configs))
        port(model, enformer_pytorch_tensors(state), enformer_pytorch_rules())
        loaded.append({n: keras.ops.convert_to_numpy(v) for n, v in model.tensors().items()})
    for name, array in loaded[0].items():
        np.testing.assert_array_equal(array, loaded[1][name], err_msg=name)


def test_a_checkpoint_of_a_larger_module(json_configs, checkpoint):
    """The SavedModel of TensorFlow Hub has the module below the name `model`."""
    named = {name.replace("module/", "model/", 1): array for name, array in checkpoint.items()}
    model = build(parameters(json_configs), head="trunk")
    port(model, enformer_deepmind_tensors(named), enformer_deepmind_rules())
    with pytest.raises(PortError, match="several variables '_heads/human/_layers/0/b'"):
        enformer_deepmind_tensors({**named, **checkpoint})


def test_what_does_not_fit(json_configs, checkpoint):
    rules = enformer_deepmind_rules()
    model = build(parameters(json_configs))
    tensors = enformer_deepmind_tensors(checkpoint)
    name = "_trunk/_layers/2/_layers/1/_layers/0/_module/_layers/1/_q_layer/w"
    with pytest.raises(PortError, match=f"transformer_tower.1.attention.query/kernel.*{name}"):
        port(model, {key: tensors[key] for key in tensors if key != name}, rules)
    with pytest.raises(PortError, match="no place for: 'optimizer/m'"):
        port(model, {**tensors, "optimizer/m": np.zeros(3)}, rules)
    other = parameters(json_configs)
    other["model"]["head_human"]["units"] = 9
    assert port(build(other), tensors, rules) == ("head_human",)
    other["model"]["trunk"][3]["repeat"] = 1
    with pytest.raises(PortError, match="transformer|_layers/2/_layers/1"):
        port(build(other, "trunk"), tensors, rules)


def test_the_page_has_the_names(json_configs):
    page = (json_configs.parent / "tutorials/enformer.md").read_text()
    written = re.findall(r"^\| `(.*)` \| `(.*)` \| `(.*)` \|$", page, re.M)
    tables = [
        {rule.target: rule.source for rule in rules if rule.target}
        for rules in (enformer_deepmind_rules(), enformer_pytorch_rules())
    ]
    assert written == [(target, tables[0][target], tables[1][target]) for target in tables[0]]


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow writes the file")
def test_a_checkpoint_file(golden, json_configs, checkpoint, tmp_path):
    import tensorflow as tf

    tf.raw_ops.SaveV2(
        prefix=str(tmp_path / "enformer-1"),
        tensor_names=[f"{name}/.ATTRIBUTES/VARIABLE_VALUE" for name in checkpoint],
        shape_and_slices=[""] * len(checkpoint),
        tensors=list(checkpoint.values()),
    )
    model = whelp.load(parameters(json_configs), tmp_path / "enformer-1.index", head="all")
    check(model, golden / "enformer/model.npz")
