"""Incremental predictions against full passes, over positions where they could go wrong."""

import numpy as np
import pytest
from incremental_cases import (
    ATTENTION,
    CNN,
    CROP,
    LENGTH,
    ON_TENSORFLOW,
    TOWER,
    UNET,
    bases,
    build,
    check,
    close,
    predicted,
    shaken,
)

import whelp
from whelp.models import view
from whelp.scoring.incremental import Asked, IncrementalModel
from whelp.scoring.splicing import Change

TRUNKS = {
    "borzoi": [*TOWER, ATTENTION, UNET, UNET, CROP],
    "softmax_pools": [
        TOWER[0] | {"pool_type": "softmax"},
        TOWER[1] | {"pool_type": "softmax"},
        ATTENTION,
    ],
    "swin": [*TOWER, ATTENTION | {"block_type": "swin"}],
    "transformer2": [*TOWER, ATTENTION | {"block_type": "transformer2"}],
    "unet_concat": [*TOWER, ATTENTION, {"name": "unet_concat", "kernel_size": 3}],
    "strides": [
        {"name": "conv_dna", "filters": 8, "kernel_size": 6, "stride": 3, "pool_size": 2},
        {"name": "conv_nac", "filters": 8, "kernel_size": 4, "stride": 2},
        ATTENTION,
    ],
    "valid_and_dense": [
        {"name": "conv_nac", "filters": 8, "kernel_size": 4, "padding": "valid", "pool_size": 3},
        {"name": "dilated_dense", "filters": 4, "rate_mult": 2, "repeat": 2},
        {"name": "wheeze_excite", "pool_size": 5},
        {"name": "Conv1D", "filters": 8, "kernel_size": 3, "padding": "causal"},
        {"name": "global_context"},
    ],
    "convnext": [
        {"name": "convnext_tower", "filters_init": 8, "filters_mult": 1, "repeat": 3},
        ATTENTION,
    ],
    "local_altogether": CNN,
    "cropped": [*CNN, CROP],
}


# Which positions are computed does not depend on the backend, and JAX compiles for seconds a model.
@pytest.mark.parametrize("name", TRUNKS if ON_TENSORFLOW else ["strides", "softmax_pools"])
def test_equals_full_passes(predict, name):
    incremental = check(build(TRUNKS[name]), predict)
    assert incremental.is_incremental
    assert incremental._splicer.windows[0] < LENGTH


# Behind the tower; in it; and looking at the whole length in it.
ADAPTERS = {
    "lora": {"adapter": "lora", "adapter_latent": 2},
    "locon_all": {"adapter": "locon", "conv_select": "all", "conv_latent": 2},
    "houlsby_se": {"adapter": "houlsby_se", "conv_select": 2, "conv_latent": 2},
}


@pytest.mark.parametrize("name", ADAPTERS if ON_TENSORFLOW else ["locon_all"])
def test_adapted_models(predict, name):
    model = shaken(whelp.adapt(build(TRUNKS["borzoi"]), {"mode": "adapter"} | ADAPTERS[name]))
    incremental = check(model, predict)
    assert incremental.is_incremental
    end = "res_tower.1.conv" if name == "houlsby_se" else "transformer_tower.0.attention"
    assert incremental.prefix.ended_by[0] == end


def test_without_a_local_layer_alternates_are_full_passes(predict):
    first = {"name": "squeeze_excite", "bottleneck_ratio": 2}
    incremental = check(build([first, *TOWER]), predict)
    assert not incremental.is_incremental
    assert "full pass" in incremental.describe()
    assert "squeeze_excite.excite" in incremental.describe()


def test_batches(predict):
    check(build(TOWER), predict, batch_size=4)


