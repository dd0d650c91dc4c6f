"""Five optimisation steps of a mini Borzoi against the original trainer, in every mode."""

import json
import os
from functools import cache

import keras
import numpy as np
import pytest
from training_toys import Steps

from whelp.adapters import adapt
from whelp.models import SequenceModel
from whelp.specs import TransferSpec
from whelp.training.trainer import train
from whelp.weights.baskerville import keras2_layers, load_baskerville

JAX = keras.backend.backend() == "jax"
ADAPTERS = {
    "lora": {"adapter": "lora", "adapter_latent": 8},
    "houlsby": {"adapter": "houlsby", "adapter_latent": 8},
    "houlsby_se": {
        "adapter": "houlsby_se",
        "adapter_latent": 8,
        "conv_select": 4,
        "conv_latent": 16,
    },
    "locon": {"adapter": "locon", "conv_select": 4},
    # Of this width the original adapts no feed-forward layer (it looks for a width of 768).
    "ia3": {
        "adapter": "custom",
        "method": "ia3",
        "targets": ["attention.key", "attention.value"],
    },
}
# The original runs these with the exact GELU: it loses an argument when it inserts their adapters.
EXACT_GELU = ("houlsby", "houlsby_se", "locon", "ia3")
FULL = [
    "full_sgd",
    "full_adam",
    "full_adam_nowarm_noclip",
    "full_adam_clip_norm",
    "full_adam_agc",
    "full_adamw",
    "full_adam_expdecay",
    "full_adam_weightrange",
    "full_poisson",
]
ADAPTED = [
    "lora_sgd",
    "ia3_sgd",
    "lora_adam",
    "linear_adam",
    "locon_adam",
    "houlsby_adam_dropout1e-12",
    "houlsby_se_adam_dropout1e-12",
]
NOISE = {"full_adam_clip_norm": (1e-7, 3e-7, 0.0)}
# XLA takes long to compile a training step. The optimisers' other tests run on JAX as well.
CASES = [*FULL, *ADAPTED]
GRADIENTS = ["full_adam", "lora_sgd", "houlsby_se_adam_dropout1e-12"]
if JAX and "WHELP_ALL_TESTS" not in os.environ:
    GRADIENTS = ["full_adam"]
    CASES = ["full_sgd", "full_adam", "lora_sgd", "ia3_sgd", "locon_adam"]
    CASES += ["houlsby_se_adam_dropout1e-12"]


@pytest.fixture(scope="module")
def folder(golden):
    return golden / "train"


@pytest.fixture(scope="module")
def steps(folder):
    return json.loads((folder / "steps.json").read_text())


@pytest.fixture(scope="module")
def batch(folder):
    with np.load(folder / "batch.npz") as arrays:
        index = arrays["x"]
        x = np.concatenate([np.eye(4), np.zeros((1, 4))])[index].astype("f4")
        return x, arrays["y"].astype("f4")


@cache
def base(folder, activation):
    spec = json.loads((folder / "steps.json").read_text())["params_model"]
    model = SequenceModel({**spec, "activation": activation})
    load_baskerville(model, folder / "base.h5")
    return model


def by_old_name(model):
    """The variables of a model by the names that Keras 2 gave them."""
    return {
        f"{layer}/{key}": variable
        for layer, entry in keras2_layers(model).items()
        for key, (_, variable) in entry.weights.items()
    }


def plain(name):
    return name.partition("|")[2].removeprefix("model_1/").removesuffix(":0")


def make_model(folder, mode, start):
    model = base(folder, "gelu_erf" if mode in EXACT_GELU else "gelu")
    transfer = {"mode": "adapter", **ADAPTERS[mode]} if mode in ADAPTERS else {"mode": mode}
    model = adapt(model, TransferSpec.parse(transfer))
    variables = by_old_name(model)
    for name, value in start.items():
        variables[plain(name)].assign(value.reshape(variables[plain(name)].shape))
    return model


def part(arrays, kind):
    return {key: arrays[key] for key in arrays.files if key.startswith(f"{kind}|")}


def one_batch(batch):
    return Steps(lambda epoch, number, x, y: batch, batches=1)


def differences(model, wanted):
    """Differences of each tensor, on the scale of its values where they exceed 1."""
    variables = by_old_name(model)
    found = {}
    for name, value in wanted.items():
        own = keras.ops.convert_to_numpy(variables[plain(name)])
        found[name] = np.abs(own.ravel() - value.ravel()) / max(1, np.abs(value).max())
    return found


@pytest.fixture
def start(folder, steps, batch, predict):
    return folder, steps, batch, predict


