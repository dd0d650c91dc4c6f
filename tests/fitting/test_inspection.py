"""Tables and estimates of models, from shapes alone."""

from typing import Any

import pytest

from whelp.inspection import estimate_memory, layer_table, model_facts, skeleton, touched_table
from whelp.loading import adapt, load
from whelp.specs import TransferSpec, load_params

METHODS = ("linear", "lora", "locon", "full")


def _transfer(method: str) -> TransferSpec:
    plain = method in ("linear", "full")
    section = {"mode": method} if plain else {"mode": "adapter", "adapter": method}
    return TransferSpec.parse(section)


def test_facts_of_a_tiny_model(tiny: Any) -> None:
    facts = model_facts(load({"model": tiny.MODEL}))
    assert (facts.seq_length, facts.stride) == (tiny.SEQ_LENGTH, tiny.BIN_WIDTH)
    assert (facts.target_length, facts.crop) == (tiny.BINS, tiny.CROP_BP // tiny.BIN_WIDTH)
    assert facts.heads == {"head_a": 3}
    assert facts.head_parameters == 16 * 3 + 3
    assert facts.adapter_parameters == 0


@pytest.mark.parametrize("method", METHODS)
def test_skeleton_counts_what_the_model_does(tiny: Any, method: str) -> None:
    spec = load_params({"model": tiny.MODEL}).model
    bare = model_facts(skeleton(spec, transfer=_transfer(method)))
    real = model_facts(adapt(load({"model": tiny.MODEL}), _transfer(method)))
    assert bare == real


def test_layer_table_counts_every_parameter_once(tiny: Any) -> None:
    model = load({"model": tiny.MODEL})
    table = layer_table(model)
    assert table["parameters"].sum() == model.count_params()
    assert table["layer"].is_unique
    queries = table[table["role"] == "attention.query"]
    assert list(queries["class"]) == ["Dense"]


def test_touched_table_adds_up(tiny: Any) -> None:
    model = skeleton(load_params({"model": tiny.MODEL}).model, transfer=_transfer("locon"))
    table, facts = touched_table(model), model_facts(model)
    assert table["added"].sum() == facts.adapter_parameters
    assert (table["added"] + table["trained"]).sum() == facts.trained_parameters
    assert set(table["change"]) == {"Lora", "Locon", "trained"}


def test_memory_grows_with_what_is_trained(tiny: Any) -> None:
    spec = load_params({"model": tiny.MODEL}).model
    estimates = [estimate_memory(skeleton(spec, transfer=_transfer(m))) for m in METHODS]
    kept = [estimate.activations + estimate.workspace for estimate in estimates]
    assert kept == sorted(kept) and kept[0] < kept[1] < kept[3]
    assert [e.optimizer for e in estimates] == [2 * e.gradients for e in estimates]
    assert all(estimate.prediction == estimates[3].prediction for estimate in estimates[:1])


def test_memory_of_batches_and_precisions(tiny: Any) -> None:
    spec = load_params({"model": tiny.MODEL}).model
    one, two = (estimate_memory(skeleton(spec), batch_size=size) for size in (1, 2))
    assert two.activations == 2 * one.activations and two.weights == one.weights
    half = estimate_memory(skeleton(spec, dtype="mixed_bfloat16"))
    assert 0.4 * one.activations < half.activations < 0.6 * one.activations
    assert half.weights == one.weights
    with pytest.raises(ValueError, match="adamw"):
        estimate_memory(skeleton(spec), optimizer="lion")
