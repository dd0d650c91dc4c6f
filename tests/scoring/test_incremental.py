"""Incremental predictions against full passes, over positions where they could go wrong."""

import json

import keras
import numpy as np
import pytest

import whelp
from whelp.demo import demo_file
from whelp.models import SequenceModel, view
from whelp.scoring.incremental import Asked, IncrementalModel, Reference
from whelp.scoring.splicing import Change
from whelp.specs import load_params

LENGTH = 512
ON_TENSORFLOW = keras.backend.backend() == "tensorflow"
# Models of random weights are chaotic: they multiply rounding. Where the backend has float64 (JAX
# has it off), what remains is the logic; the pretrained model is held to 1e-6 in float32.
DTYPE = "float64" if ON_TENSORFLOW else "float32"
TOLERANCE = 1e-6 if ON_TENSORFLOW else 1e-5
"""Of the range of the predictions."""

TOWER = [
    {"name": "conv_dna", "filters": 8, "kernel_size": 7, "pool_size": 2},
    {
        "name": "res_tower",
        "filters_init": 8,
        "filters_end": 12,
        "divisible_by": 4,
        "kernel_size": 5,
        "num_convs": 2,
        "pool_size": 2,
        "repeat": 2,
    },
]
ATTENTION = {"name": "transformer_tower", "key_size": 4, "heads": 2, "repeat": 1}
ATTENTION |= {"num_position_features": 8}
UNET = {"name": "unet_conv", "kernel_size": 3, "upsample_conv": True}
CROP = {"name": "Cropping1D", "cropping": 4}
CNN = [
    {"name": "conv_block", "filters": 8, "kernel_size": 5, "pool_size": 4},
    {"name": "dilated_residual", "filters": 6, "rate_mult": 2, "repeat": 4},
]
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


def build(trunk: list, *, length: int = LENGTH, dtype: str = DTYPE, **options) -> SequenceModel:
    """A model with weights that are all at work: none at 0, means and variances moved."""
    spec = {
        "seq_length": length,
        "norm_type": "batch",
        "activation": "gelu",
        "trunk": trunk,
        "head_a": {"name": "final", "units": 3, "activation": "softplus"},
        "head_b": {"name": "final", "units": 2, "activation": "softplus"},
    }
    return shaken(SequenceModel(load_params({"model": spec}).model, dtype=dtype, **options))


def shaken(model: SequenceModel, seed: int = 0) -> SequenceModel:
    """The model with random weights everywhere."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        if "seed" in weight.path:
            continue
        scale = 1 / np.sqrt(np.prod(weight.shape[:-1])) if len(weight.shape) > 1 else 0.2
        value = rng.normal(size=weight.shape) * scale
        around_one = ("gamma", "moving_variance", "scale", "ia3", "magnitude")
        weight.assign(np.abs(1 + value) if weight.name in around_one else value)
    return model


def bases(rng: np.random.Generator, length: int) -> np.ndarray:
    return np.eye(5, dtype="float32")[rng.integers(0, 5, length)][:, :4]


def changes(rng: np.random.Generator, length: int) -> list[tuple[int, int, np.ndarray]]:
    """Single bases at edges, at pool boundaries and anywhere; wider ones; to the ends."""
    edges = [0, 1, 63, 64, length // 2, length - 9, length - 8, length - 2, length - 1]
    singles = [*edges, *rng.integers(0, length, 8)]
    wide = [(0, 5), (length - 7, length), (300, 340), (length // 2, length)]
    wide += [(0, length // 2 + 9), (0, length)]
    spans = [*((int(i), int(i) + 1) for i in singles), *wide]
    return [(start, end, bases(rng, end - start)) for start, end in spans]


def check(model: SequenceModel, predict, **options) -> IncrementalModel:
    """Compares all alternates with full passes."""
    rng = np.random.default_rng(7)
    length = model.spec.seq_length
    x = bases(rng, length)
    changed = changes(rng, length)
    incremental = IncrementalModel(model, **({"max_share": 1} | options))
    reference = incremental.reference(x[None])
    copies = np.repeat(x[None], len(changed), axis=0)
    for copy, (start, end, new) in zip(copies, changed, strict=True):
        copy[start:end] = new
    expected = predict(model, np.concatenate([x[None], copies]))
    found = incremental.alternates(reference, changed)
    own = predicted(incremental, reference)
    close(own, expected[0])
    close(found, expected[1:])
    assert np.any(found - own > 1e-3)
    return incremental


def predicted(incremental: IncrementalModel, reference: Reference):
    """What is predicted for the reference itself."""
    return incremental.predict([Asked(reference)])[0]


def close(found, expected) -> None:
    expected = np.asarray(expected)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= TOLERANCE * np.ptp(expected)


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


CONFIGS = [
    "borzoi_full",
    "borzoi_lite_lora",
    "borzoi_lite_locon4",
    "mini_borzoi_houlsby",
    "mini_borzoi_houlsby_se",
]


@pytest.mark.parametrize("name", CONFIGS if ON_TENSORFLOW else CONFIGS[:1])
def test_shipped_parameter_files(json_configs, predict, name):
    """The architectures as they are, but of fewer channels, one transformer and a short input."""
    params = json.loads((json_configs / f"{name}.json").read_text())
    dna, tower, attention, *rest = params["model"]["trunk"]
    dna["filters"] = tower["filters_init"] = tower["filters_end"] = 8
    tower["divisible_by"] = attention["repeat"] = 1
    attention |= {"key_size": 4, "num_position_features": 8, "heads": 2}
    for block in rest:
        block |= {"cropping": 4} if "cropping" in block else {}
        block |= {"filters": 8} if "filters" in block else {}
    params["model"]["seq_length"] = 4096
    model = SequenceModel(load_params(params).model, dtype=DTYPE)
    if params["transfer"]["mode"] == "adapter":
        model = whelp.adapt(model, params["transfer"])
    incremental = check(shaken(model), predict)
    assert incremental.is_incremental
    assert incremental._splicer.windows[0] <= 1792


def test_pretrained_model_in_single_precision(predict):
    """Positions at the ends, at a boundary of all pools, and in the middle; a short deletion."""
    params, weights = (demo_file(f"mini_borzoi/{name}") for name in ("params.json", "model.h5"))
    model = whelp.load(params, weights)
    length = model.spec.seq_length
    rng = np.random.default_rng(0)
    x = np.eye(4, dtype="float32")[rng.integers(0, 4, length)]
    changed = [(i, i + 1, np.roll(x[i : i + 1], 1, axis=1)) for i in (0, 65535, 80000, length - 1)]
    changed.append((70000, length, np.concatenate([x[70003:], x[:3]])))
    incremental = IncrementalModel(model)
    assert incremental._splicer.windows[0] == 1536
    reference = incremental.reference(x[None])
    own = predicted(incremental, reference)
    found = incremental.alternates(reference, changed)
    for prediction, (start, end, new) in zip(found, changed, strict=True):
        alternate = x.copy()
        alternate[start:end] = new
        expected = predict(model, alternate[None])[0]
        assert np.abs(prediction - expected).max() <= 1e-6 * np.ptp(expected)
        assert np.abs(prediction - own).max() > 1e-5


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
