"""Kills, full disks, NaN, Ctrl-C, foreign checkpoints: nothing lost, nothing half-written."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
import zipfile
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from training_toys import SPEC, Steps, make_data, make_model, same, state

from whelp.training.errors import CheckpointError, NotFiniteError, TrainingInterrupted
from whelp.training.trainer import train

HERE = Path(__file__).parent
FILES = ("checkpoint_best.npz", "checkpoint_last.npz", "log.csv")


def rows(folder):
    return pd.read_csv(folder / "log.csv").drop(columns="seconds")


def start_worker(*arguments):
    environment = os.environ | {
        "KERAS_BACKEND": keras.backend.backend(),
        "PYTHONPATH": os.pathsep.join([str(HERE), *filter(None, sys.path)]),
    }
    command = [sys.executable, str(HERE / "resume_worker.py"), *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def test_killed_in_an_epoch_and_resumed_equals_uninterrupted(tmp_path):
    x, y = make_data()
    model = make_model(seed=3)
    spec = SPEC | {"average_weights": 0.9, "warmup_steps": 4, "patience": 1}
    held_out = (x[:8], y[:8])
    train(model, (x, y), spec, validation=held_out, out_dir=tmp_path / "whole", verbose=0)

    killed, flag = tmp_path / "killed", tmp_path / "flag"
    worker = start_worker(killed, flag)
    deadline = time.monotonic() + 900
    while not flag.exists():
        assert worker.poll() is None, worker.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    worker.send_signal(signal.SIGKILL)
    worker.communicate()
    assert len(rows(killed)) == 2
    (killed / ".checkpoint_last.zzz.part.npz").write_bytes(b"half a file")

    resumed = start_worker(killed)
    assert resumed.wait(timeout=900) == 0, resumed.stderr.read()
    resumed.stderr.close()
    pd.testing.assert_frame_equal(rows(killed), rows(tmp_path / "whole"), check_exact=True)
    with np.load(killed / "end.npz") as end:
        assert same([end[key] for key in end], state(model))
    for name in ("checkpoint_best.npz", "checkpoint_last.npz"):
        with np.load(killed / name) as there, np.load(tmp_path / "whole" / name) as here:
            assert set(there) == set(here)
            for key in set(there) - {"record"}:
                np.testing.assert_array_equal(there[key], here[key])
    assert {path.name for path in killed.iterdir()} == {*FILES, "end.npz"}


def poison(when, where="y"):
    def change(epoch, number, x, y):
        if (epoch, number) == when:
            (x if where == "x" else y)[...] = np.nan
        return x, y

    return change


def test_nan_loss_stops_and_keeps_the_last_good_checkpoint(tmp_path):
    data = Steps(poison((1, 2)))
    with pytest.raises(
        NotFiniteError, match=r"nan in epoch 2 at step 3.*checkpoint_last.npz, after epoch 1"
    ):
        train(make_model(), data, SPEC, out_dir=tmp_path, verbose=0)
    assert len(rows(tmp_path)) == 1
    model = make_model(seed=8)
    data.change = lambda epoch, number, x, y: (x, y)
    result = train(model, data, SPEC, out_dir=tmp_path, resume=True, verbose=0)
    assert len(result.history) == 4
    assert all(np.isfinite(w).all() for w in model.get_weights())


def test_nan_in_the_very_last_step_is_found(tmp_path):
    with pytest.raises(NotFiniteError, match="epoch 1 at step 5.*no epoch was finished"):
        train(make_model(), Steps(poison((0, 4))), SPEC, out_dir=tmp_path, verbose=0)
    assert not list(tmp_path.iterdir())


def test_nan_in_validation_is_found(tmp_path):
    held_out = Steps(poison((0, 1)))
    with pytest.raises(NotFiniteError, match="validation loss became nan after epoch 1"):
        train(make_model(), make_data(), SPEC, validation=held_out, out_dir=tmp_path, verbose=0)
    assert not list(tmp_path.iterdir())


class Spoil(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if epoch == 1:
            self.model.trainable_variables[0].assign(self.model.trainable_variables[0] * np.nan)


def test_weights_that_are_no_numbers_are_not_kept(tmp_path):
    """The last step of an epoch may spoil weights after the last loss was computed."""
    with pytest.raises(
        NotFiniteError, match=r"after epoch 2, the variable .* not finite.*after epoch 1"
    ):
        train(make_model(), make_data(), SPEC, out_dir=tmp_path, verbose=0, callbacks=[Spoil()])
    assert len(rows(tmp_path)) == 1
    with np.load(tmp_path / "checkpoint_last.npz") as kept:
        assert all(np.isfinite(kept[key]).all() for key in kept if key != "record")


@contextmanager
def largest_file(size):
    """Make the system refuse files above a size, as a full disk would."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_leaves_what_was_there(tmp_path):
    x, y = make_data()
    train(make_model(), (x, y), SPEC, validation=(x, y), out_dir=tmp_path, verbose=0, epochs=1)
    before = {name: (tmp_path / name).read_bytes() for name in FILES}
    model = make_model()
    options = {"validation": (x, y), "out_dir": tmp_path, "resume": True, "verbose": 0, "epochs": 2}
    with (
        largest_file(3000),
        pytest.raises(CheckpointError, match=r"could not write .*npz.*MB free.*resume"),
    ):
        train(model, (x, y), SPEC, **options)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    result = train(model, (x, y), SPEC, **options)
    assert len(result.history) == 2


