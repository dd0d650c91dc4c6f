"""The model as a Keras model: names, roles, freezing, saving, and what cannot be built."""

import keras
import numpy as np
import pytest

import whelp
from whelp.models import Role, SequenceModel, select_sites
from whelp.specs import SpecError, load_params


def params(**changes):
    model = {
        "seq_length": 512,
        "augment_rc": True,
        "augment_shift": 3,
        "activation": "gelu",
        "norm_type": "batch",
        "bn_momentum": 0.9,
        "kernel_initializer": "lecun_normal",
        "l2_scale": 1e-6,
        "trunk": [
            {"name": "conv_dna", "filters": 8, "kernel_size": 7, "norm_type": None,
             "activation": "linear", "pool_size": 2},
            {"name": "res_tower", "filters_init": 8, "filters_end": 16, "divisible_by": 4,
             "kernel_size": 5, "num_convs": 1, "pool_size": 2, "repeat": 3},
            {"name": "transformer_tower", "key_size": 4, "heads": 2,
             "num_position_features": 8, "dropout": 0.2, "repeat": 2},
            {"name": "unet_conv", "kernel_size": 3, "upsample_conv": True},
            {"name": "unet_conv", "kernel_size": 3, "upsample_conv": True},
            {"name": "Cropping1D", "cropping": 4},
        ],
        "head_human": {"name": "final", "units": 6, "activation": "softplus"},
    }  # fmt: skip
    return {"model": {**model, **changes}}


@pytest.fixture
def sequence():
    return np.eye(4, dtype="float32")[np.random.default_rng(0).integers(0, 4, (2, 512))]


def test_names_and_roles():
    sites = whelp.load(params()).sites
    assert sites["transformer_tower.1.attention.query"].role == Role.ATTENTION_QUERY
    assert sites["transformer_tower.0.ff_down"].role == Role.FF_DOWN
    assert sites["res_tower.2.conv"].role == Role.CONV
    assert sites["unet_conv_2.separable_conv"].role == Role.CONV_SEPARABLE
    assert sites["head_human.dense"].part == "head_human"
    convs = [site.name for site in select_sites(sites, ["conv"])]
    assert convs == ["conv_dna.conv", "res_tower.0.conv", "res_tower.1.conv", "res_tower.2.conv"]
    globbed = [site.name for site in select_sites(sites, ["res_tower.[12].conv"])]
    assert globbed == ["res_tower.1.conv", "res_tower.2.conv"]


def test_a_target_that_matches_nothing_lists_what_there_is():
    with pytest.raises(ValueError, match=r"'ff.middle' matches no layer.*attention.query"):
        select_sites(whelp.load(params()).sites, ["ff.middle"])


def test_every_weight_has_one_name():
    model = whelp.load(params())
    assert len(model.tensors()) == len(model.weights)
    assert {id(v) for v in model.tensors().values()} == {id(v) for v in model.weights}


def test_saved_models_load_as_they_were(sequence, tmp_path):
    model = whelp.adapt(whelp.load(params()), {"mode": "adapter", "adapter": "houlsby"})
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    assert isinstance(again, SequenceModel)
    np.testing.assert_array_equal(np.array(again(sequence)), np.array(model(sequence)))
    assert [v.path for v in again.trainable_weights] == [v.path for v in model.trainable_weights]
    assert again.transfer == model.transfer


def test_frozen_batch_norms_keep_their_statistics(sequence):
    model = whelp.adapt(whelp.load(params()), {"mode": "linear"})
    before = keras.ops.convert_to_numpy(model.tensors()["res_tower.0.norm/moving_mean"])
    model.compile(optimizer="sgd", loss="mse")
    model.fit(sequence, np.ones((2, *model.output_shape[1:]), "float32"), verbose=0)
    np.testing.assert_array_equal(model.tensors()["res_tower.0.norm/moving_mean"], before)
    assert [v.path.split("/")[0] for v in model.trainable_weights] == ["head_human.dense"] * 2


