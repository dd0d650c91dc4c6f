"""Optimisers: clipping, accumulation, averages, idle heads, loss scaling."""

import keras
import numpy as np
import pytest

from whelp.specs import TrainSpec
from whelp.training.clipping import adaptive_clip
from whelp.training.optimizers import LossScaleOptimizer, make_optimizer

to_numpy = keras.ops.convert_to_numpy
KINDS = ("sgd", "adam", "adamw")


def linear_model(inputs=3, outputs=2, **dense):
    keras.utils.set_random_seed(1)
    return keras.Sequential([keras.Input((inputs,)), keras.layers.Dense(outputs, **dense)])


def batches(n, size=4, inputs=3, outputs=2):
    rng = np.random.default_rng(0)
    return [
        (
            rng.normal(size=(size, inputs)).astype("f4"),
            rng.normal(size=(size, outputs)).astype("f4"),
        )
        for _ in range(n)
    ]


def train_on(model, data, **kwargs):
    for x, y in data:
        model.train_on_batch(x, y, **kwargs)
    return [np.array(w) for w in model.get_weights()]


@pytest.mark.parametrize("kind", ["2d", "1d", "3d"])
def test_adaptive_clipping_equals_the_reference(kind, golden):
    arrays = np.load(golden / "train" / "losses_metrics.npz")
    (clipped,) = adaptive_clip([arrays[f"agc|{kind}|g"]], [arrays[f"agc|{kind}|w"]], 0.1)
    np.testing.assert_allclose(to_numpy(clipped), arrays[f"agc|{kind}|clipped_0.1"], rtol=1e-6)


def test_adaptive_clipping_by_hand_in_training():
    model = linear_model(use_bias=False)
    spec = TrainSpec(learning_rate=1.0, momentum=0, agc_clip=0.01)
    model.compile(make_optimizer(spec, 1), "mse")
    ((x, y),) = batches(1)
    before = model.get_weights()[0]
    after = train_on(model, [(x, y)])[0]
    gradient = x.T @ (x @ before - y) * 2 / y.size
    norms = [np.linalg.norm(a, axis=0, keepdims=True) for a in (gradient, before)]
    assert (norms[0] > 0.01 * norms[1]).all()
    wanted = gradient * 0.01 * norms[1] / norms[0]
    np.testing.assert_allclose(before - after, wanted, rtol=1e-4, atol=1e-6)