def test_a_really_full_disk(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(disk)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("no right to mount a small disk")
    try:
        with pytest.raises(CheckpointError, match=r"No space left.*\(0 MB free"):
            train(make_model(width=64), make_data(), SPEC, out_dir=disk, verbose=0, epochs=1)
        for left in disk.iterdir():
            assert zipfile.ZipFile(left).testzip() is None
        assert not (disk / "checkpoint_last.npz").exists()
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_hook_that_cannot_write_is_a_clear_error_too(tmp_path):
    def fail(model, folder):
        raise OSError(28, "No space left on device")

    with pytest.raises(CheckpointError, match="No space left on device"):
        train(make_model(), make_data(), SPEC, out_dir=tmp_path, verbose=0, save_best=fail)


class Interrupt(keras.callbacks.Callback):
    def __init__(self, epoch):
        super().__init__()
        self.at = epoch
        self.epoch = None

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == (self.at, 2):
            signal.raise_signal(signal.SIGINT)


def test_ctrl_c_names_the_checkpoint_and_resumes(tmp_path):
    model = make_model()
    with pytest.raises(
        TrainingInterrupted, match=r"epoch 2 after step 3.*checkpoint_last.npz, after epoch 1"
    ):
        train(model, make_data(), SPEC, out_dir=tmp_path, verbose=0, callbacks=[Interrupt(1)])
    assert all(np.isfinite(w).all() for w in model.get_weights())
    train(model, make_data(), SPEC, out_dir=tmp_path, verbose=0, resume=True)
    whole = make_model()
    result = train(whole, make_data(), SPEC, verbose=0)
    assert same(state(model), state(whole))
    assert rows(tmp_path)["loss"].tolist() == pytest.approx(
        result.history["loss"].tolist(), rel=1e-8
    )
    with pytest.raises(TrainingInterrupted, match="no out_dir was given"):
        train(model, make_data(), SPEC, verbose=0, callbacks=[Interrupt(0)])


@pytest.fixture
def finished(tmp_path):
    train(make_model(), make_data(), SPEC, out_dir=tmp_path, verbose=0, epochs=1)
    return tmp_path


def resume(folder, model=None, data=None, **spec):
    model = model or make_model()
    data = data or make_data()
    return train(model, data, SPEC | spec, out_dir=folder, resume=True, verbose=0, epochs=1)


def test_foreign_checkpoints_are_refused(finished):
    before = {path.name: path.read_bytes() for path in finished.iterdir()}
    with pytest.raises(
        CheckpointError, match=r"another training: model variable .*\[3, 4, 12\].*\[3, 4, 8\]"
    ):
        resume(finished, make_model(width=12))
    inputs = keras.Input((16, 4))
    with pytest.raises(CheckpointError, match=r"has \d+ model variables, expected 2"):
        resume(finished, keras.Model(inputs, keras.layers.Dense(3)(inputs)))
    with pytest.raises(CheckpointError, match="learning_rate is 0.5 now and 0.01 there"):
        resume(finished, learning_rate=0.5)
    with pytest.raises(CheckpointError, match="batches per epoch is 3 now and 6 there"):
        resume(finished, data=make_data(12))
    assert {path.name: path.read_bytes() for path in finished.iterdir()} == before


def test_how_long_to_train_may_change(finished):
    result = resume(finished, patience=3, train_epochs_min=1, train_epochs_max=9)
    assert len(result.history) == 1


def edit_record(path, **changes):
    with np.load(path) as arrays:
        record = json.loads(str(arrays["record"])) | changes
        members = {key: arrays[key] for key in arrays if key != "record"}
    np.savez(path, record=np.array(json.dumps(record)), **members)


def test_damaged_newer_and_other_backend_s_checkpoints(finished):
    last = finished / "checkpoint_last.npz"
    whole = last.read_bytes()
    edit_record(last, format=99)
    with pytest.raises(CheckpointError, match="format 99.*Update whelp"):
        resume(finished)
    edit_record(last, format=1, backend="torch")
    with pytest.raises(CheckpointError, match="backend is '.*' now and 'torch' there"):
        resume(finished)
    last.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match="is damaged or no checkpoint"):
        resume(finished)
    with zipfile.ZipFile(last, "w") as archive:
        archive.writestr("other.txt", "x")
    with pytest.raises(CheckpointError, match="is damaged or no checkpoint"):
        resume(finished)


def test_resume_begins_where_there_is_nothing(tmp_path):
    result = resume(tmp_path)
    assert len(result.history) == 1
    with pytest.raises(CheckpointError, match="give the out_dir"):
        train(make_model(), make_data(), SPEC, resume=True)


def test_a_new_training_keeps_the_old_checkpoint_aside(finished):
    old = (finished / "checkpoint_last.npz").read_bytes()
    train(make_model(seed=1), make_data(), SPEC, out_dir=finished, verbose=0, epochs=1)
    assert (finished / "checkpoint_previous.npz").read_bytes() == old
    assert (finished / "checkpoint_last.npz").read_bytes() != old