def test_mixed_precision_predicts_in_float32(sequence):
    model = whelp.load(params(), dtype="mixed_bfloat16")
    single = whelp.load(params())
    single.set_weights(model.get_weights())
    assert model.output.dtype == "float32"
    assert model.get_layer("res_tower.0.conv").compute_dtype == "bfloat16"
    low, high = np.array(model(sequence)), np.array(single(sequence))
    assert np.abs(low - high).max() < 0.05
    trunk = whelp.load(params(), head="trunk", dtype="mixed_bfloat16")
    assert trunk.output.dtype == "float32"


def test_shapes_of_the_model():
    model = whelp.load(params())
    assert model.output_shape == (None, 120, 6)
    assert (model.stride, model.target_length, model.crop) == (4, 120, 4)
    assert whelp.load(params(), head="trunk").output_shape == (None, 120, 16)


@pytest.mark.parametrize(
    ("place", "change", "message"),
    [
        (2, {"heads": 3}, r"^model\.trunk\[2\]\.heads: got 3; .*the width of the input, 16"),
        (2, {"out_size": 12, "heads": 2}, r"^model\.trunk\[2\]\.out_size: got 12; .*, 16,"),
        (5, {"cropping": 100}, r"^model\.trunk\[5\]: .*a Cropping1D that takes its input of 128 x"),
    ],
)
def test_impossible_blocks(change, message, place):
    bad = params()
    bad["model"]["trunk"][place] |= change
    with pytest.raises(SpecError, match=message):
        whelp.load(bad)


def test_an_ensemble_swaps_the_strands_of_its_own_head():
    """The reference takes the first head's pairs for every head."""
    pairs = [[1, 0, 2, 3, 5, 4], [1, 0]]
    mouse = {"name": "final", "units": 2, "activation": "softplus"}
    both = params(head_mouse=mouse, strand_pair=pairs)
    for head, own in enumerate(pairs):
        assert whelp.ensemble(whelp.load(both, head=head), rc=True).strand_pair == own


def test_impossible_blocks_of_heads():
    bad = params()
    final = bad["model"]["head_human"]
    bad["model"]["head_human"] = [{"name": "Cropping1D", "cropping": 1000}, final]
    with pytest.raises(SpecError, match=r"^model\.head_human\[0\]: .*a Cropping1D that takes"):
        whelp.load(bad)


def test_a_unet_block_without_a_representation():
    bad = params()
    bad["model"]["trunk"].insert(5, {"name": "unet_conv"})
    bad["model"]["trunk"].insert(6, {"name": "unet_conv"})
    with pytest.raises(SpecError, match=r"^model\.trunk\[6\]: it finds no representation of"):
        whelp.load(bad)


def test_dropout_only_in_training(sequence):
    model = whelp.load(params())
    again = np.array(model(sequence))
    np.testing.assert_array_equal(np.array(model(sequence, training=False)), again)
    assert np.abs(np.array(model(sequence, training=True)) - again).max() > 0


def test_spec_and_mapping_build_the_same():
    spec = load_params(params()).model
    first, second = SequenceModel(spec), SequenceModel(params()["model"])
    assert list(first.tensors()) == list(second.tensors())


def test_copies_share_no_arrays(sequence):
    """Under JAX a compiled step gives the arrays of its model away; the base must keep its own."""
    base = whelp.load(params())
    before = base.predict(sequence, verbose=0)
    adapted = whelp.adapt(base, {"mode": "adapter", "adapter": "lora"})
    adapted.compile(optimizer="sgd", loss="mse")
    adapted.fit(sequence, np.ones((2, *adapted.output_shape[1:]), "float32"), verbose=0)
    merged = whelp.merge(adapted)
    for model in (adapted, merged, whelp.unmerge(adapted)):
        model.predict(sequence, verbose=0)
    np.testing.assert_array_equal(base.predict(sequence, verbose=0), before)