def test_clipping_by_norm():
    ((x, y),) = batches(1)
    y = y * 100
    for key, whole in (("clip_norm", False), ("global_clipnorm", True)):
        model = linear_model()
        model.compile(
            make_optimizer(TrainSpec(learning_rate=1.0, momentum=0, **{key: 0.5}), 1), "mse"
        )
        before = model.get_weights()
        steps = [b - a for b, a in zip(before, train_on(model, [(x, y)]), strict=True)]
        norms = [float(np.linalg.norm(step)) for step in steps]
        if whole:
            assert abs(np.hypot(*norms) - 0.5) < 1e-4
        else:
            np.testing.assert_allclose(norms, 0.5, rtol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_accumulated_batches_equal_one_large_batch(kind):
    """Also with a schedule: its steps are updates, not batches."""
    common = {
        "optimizer": kind,
        "learning_rate": 0.05,
        "warmup_steps": 3,
        "momentum": 0.9,
        "weight_decay": 0.1,
        "global_clipnorm": 0.7,
        "average_weights": 0.9,
    }
    data = batches(6)
    small, large = linear_model(), linear_model()
    small.compile(make_optimizer(TrainSpec(**common, gradient_accumulation=2), 6), "mse")
    large.compile(make_optimizer(TrainSpec(**common), 3), "mse")
    pairs = [
        tuple(np.concatenate(both) for both in zip(*data[i : i + 2], strict=True))
        for i in (0, 2, 4)
    ]
    for a, b in zip(train_on(small, data), train_on(large, pairs), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    averages = [
        [to_numpy(v) for v in model.optimizer._model_variables_moving_average]
        for model in (small, large)
    ]
    for a, b in zip(*averages, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_schedule_counts_updates():
    model = linear_model()
    spec = TrainSpec(learning_rate=1.0, warmup_steps=4, gradient_accumulation=3)
    model.compile(make_optimizer(spec, 12), "mse")
    rates = []
    for x, y in batches(12):
        rates.append(float(model.optimizer.learning_rate))
        model.train_on_batch(x, y)
    assert rates == [0, 0, 0, 0.25, 0.25, 0.25, 0.5, 0.5, 0.5, 0.75, 0.75, 0.75]


def test_averaged_weights_by_hand():
    model = linear_model(use_bias=False)
    model.compile(make_optimizer(TrainSpec(learning_rate=0.1, average_weights=0.25), 5), "mse")
    average = model.get_weights()[0]
    for step, (x, y) in enumerate(batches(5)):
        model.train_on_batch(x, y)
        momentum = min(0.25, (1 + step) / (10 + step))
        average = momentum * average + (1 - momentum) * model.get_weights()[0]
    kept = to_numpy(model.optimizer._model_variables_moving_average[0])
    np.testing.assert_allclose(kept, average, rtol=1e-5)


def two_headed(kind, **spec):
    keras.utils.set_random_seed(2)
    inputs = keras.Input((3,))
    trunk = keras.layers.Dense(4, name="trunk")(inputs)
    heads = {name: keras.layers.Dense(2, name=name)(trunk) for name in ("human", "mouse")}
    model = keras.Model(inputs, heads)
    optimizer = make_optimizer(
        TrainSpec(optimizer=kind, learning_rate=0.1, momentum=0.9, weight_decay=0.1, **spec), 4
    )
    head_variables = [v for name in heads for v in model.get_layer(name).trainable_variables]
    optimizer.leave_when_idle(head_variables)
    optimizer.build(model.trainable_variables)
    model.compile(optimizer, "mse")
    return model


def state_of(model, name):
    """A head's weights, moments and averages."""
    optimizer = model.optimizer
    variables = model.get_layer(name).trainable_variables
    state = [*variables, *(slot for v in variables for slot in optimizer._slots(v))]
    return [np.array(to_numpy(value)) for value in state]


@pytest.mark.parametrize("average", [None, 0.9])
@pytest.mark.parametrize("kind", KINDS)
def test_idle_head_does_not_move(kind, average):
    model = two_headed(kind, average_weights=average, global_clipnorm=0.5)
    x, y = batches(1)[0]
    targets = {"human": y, "mouse": np.zeros_like(y)}

    def step(**weights):
        weights = {name: np.full((4, 1), w, "f4") for name, w in weights.items()}
        model.train_on_batch(x, targets, sample_weight=weights)

    step(human=1, mouse=1)
    before = {name: state_of(model, name) for name in targets}
    step(human=1, mouse=0)
    assert all(
        (a == b).all() for a, b in zip(before["mouse"], state_of(model, "mouse"), strict=True)
    )
    assert all(
        (a != b).any() for a, b in zip(before["human"], state_of(model, "human"), strict=True)
    )
    step(human=1, mouse=1)
    assert all(
        (a != b).any() for a, b in zip(before["mouse"], state_of(model, "mouse"), strict=True)
    )


def test_float16_is_scaled_and_skips_overflow():
    model = linear_model(dtype="mixed_float16")
    optimizer = make_optimizer(TrainSpec(optimizer="adam"), 1, mixed_precision=True)
    assert isinstance(optimizer, LossScaleOptimizer)
    assert optimizer.inner_optimizer.epsilon == 1e-4
    model.compile(optimizer, "mse")
    before = model.get_weights()
    (x, y), (x2, y2) = batches(2)
    overflow = train_on(model, [(x * 1e4, y * 1e4)])
    assert all((a == b).all() for a, b in zip(before, overflow, strict=True))
    assert float(optimizer.dynamic_scale) == 2.0**14
    after = train_on(model, [(x2, y2)])
    assert all(np.isfinite(a).all() and (a != b).any() for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_config_rebuilds_the_optimizer(kind, half):
    spec = TrainSpec(
        optimizer=kind,
        warmup_steps=3,
        agc_clip=0.2,
        global_clipnorm=0.1,
        gradient_accumulation=2,
        average_weights=0.9,
    )
    optimizer = make_optimizer(spec, 8, mixed_precision=half)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(optimizer))
    assert type(again) is type(optimizer)
    assert again.get_config() == optimizer.get_config()


def test_defaults_are_the_reference_s():
    sgd = make_optimizer(TrainSpec(), 1)
    assert (sgd.momentum, float(sgd.learning_rate)) == (0.99, pytest.approx(0.01))
    adam = make_optimizer(TrainSpec(optimizer="Adam", clipnorm=0.3), 1)
    assert (adam.beta_1, adam.beta_2, adam.epsilon, adam.clipnorm) == (0.9, 0.999, 1e-7, 0.3)
    assert adam.gradient_accumulation_steps is None