def test_all_heads_and_a_view():
    x = bases(np.random.default_rng(0), LENGTH)
    a = np.eye(4, dtype="float32")[:1]
    model = build(TRUNKS["borzoi"], head="all")
    incremental = IncrementalModel(model, max_share=1)
    found = incremental.alternates(incremental.reference(x), [(300, 301, a), (0, 1, a)])
    one = IncrementalModel(view(build(TRUNKS["borzoi"]), tracks=[2, 0]), max_share=1)
    some = one.alternates(one.reference(x), [(300, 301, a)])
    x[300] = a
    expected = model.predict(x[None], verbose=0)
    assert set(found) == {"head_a", "head_b"}
    for head, prediction in found.items():
        assert len(prediction) == 2
        close(prediction[:1], expected[head])
    assert some.shape == (1, *found["head_a"].shape[1:2], 2)


@pytest.mark.parametrize("length", [500, 518])
def test_lengths_that_the_pools_do_not_divide(predict, length):
    check(build([*TOWER, ATTENTION], length=length), predict)


def test_layers_that_reach_far_are_left_to_the_rest(predict):
    model = build(CNN, length=2048)
    near, far = (IncrementalModel(model, max_share=share) for share in (0.02, 1))
    assert 0 < len(near.prefix.layers) < len(far.prefix.layers)
    check(model, predict, max_share=0.02)


def test_bfloat16(predict):
    model = build(TRUNKS["borzoi"], dtype="mixed_bfloat16")
    x = bases(np.random.default_rng(0), LENGTH)
    incremental = IncrementalModel(model, max_share=1)
    reference = incremental.reference(x)
    found = incremental.alternates(reference, [(400, 401, np.eye(4)[:1])])
    assert found.dtype == "float32"
    assert np.abs(found - predicted(incremental, reference)).max() < 0.1


def test_what_does_not_change_has_the_references_prediction():
    model = build(TOWER[:1])
    x = bases(np.random.default_rng(0), LENGTH)
    incremental = IncrementalModel(model, max_share=1)
    reference = incremental.reference(x)
    same = [(0, 0, x[:0]), (10, 20, x[10:20]), (0, LENGTH, x)]
    found = incremental.alternates(reference, same)
    close(found, np.stack([predicted(incremental, reference)] * 3))
    assert incremental.predict([]) == []


def test_batches_come_when_they_are_there():
    model = build(TOWER[:1])
    x = np.zeros((LENGTH, 4), dtype="float32")
    incremental = IncrementalModel(model, max_share=1, batch_size=4)
    a = np.eye(4, dtype="float32")[:1]
    changed = [(0, LENGTH, np.repeat(a, LENGTH, axis=0)), *((i, i + 1, a) for i in range(7))]
    changed.insert(4, (9, 10, x[:1]))
    reference = incremental.reference(x)
    asked = [Asked(reference, Change(*change)) for change in changed]
    places = [batch for batch, _ in incremental.batches(asked)]
    assert places == [[4, 1, 2, 3], [5, 6, 7, 8], [0]]


def test_weights_changed_later_are_seen(predict):
    model = build(TOWER[:1])
    x = bases(np.random.default_rng(0), LENGTH)
    incremental = IncrementalModel(model, max_share=1)
    before = predicted(incremental, incremental.reference(x))
    shaken(model, seed=1)
    after = predicted(incremental, incremental.reference(x))
    assert np.abs(after - before).max() > 1e-3
    close(after, predict(model, x[None])[0])


def test_what_does_not_fit():
    incremental = IncrementalModel(build(TOWER[:1]))
    reference = incremental.reference(np.zeros((1, LENGTH, 4)))
    changes = {
        "start -1": (-1, 0, np.zeros((1, 4))),
        f"within the {LENGTH} bp": (LENGTH, LENGTH + 1, np.zeros((1, 4))),
        "end 4": (5, 4, np.zeros((0, 4))),
        r"shape \(1, 4\)": (5, 7, np.zeros((1, 4))),
    }
    for message, change in changes.items():
        with pytest.raises(ValueError, match=message):
            incremental.alternates(reference, [change])
    for shape in [(1, 500, 4), (2, LENGTH, 4), (LENGTH, 5)]:
        with pytest.raises(ValueError, match="one sequence of shape"):
            incremental.reference(np.zeros(shape))
    with pytest.raises(ValueError, match="batch_size"):
        IncrementalModel(build(TOWER[:1]), batch_size=0)
