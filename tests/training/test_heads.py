"""Training on two genomes: each batch trains the trunk and one head."""

import keras
import numpy as np
import pytest
from training_toys import same

from whelp.training.heads import HeadsModel, head_layers
from whelp.training.trainer import train

TRACKS = {"head_human": 3, "head_mouse": 2}
SPEC = {"batch_size": 4, "learning_rate": 0.05, "momentum": 0.9, "loss": "mse", "weight_decay": 0.1}


def make_model(heads=tuple(TRACKS)):
    """A trunk with a penalty, and heads with a penalty and a norm of their own."""
    layers = keras.layers
    keras.utils.set_random_seed(4)
    inputs = keras.Input((16, 4))
    trunk = layers.Conv1D(6, 3, name="trunk", activation="relu", kernel_regularizer="l2")(inputs)
    outputs = {}
    for name in TRACKS:
        hidden = layers.BatchNormalization(name=f"{name}.norm")(trunk)
        out = layers.Dense(TRACKS[name], name=f"{name}.dense", kernel_regularizer="l2")(hidden)
        outputs[name] = out
    if len(heads) == 1:
        return keras.Model(inputs, outputs[heads[0]])
    return keras.Model(inputs, {name: outputs[name] for name in heads})


def make_batches(heads, seed=0):
    """One batch a head named, in this order."""
    rng = np.random.default_rng(seed)
    batches = []
    for active in heads:
        x = rng.normal(size=(4, 16, 4)).astype("f4")
        y = {name: np.zeros((4, 14, n), "f4") for name, n in TRACKS.items()}
        y[active] = rng.normal(size=(4, 14, TRACKS[active])).astype("f4")
        weights = {name: np.full((4, 1), name == active, "f4") for name in TRACKS}
        batches.append((x, y, weights))
    return batches


class Listed(keras.utils.PyDataset):
    def __init__(self, batches):
        super().__init__()
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, number):
        return self.batches[number]


def values(model, name):
    found = [v for v in model.weights if v.path.startswith(name)]
    return [np.array(keras.ops.convert_to_numpy(v)) for v in found]


def test_layers_of_each_head():
    names = {
        name: sorted(layer.name for layer in layers)
        for name, layers in head_layers(make_model()).items()
    }
    assert names == {name: [f"{name}.dense", f"{name}.norm"] for name in TRACKS}


@pytest.mark.parametrize("kind", ["sgd", "adamw"])
def test_an_idle_head_rests_whole(kind):
    """Weights, penalties, decay, moments and the statistics of norms, with averages kept too."""
    model = make_model()
    spec = SPEC | {"optimizer": kind, "average_weights": 0.5, "global_clipnorm": 1.0}
    before = values(model, "head_mouse")
    train(model, Listed(make_batches(["head_human"] * 3)), spec, verbose=0, epochs=2)
    assert same(before, values(model, "head_mouse"))
    train(model, Listed(make_batches(["head_mouse"])), spec, verbose=0, epochs=1)
    assert all((a != b).any() for a, b in zip(before, values(model, "head_mouse"), strict=True))


@pytest.mark.parametrize("kind", ["sgd", "adam"])
def test_one_genome_alone_trains_as_a_model_with_one_head(kind):
    spec = SPEC | {"optimizer": kind, "global_clipnorm": 0.5}
    both, one = make_model(), make_model(("head_human",))
    batches = make_batches(["head_human"] * 3)
    single = [(x, y["head_human"]) for x, y, _ in batches]
    first = train(both, Listed(batches), spec, validation=Listed(batches), verbose=0, epochs=3)
    second = train(one, Listed(single), spec, validation=Listed(single), verbose=0, epochs=3)
    for name in ("trunk", "head_human"):
        for a, b in zip(values(both, name), values(one, name), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    for key in ("loss", "val_loss"):
        np.testing.assert_allclose(first.history[key], second.history[key], rtol=1e-5)
    for key in ("pearsonr", "val_pearsonr", "val_r2"):
        part, _, name = key.rpartition("_")
        of_head = "_".join(filter(None, (part, "head_human", name)))
        np.testing.assert_allclose(first.history[of_head], second.history[key], rtol=1e-4)


def test_two_genomes_take_turns_and_resume(tmp_path):
    turns = ["head_human", "head_mouse", "head_mouse", "head_human"]
    data, spec = Listed(make_batches(turns)), SPEC | {"optimizer": "adam", "average_weights": 0.9}
    whole = make_model()
    result = train(whole, data, spec, validation=data, verbose=0, epochs=4)
    score = sum(
        result.history[f"val_{name}_pearsonr"] + result.history[f"val_{name}_r2"] / 4
        for name in TRACKS
    )
    assert result.best_score == pytest.approx((score / 2).max())
    assert result.history["loss"].is_monotonic_decreasing
    parts = make_model()
    for epochs in (2, 4):
        train(
            parts,
            data,
            spec,
            validation=data,
            out_dir=tmp_path,
            resume=epochs > 2,
            verbose=0,
            epochs=epochs,
        )
    assert same(values(whole, ""), values(parts, ""))


def test_metrics_of_a_head_see_its_own_batches_only():
    batches = make_batches(["head_human", "head_mouse"])
    spec, data = SPEC | {"learning_rate": 0.0}, Listed(batches)
    both = train(make_model(), data, spec, validation=data, verbose=0, epochs=1)
    human = train(make_model(), data, spec, validation=Listed(batches[:1]), verbose=0, epochs=1)
    key = "val_head_human_r2"
    assert both.history[key].iloc[0] == pytest.approx(human.history[key].iloc[0], rel=1e-5)
    # A head without any validation example has no score, and the rule goes by the others.
    assert np.isnan(human.history["val_head_mouse_r2"].iloc[0])
    assert np.isfinite(human.best_score)


def test_outputs_without_names_are_refused():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, [keras.layers.Dense(1)(inputs), keras.layers.Dense(2)(inputs)])
    with pytest.raises(TypeError, match="2 outputs without names"):
        train(model, (np.zeros((4, 4)), np.zeros((4, 1))), SPEC, verbose=0)


def test_both_heads_at_once():
    """Arrays with targets for all heads need no weights."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(8, 16, 4)).astype("f4")
    y = {name: rng.normal(size=(8, 14, n)).astype("f4") for name, n in TRACKS.items()}
    model = make_model()
    before = values(model, "head")
    result = train(model, (x, y), SPEC, verbose=0, epochs=2)
    assert result.history["loss"].is_monotonic_decreasing
    assert all((a != b).any() for a, b in zip(before, values(model, "head"), strict=True))
    assert isinstance(HeadsModel(model, keras.losses.MeanSquaredError()), keras.Model)