def train_five(case, start, *, noise=0.0, **changes):
    """Train and return the model, and what differs: losses, weights, largest of predictions.

    Args:
        case: One of the original's.
        start: Folder, steps, batch and how to predict.
        noise: Relative size of what is added to the weights at the start.
        **changes: Keys of the training section that are to differ from the original's.
    """
    folder, steps, batch, predict = start
    known = steps[case]
    with np.load(folder / f"{case}.npz") as arrays:
        model = make_model(folder, known["mode"], part(arrays, "w0"))
        rng = np.random.default_rng(1)
        for variable in model.trainable_variables if noise else ():
            value = keras.ops.convert_to_numpy(variable)
            variable.assign(value * (1 + noise * rng.normal(size=value.shape)).astype("f4"))
        # A penalty on a frozen weight is a constant, which Keras 3 leaves out of the loss.
        wanted = np.array(known["loss_no_reg"]) + float(sum(model.losses))
        spec = {**known["params_train"], **changes}
        history = train(model, one_batch(batch), spec, epochs=5, verbose=0).history
        losses = np.abs(history["loss"].to_numpy() / wanted - 1)
        prediction = predict(model, batch[0]) - arrays["pred_after5_inference"]
        weights = differences(model, part(arrays, "w5"))
    return model, losses, weights, np.abs(prediction).max()


@pytest.mark.parametrize("case", [case for case in CASES if case in ADAPTED or case == "full_sgd"])
def test_five_steps(case, start, steps):
    model, losses, weights, prediction = train_five(case, start)
    trainable = {id(v) for v in model.trainable_variables}
    names = {name for name, v in by_old_name(model).items() if id(v) in trainable}
    assert names == {plain(f"|{name}") for name in steps[case]["trainable"]}
    assert losses.max() < 1e-5
    worst = {name: values.max() for name, values in weights.items()}
    assert max(worst.values()) < (1e-6 if "sgd" in case else 1e-5), max(worst, key=worst.get)
    assert prediction < 2e-5


def beyond(weights, tolerance=5e-3):
    """Share of the single weights that end further away than this."""
    return float(np.mean(np.concatenate(list(weights.values())) > tolerance))


@pytest.mark.parametrize("case", [case for case in CASES if case in FULL and case != "full_sgd"])
def test_five_steps_of_adam_on_all_weights(case, start):
    """Adam divides noise by noise where a gradient is 0 but for rounding, and max-pooling switches.

    So a few single weights do not end where they did, in the original neither: of two of its runs
    whose starts differ by float32's rounding some are 0.02 apart. All but one in a thousand have to
    be within 5e-3. Where a pooling switches in the last step, as it does with clip_norm, that holds
    for a start next to the original's.
    """
    for noise in NOISE.get(case, (0.0,)):
        _, losses, weights, prediction = train_five(case, start, noise=noise)
        assert losses[:3].max() < 1e-5
        assert losses.max() < 2e-4
        if beyond(weights) < 1e-3:
            break
    assert beyond(weights) < 1e-3
    assert prediction < 1e-2


def test_another_adam_would_be_seen(start):
    """The criterion above tells apart what it has to."""
    _, _, weights, _ = train_five("full_adam", start, adam_beta1=0.8)
    assert beyond(weights) > 1e-2


@pytest.mark.parametrize("case", GRADIENTS)
def test_gradients_of_the_first_step(case, folder, steps, batch):
    """Seen as the change by one long step of plain descent."""
    known = steps[case]
    rate = 1e4
    with np.load(folder / f"{case}.npz") as arrays:
        model = make_model(folder, known["mode"], part(arrays, "w0"))
        variables = by_old_name(model)
        gradients = part(arrays, "g1")
        before = {n: keras.ops.convert_to_numpy(variables[plain(n)]).copy() for n in gradients}
        spec = {"loss": "poisson_mn", "total_weight": 0.2, "momentum": 0, "learning_rate": rate}
        train(model, one_batch(batch), spec, epochs=1, verbose=0)
        assert len(gradients) == len(known["trainable"])
        largest = max(np.abs(g).max() for g in gradients.values())
        for name, wanted in gradients.items():
            step = before[name] - keras.ops.convert_to_numpy(variables[plain(name)])
            # Gradients that are zero but for rounding, as of biases before a norm, have no digits.
            tolerance = 1e-4 * np.abs(wanted).max() + 5e-6 * largest
            error = np.abs(step.ravel() / rate - wanted.ravel()).max()
            assert error < tolerance, (name, error, tolerance)


def test_the_one_cycle_schedule_trains(folder, steps, batch):
    """The original crashes at its first step."""
    known = steps["full_adam_cyclical"]
    assert known["status"] == "crash"
    model = make_model(folder, "linear", {})
    history = train(model, one_batch(batch), known["params_train"], epochs=4, verbose=0).history
    np.testing.assert_allclose(history["learning_rate"], [1e-2, 1e-4, 1e-5, 1e-5], rtol=1e-5)
    assert history["loss"].iloc[-1] < history["loss"].iloc[0]
