"""Learning-rate schedules against the values of the original implementation."""

import json
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from whelp.training.schedules import Cyclical1, WarmUp, make_schedule

Decay = keras.optimizers.schedules.ExponentialDecay
SCHEDULES = {
    "WarmUp_6e-5_20000_const": lambda: WarmUp(6e-5, 20000, decay_schedule=6e-5),
    "WarmUp_1e-4_3_const": lambda: WarmUp(1e-4, 3, decay_schedule=1e-4),
    "WarmUp_power2": lambda: WarmUp(1e-4, 10, decay_schedule=1e-4, power=2.0),
    "ExponentialDecay_1e-2_10_0.5_staircase": lambda: Decay(1e-2, 10, 0.5, staircase=True),
    "WarmUp+ExponentialDecay": lambda: WarmUp(
        1e-2, 4, decay_schedule=Decay(1e-2, 10, 0.5, staircase=True)
    ),
    "Cyclical1_float32": lambda: Cyclical1(1e-5, 1e-3, final_learning_rate=1e-6, step_size=100),
    "WarmUp+Cyclical1_float32": lambda: WarmUp(
        1e-5, 10, decay_schedule=Cyclical1(1e-5, 1e-3, final_learning_rate=1e-6, step_size=100)
    ),
}


@pytest.mark.parametrize("kind", ["int", "float", "variable"])
@pytest.mark.parametrize("name", list(SCHEDULES))
def test_rates_equal_the_reference(name, kind, golden):
    """Integer steps too: there the original one-cycle schedule crashes."""
    schedules = json.loads((golden / "train" / "losses_metrics.json").read_text())["schedules"]
    schedule = SCHEDULES[name]()
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(schedule))
    for step, wanted in zip(schedules[name]["steps"], schedules[name]["values"], strict=True):
        given = {
            "int": int,
            "float": float,
            "variable": lambda s: keras.Variable(int(s), dtype="int"),
        }
        rate = float(schedule(given[kind](step)))
        np.testing.assert_allclose(rate, wanted, rtol=1e-6, err_msg=f"step {step}")
        assert float(again(given[kind](step))) == rate


BASE = {
    "learning_rate": 0.01,
    "decay_steps": None,
    "decay_rate": 0.96,
    "warmup_steps": None,
    "initial_learning_rate": None,
    "maximal_learning_rate": None,
    "final_learning_rate": None,
    "train_epochs_cycle1": None,
}
CYCLE = {
    "initial_learning_rate": 1e-4,
    "maximal_learning_rate": 1e-2,
    "final_learning_rate": 1e-5,
    "train_epochs_cycle1": 3,
}


def test_choice_from_a_spec():
    assert make_schedule(SimpleNamespace(**BASE), 7) == 0.01
    warm = make_schedule(SimpleNamespace(**BASE | {"warmup_steps": 4}), 7)
    assert [round(float(warm(s)), 8) for s in (0, 2, 4, 99)] == [0, 0.005, 0.01, 0.01]
    decayed = make_schedule(SimpleNamespace(**BASE | {"decay_steps": 5, "decay_rate": 0.5}), 7)
    assert [round(float(decayed(s)), 8) for s in (0, 4, 5)] == [0.01, 0.01, 0.005]
    cycle = make_schedule(SimpleNamespace(**BASE | CYCLE), 7)
    assert cycle.step_size == 21
    warm_cycle = make_schedule(SimpleNamespace(**BASE | CYCLE | {"warmup_steps": 2}), 7)
    np.testing.assert_allclose(
        [float(warm_cycle(s)) for s in (0, 1, 2, 23, 45)], [0, 5e-5, 1e-4, 1e-2, 1e-5], rtol=1e-5
    )
