"""SIGTERM, as batch systems send it at the time limit: nothing that was trained is lost."""

import signal

import keras
import numpy as np
import pandas as pd
import pytest
from training_toys import SPEC, make_data, make_model, same, state

from whelp.stopping import Terminated, ended_by_sigterm, stop_requests
from whelp.training.run import can_resume
from whelp.training.trainer import train

ROUGH = SPEC | {
    "average_weights": 0.9,
    "warmup_steps": 4,
    "gradient_accumulation": 2,
    "train_epochs_max": 3,
}
"""Settings with more to be kept than weights."""


class Ask(keras.callbacks.Callback):
    """Sends SIGTERM to this process after a batch of an epoch, or in its validation."""

    def __init__(self, epoch, batch=None):
        super().__init__()
        self.at = (epoch, batch)
        self.epoch = None

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == self.at:
            signal.raise_signal(signal.SIGTERM)

    def on_test_batch_end(self, batch, logs=None):
        if (self.epoch, None) == self.at:
            signal.raise_signal(signal.SIGTERM)


def run(folder, ask=None, spec=ROUGH, **options):
    x, y = make_data()
    model = make_model(seed=9 if ask is None else 3)
    callbacks = [ask] if ask is not None else []
    train(
        model,
        (x, y),
        spec,
        validation=(x[:8], y[:8]),
        out_dir=folder,
        verbose=0,
        callbacks=callbacks,
        **options,
    )
    return model


def rows(folder):
    return pd.read_csv(folder / "log.csv").drop(columns="seconds")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return folder, state(run(folder, ask=Ask(99)))


def check_same(folder, model, whole):
    pd.testing.assert_frame_equal(rows(folder), rows(whole[0]), check_exact=True)
    assert same(state(model), whole[1])
    names = {path.name for path in whole[0].iterdir()}
    assert {path.name for path in folder.iterdir()} == names
    for name in ("checkpoint_best.npz", "checkpoint_last.npz"):
        with np.load(folder / name) as there, np.load(whole[0] / name) as here:
            for key in set(here) - {"record"}:
                np.testing.assert_array_equal(there[key], here[key])


def test_in_the_middle_of_an_epoch_twice(tmp_path, whole):
    with pytest.raises(Terminated, match=r"epoch 2 after step 2, .*checkpoint_begun.npz"):
        run(tmp_path, Ask(1, 1))
    assert len(rows(tmp_path)) == 1 and (tmp_path / "checkpoint_begun.npz").exists()
    with pytest.raises(Terminated, match="epoch 2 after step 4, as"):
        run(tmp_path, Ask(1, 1), resume=True)
    check_same(tmp_path, run(tmp_path, resume=True), whole)


def test_before_there_is_a_whole_epoch(tmp_path, whole):
    with pytest.raises(Terminated, match="epoch 1 after step 3"):
        run(tmp_path, Ask(0, 2))
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint_begun.npz"]
    assert can_resume(tmp_path)
    check_same(tmp_path, run(tmp_path, resume=True), whole)


@pytest.mark.parametrize("batch", [5, None], ids=["last batch", "validation"])
def test_an_epoch_is_made_whole_where_little_is_left(batch, tmp_path, whole):
    with pytest.raises(Terminated, match="after epoch 1, .*checkpoint_last.npz"):
        run(tmp_path, Ask(0, batch))
    assert len(rows(tmp_path)) == 1 and not (tmp_path / "checkpoint_begun.npz").exists()
    check_same(tmp_path, run(tmp_path, resume=True), whole)


def test_what_belongs_to_an_epoch_that_is_whole_by_now_is_left_aside(tmp_path, whole):
    """Killed between the checkpoint of an epoch and the removal of that of its middle."""
    with pytest.raises(Terminated):
        run(tmp_path, Ask(1, 1))
    begun = (tmp_path / "checkpoint_begun.npz").read_bytes()
    with pytest.raises(Terminated):
        run(tmp_path, Ask(2, 1), resume=True)
    (tmp_path / "checkpoint_begun.npz").write_bytes(begun)
    check_same(tmp_path, run(tmp_path, resume=True), whole)


def test_a_new_training_forgets_what_was_begun(tmp_path, whole):
    with pytest.raises(Terminated):
        run(tmp_path, Ask(0, 2))
    check_same(tmp_path, run(tmp_path, ask=Ask(99)), whole)


def test_heads_of_their_own(tmp_path):
    rng = np.random.default_rng(2)
    x = rng.random((12, 16, 4), dtype="f4")
    y = {name: rng.random((12, 16, 2), dtype="f4") for name in ("one", "two")}
    weights = {name: np.ones((12, 1), "f4") for name in y}

    def heads(ask, **options):
        keras.utils.set_random_seed(4)
        inputs = keras.Input((16, 4))
        hidden = keras.layers.Dropout(0.2)(keras.layers.Dense(4)(inputs))
        outputs = {name: keras.layers.Dense(2, activation="softplus")(hidden) for name in y}
        model, spec = keras.Model(inputs, outputs), SPEC | {"train_epochs_max": 2}
        options |= {"callbacks": [ask], "verbose": 0}
        return model, train(model, (x, y, weights), spec, **options)

    with pytest.raises(Terminated, match="epoch 2 after step 1"):
        heads(Ask(1, 0), out_dir=tmp_path)
    model, result = heads(Ask(9), out_dir=tmp_path, resume=True)
    other, expected = heads(Ask(9))
    assert same(state(model), state(other))
    columns = [name for name in expected.history if name != "seconds"]
    pd.testing.assert_frame_equal(result.history[columns], expected.history[columns])


def test_without_a_folder_the_default_holds():
    with pytest.raises(Terminated, match="the system asked"), ended_by_sigterm():
        train(make_model(), make_data(), SPEC, verbose=0, callbacks=[Ask(0, 1)])
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_handler_of_the_program_is_left_in_place():
    heard = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
    try:
        with ended_by_sigterm(), stop_requests() as request:
            signal.raise_signal(signal.SIGTERM)
        assert heard == [signal.SIGTERM] and not request.made
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_request_that_nobody_answered_is_made_again():
    with pytest.raises(Terminated), ended_by_sigterm():
        with stop_requests() as request:
            signal.raise_signal(signal.SIGTERM)
            assert request.made
        raise AssertionError("not reached")
