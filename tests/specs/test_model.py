"""The section `model`: blocks, their defaults, and heads."""

import json
from pathlib import Path
from typing import Any

import pytest

from whelp.specs import BLOCKS, ModelSpec, SpecError
from whelp.specs.attention import Transformer
from whelp.specs.blocks import Final, KerasDense, ResTower, parse_block


def _model(*trunk: dict[str, Any], **keys: Any) -> ModelSpec:
    head = {"name": "final", "units": 3}
    base: dict[str, Any] = {"seq_length": 1024, "activation": "gelu", "head_human": head}
    return ModelSpec.parse({**base, "trunk": list(trunk) or [{"name": "conv_dna"}], **keys})


def test_every_block_of_the_language_is_known() -> None:
    names = set(BLOCKS)
    of_whelp = {"rotary_tower"}
    assert len(names - of_whelp) == 40
    assert of_whelp <= names
    assert {"conv_dna", "conv_tower_v1", "res_tower", "swin_transformer", "Cropping1D"} <= names
    for name, block in BLOCKS.items():
        assert block.model_fields["name"].default == name
        assert block.__doc__


def test_defaults_of_the_model_reach_blocks_that_have_the_key() -> None:
    spec = _model(
        {"name": "conv_dna", "filters": 8, "norm_type": None, "activation": "linear"},
        {"name": "res_tower", "filters_init": 8, "filters_end": 16, "repeat": 2},
        {"name": "transformer", "key_size": 4, "l2_scale": 1e-3},
        {"name": "center_slice", "center": 8},
        norm_type="batch",
        bn_momentum=0.9,
        norm_epsilon=1e-5,
        l2_scale=1e-6,
        l1_scale=1e-5,
        padding="valid",
        kernel_initializer="lecun_normal",
    )
    dna, tower, transformer, crop = (block.model_dump() for block in spec.trunk_blocks())
    assert (dna["norm_type"], dna["activation"]) == (None, "linear")
    assert (dna["l2_scale"], dna["bn_momentum"], dna["padding"]) == (1e-6, 0.9, "valid")
    assert (tower["norm_type"], tower["activation"]) == ("batch", "gelu")
    assert tower["norm_epsilon"] == transformer["norm_epsilon"] == 1e-5
    assert (transformer["l2_scale"], transformer["mha_l2_scale"]) == (1e-3, 0)
    assert transformer["kernel_initializer"] == "lecun_normal"
    assert transformer["mha_initializer"] == "he_normal"
    assert crop == {"name": "center_slice", "center": 8}
    (final,) = spec.head_blocks(0)
    assert isinstance(final, Final)
    assert (final.activation, final.l1_scale, final.l2_scale) == ("gelu", 1e-5, 1e-6)


def test_falsy_defaults_are_no_defaults() -> None:
    spec = _model({"name": "conv_nac"}, activation=None, bn_momentum=0, norm_type=None)
    block = spec.trunk_blocks()[0].model_dump()
    assert (block["activation"], block["bn_momentum"]) == ("relu", 0.99)


def test_own_defaults_are_those_of_the_reference() -> None:
    tower = parse_block({"name": "res_tower", "filters_init": 8, "filters_mult": 1.5})
    assert isinstance(tower, ResTower)
    assert (tower.pool_size, tower.num_convs, tower.kernel_size, tower.repeat) == (2, 2, 1, 1)
    assert (tower.residual_scale, tower.norm_epsilon) == (True, 1e-3)
    transformer = parse_block({"name": "transformer", "key_size": 4})
    assert isinstance(transformer, Transformer)
    assert (transformer.dropout, transformer.attention_dropout) == (0.25, 0.05)
    assert (transformer.position_dropout, transformer.dense_expansion) == (0.01, 2.0)
    assert (transformer.position_features, transformer.norm_epsilon) == ("central_mask", 1e-3)


def test_activation_of_the_model_becomes_one_of_keras_where_keras_makes_the_layer() -> None:
    (final,) = _model(activation="gelu_erf").head_blocks(0)
    assert isinstance(final, Final)
    assert final.activation == "gelu"
    with pytest.raises(SpecError, match="polyrelu") as caught:
        _model(activation="polyrelu")
    assert caught.value.path == "head_human.activation"


def test_blocks_named_as_keras_layers_take_no_defaults() -> None:
    (dense,) = _model({"name": "Dense", "units": 5}).trunk_blocks()
    assert isinstance(dense, KerasDense)
    assert dense.activation is None


