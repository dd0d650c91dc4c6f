"""The port function: names, axes, heads, and tables and files that do not fit."""

import numpy as np
import pytest
from keras import ops

import whelp
from whelp.weights.porting import PortError, Rule, conv_kernel, dense_kernel, port, rows

SPEC = {
    "seq_length": 64,
    "activation": "relu",
    "norm_type": "batch",
    "trunk": [
        {"name": "conv_dna", "filters": 4, "kernel_size": 3, "norm_type": None},
        {"name": "conv_tower_nac", "filters_init": 4, "filters_end": 6, "repeat": 2},
        {"name": "dense_nac", "units": 3},
    ],
    "head_human": {"name": "final", "units": 5},
    "head_mouse": {"name": "final", "units": 2},
}
NORM = ("gamma", "beta", "moving_mean", "moving_variance")
TABLE = [
    Rule("stem.weight", "conv_dna.conv/kernel", conv_kernel),
    Rule("stem.bias", "conv_dna.conv/bias"),
    # Four vectors of a norm in one tensor, as some libraries keep what they multiply at once.
    *(Rule("t.{i}.norm", f"conv_tower_nac.{{i}}.norm/{b}", rows(n, 4)) for n, b in enumerate(NORM)),
    Rule("t.{i}.{i}.weight", "conv_tower_nac.{i}.conv/kernel", conv_kernel),
    Rule("t.{i}.{i}.bias", "conv_tower_nac.{i}.conv/bias"),
    *(Rule(f"d.{b}", f"dense_nac.norm/{b}") for b in NORM),
    Rule("d.weight", "dense_nac.dense/kernel", dense_kernel),
    Rule("d.bias", "dense_nac.dense/bias"),
    *(Rule(f"{h}.weight", f"head_{h}.dense/kernel", dense_kernel) for h in ("human", "mouse")),
    *(Rule(f"{h}.bias", f"head_{h}.dense/bias") for h in ("human", "mouse")),
    Rule("t.{i}.batches", None),
]


@pytest.fixture
def tensors():
    random = np.random.default_rng(0)
    shapes = {
        "stem.weight": (4, 4, 3),
        "stem.bias": (4,),
        "t.0.norm": (16,),
        "t.0.0.weight": (4, 4, 1),
        "t.0.0.bias": (4,),
        "t.0.batches": (),
        "t.1.norm": (16,),
        "t.1.1.weight": (6, 4, 1),
        "t.1.1.bias": (6,),
        "t.1.batches": (),
        **{f"d.{name}": (6,) for name in NORM},
        "d.weight": (3, 6, 1),
        "d.bias": (3,),
        "human.weight": (5, 3),
        "human.bias": (5,),
        "mouse.weight": (2, 3),
        "mouse.bias": (2,),
    }
    return {name: random.normal(size=shape).astype("float32") for name, shape in shapes.items()}


def make(head="all", **changes):
    return whelp.load({"model": {**SPEC, **changes}}, head=head)


def values(model):
    return {name: ops.convert_to_numpy(v) for name, v in model.tensors().items()}


def test_every_tensor_goes_to_its_place(tensors):
    model = make()
    assert port(model, tensors, TABLE) == ()
    loaded = values(model)
    np.testing.assert_array_equal(
        loaded["conv_dna.conv/kernel"], np.einsum("oiw->wio", tensors["stem.weight"])
    )
    for i in (0, 1):
        kernel = loaded[f"conv_tower_nac.{i}.conv/kernel"]
        np.testing.assert_array_equal(kernel[0], tensors[f"t.{i}.{i}.weight"][:, :, 0].T)
        norm = [loaded[f"conv_tower_nac.{i}.norm/{name}"] for name in NORM]
        np.testing.assert_array_equal(np.concatenate(norm), tensors[f"t.{i}.norm"])
    np.testing.assert_array_equal(loaded["dense_nac.dense/kernel"], tensors["d.weight"][..., 0].T)
    np.testing.assert_array_equal(loaded["head_mouse.dense/kernel"], tensors["mouse.weight"].T)