def test_unknown_keys_of_published_files_do_nothing(golden: Path) -> None:
    path = golden / "json/baskerville/borzoilite_262k.json"
    model = ModelSpec.parse(json.loads(path.read_text())["model"])
    tower = model.trunk[2].model_dump(exclude_unset=True)
    assert (tower["adapter"], tower["latent"]) == ("houlsby", 8)


def test_heads_in_natural_order() -> None:
    final = {"name": "final", "units": 2}
    block = {"name": "conv_nac", "filters": 6}
    spec = _model(head10=final, head2=[block, {"name": "final", "units": 7}])
    assert list(spec.heads) == ["head2", "head10", "head_human"]
    assert [spec.head_name(name) for name in (0, "head10", "human")] == list(spec.heads)
    assert [block.name for block in spec.head_blocks("head2")] == ["conv_nac", "final"]
    assert [spec.head_units(index) for index in range(3)] == [7, 2, 3]
    for wrong in (3, -1, "mouse"):
        with pytest.raises(SpecError, match="there is no head"):
            spec.head_name(wrong)


def test_model_is_given_back_as_it_was() -> None:
    keys = {"head2": [{"name": "conv_nac"}, {"name": "final", "units": 7}], "augment_shift": [0, 1]}
    spec = _model(**keys)
    assert spec.given()["head2"] == keys["head2"]
    assert spec.given()["head_human"] == {"name": "final", "units": 3}
    assert ModelSpec.parse(spec.given()) == spec
    assert ModelSpec.parse(spec) is spec


def test_houlsby_se_needs_its_sizes() -> None:
    spec = _model(adapter="houlsby_se", se_rank=16, conv_select=4)
    assert (spec.adapter_latent, spec.se_rank, spec.conv_select) == (8, 16, 4)
    with pytest.raises(SpecError, match="se_rank"):
        _model(adapter="houlsby_se")
    with pytest.raises(SpecError, match="houlsby"):
        _model(adapter="lora")


@pytest.mark.parametrize(("heads", "width"), [(3, 8), (2, 7)])
def test_heads_must_divide_the_width(heads: int, width: int) -> None:
    block = Transformer(key_size=4, heads=heads)
    with pytest.raises(SpecError, match=f"divides the width of the input, {width}") as caught:
        block.value_size(width)
    assert (caught.value.path, caught.value.value) == ("heads", heads)


def test_output_must_be_as_wide_as_the_input_it_is_added_to() -> None:
    block = Transformer(key_size=4, heads=2, out_size=16)
    assert block.value_size(16) == 8
    with pytest.raises(SpecError, match="to which the output is added"):
        block.value_size(8)
    with pytest.raises(SpecError, match="divides out_size"):
        parse_block({"name": "transformer", "key_size": 4, "heads": 3, "out_size": 16})


@pytest.mark.parametrize(("name", "stride"), [("conv_nac", "stride"), ("Conv1D", "strides")])
def test_convolutions_do_not_stride_and_dilate(name: str, stride: str) -> None:
    raw = {"name": name, "filters": 3, "kernel_size": 3, "dilation_rate": 2}
    parse_block(raw)
    with pytest.raises(SpecError, match="dilation_rate") as caught:
        parse_block({**raw, stride: 2})
    assert caught.value.path == stride


def test_one_to_two_takes_the_word_that_the_reference_refuses() -> None:
    block = parse_block({"name": "one_to_two", "operation": "multiply"})
    assert block.model_dump()["operation"] == "multiply"
    with pytest.raises(SpecError, match="multiply"):
        parse_block({"name": "one_to_two", "operation": "sum"})


def test_specs_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        _model().seq_length = 3  # type: ignore[misc]


def test_position_features_come_in_kinds_and_signs() -> None:
    def attention(**keys: Any) -> Any:
        return parse_block({"name": "transformer", "key_size": 4, "heads": 2, **keys})

    assert attention().position_feature_count(32) == 16
    assert attention(position_features="enformer").position_feature_count(32) == 12
    assert attention(position_features="enformer", num_position_features=18)
    with pytest.raises(SpecError, match="num_position_features.*got 16.*a multiple of 6"):
        attention(position_features="enformer", num_position_features=16)
    with pytest.raises(SpecError, match="num_position_features.*got 15.*an even number"):
        attention(num_position_features=15)