def test_a_model_with_one_head_takes_its_own(tensors):
    model = make("mouse")
    assert port(model, tensors, TABLE) == ()
    np.testing.assert_array_equal(values(model)["head_mouse.dense/bias"], tensors["mouse.bias"])
    assert port(make("trunk"), tensors, TABLE, trunk=False) == ()


def test_a_head_with_other_tracks_stays_new(tensors):
    model = make(head_human={"name": "final", "units": 7})
    before = values(model)
    with pytest.raises(PortError, match=r"head_human.dense/kernel \(3, 7\).*human.weight' \(5, 3"):
        port(model, tensors, TABLE, trunk=False)
    assert port(model, tensors, TABLE) == ("head_human",)
    after = values(model)
    np.testing.assert_array_equal(
        after["head_human.dense/kernel"], before["head_human.dense/kernel"]
    )
    np.testing.assert_array_equal(after["head_mouse.dense/bias"], tensors["mouse.bias"])
    assert port(model, tensors, TABLE, trunk=True) == ("head_human", "head_mouse")


def _without(tensors, *names):
    return {name: value for name, value in tensors.items() if name not in names}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: _without(t, "t.1.1.bias"), r"conv_tower_nac.1.conv/bias \(6,\) needs 't.1.1.bi"),
        (
            lambda t: {**t, "stem.bias": t["d.bias"]},
            r"1 tensors: .*'stem.bias' \(3,\).*params.json",
        ),
        (lambda t: {**t, "d.weight": t["stem.bias"]}, r"does not fit 'd.weight' \(4,\)"),
        (
            lambda t: {**t, "t.2.2.bias": t["d.bias"]},
            r"1 tensors that the model has no.*'t.2.2.bia",
        ),
        (lambda t: {**t, "extra": t["d.bias"]}, r"no place for: 'extra' \(3,\)"),
        (lambda t: {}, r"24 tensors: .*and 19 more"),
    ],
)
def test_a_file_that_does_not_fit_changes_nothing(tensors, change, message):
    model = make()
    before = values(model)
    with pytest.raises(PortError, match=message):
        port(model, change(tensors), TABLE, trunk=False)
    for name, value in values(model).items():
        np.testing.assert_array_equal(value, before[name])


def test_tables_are_checked(tensors):
    with pytest.raises(PortError, match="0 rules for conv_dna.conv/kernel"):
        port(make(), tensors, TABLE[1:])
    with pytest.raises(PortError, match="2 rules for conv_dna.conv/kernel"):
        port(make(), tensors, [*TABLE, TABLE[0]])
    twice = [
        *TABLE[:1],
        Rule("t.0.0.bias", "conv_dna.conv/bias"),
        *TABLE[2:],
        Rule("stem.b*", None),
    ]
    with pytest.raises(PortError, match="8 numbers of 't.0.0.bias', which has 4"):
        port(make(), _without(tensors, "stem.bias"), twice)


def test_numbers_of_other_widths(tensors):
    import ml_dtypes

    model = make()
    port(model, {n: v.astype(ml_dtypes.bfloat16) for n, v in tensors.items()}, TABLE)
    for name, value in values(model).items():
        assert value.dtype == "float32", name
    expected = tensors["mouse.bias"].astype(ml_dtypes.bfloat16).astype("float32")
    np.testing.assert_array_equal(values(model)["head_mouse.dense/bias"], expected)


def test_a_model_with_adapters_is_refused(tensors):
    spec = {**SPEC, "trunk": [*SPEC["trunk"], {"name": "transformer", "key_size": 2}]}
    model = whelp.adapt(
        whelp.load({"model": spec}), {"mode": "adapter", "adapter": "lora", "adapter_latent": 1}
    )
    with pytest.raises(PortError, match="adapters"):
        port(model, tensors, TABLE)
