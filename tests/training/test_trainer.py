"""The training loop: what it writes, when it stops, and what it refuses."""

import json

import keras
import numpy as np
import pandas as pd
import pytest
from training_toys import SPEC, Steps, make_data, make_model, same, state

from whelp.data import from_arrays
from whelp.specs import ModelSpec, TrainSpec
from whelp.training.batches import (
    ArrayBatches,
    DeviceBatches,
    training_batches,
    validation_batches,
)
from whelp.training.errors import TrainingError
from whelp.training.selection import Selection, selection_score
from whelp.training.trainer import train


def test_history_files_and_result(tmp_path):
    x, y = make_data()
    model = make_model()
    calls = []
    result = train(
        model,
        (x, y),
        SPEC,
        validation=(x[:6], y[:6]),
        out_dir=tmp_path / "new" / "folder",
        verbose=0,
        save_best=lambda given, folder: calls.append((given is model, folder)),
    )
    history = result.history
    assert list(history["epoch"]) == [1, 2, 3, 4]
    assert list(history.columns) == [
        "epoch",
        "seconds",
        "learning_rate",
        *(f"{part}{name}" for part in ("", "val_") for name in ("loss", "pearsonr", "r2")),
    ]
    assert history["loss"].is_monotonic_decreasing
    score = history["val_pearsonr"] + history["val_r2"] / 4
    assert result.best_epoch == score.argmax() + 1
    assert result.best_score == score.max()
    assert result.stopped_by == "epochs"
    log = pd.read_csv(result.log)
    pd.testing.assert_frame_equal(log, history, check_dtype=False, rtol=1e-6)
    assert {path.name for path in result.log.parent.iterdir()} == {
        "log.csv",
        "checkpoint_best.npz",
        "checkpoint_last.npz",
    }
    assert all(own and folder == result.log.parent for own, folder in calls)
    assert len(calls) == sum(score > score.cummax().shift(fill_value=-np.inf))


def test_without_validation_the_last_epoch_is_the_best(tmp_path):
    result = train(make_model(), make_data(), SPEC, out_dir=tmp_path, verbose=0, epochs=2)
    assert (result.best_epoch, result.best_score) == (2, None)


def test_without_a_folder_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = train(make_model(), make_data(), SPEC, verbose=0, epochs=1)
    assert (result.log, result.best_checkpoint, result.last_checkpoint) == (None, None, None)
    assert not list(tmp_path.iterdir())


def test_selection_rule():
    logs = {"val_pearsonr": 0.5, "val_r2": 0.2, "pearsonr": 0.9, "r2": 0.9}
    assert selection_score(logs) == 0.55
    two = {
        f"val_{h}_{k}": v
        for h, r in (("a", 0), ("b", 0.4))
        for k, v in (("pearsonr", r), ("r2", r))
    }
    assert selection_score(two) == pytest.approx(0.25)
    assert selection_score({"pearsonr": 0.9}) is None


def test_patience_is_the_reference_s():
    """Its loop: before epoch e (from 0) stop if e >= train_epochs_min and unimproved > patience."""
    scores = [0.1, 0.3, 0.2, 0.3, 0.25, 0.4, 0.1, 0.1, 0.1, 0.1]
    for patience in (0, 1, 2, 3):
        for epochs_min in (1, 4, 8):
            best, unimproved, stopped = -np.inf, 0, None
            for epoch, score in enumerate(scores):
                if epoch >= epochs_min and unimproved > patience:
                    stopped = epoch
                    break
                best, unimproved = (score, 0) if score > best else (best, unimproved + 1)
            selection, done = Selection(), None
            for epoch, score in enumerate(scores, start=1):
                selection.update(epoch, score)
                if selection.exhausted(epoch, epochs_min=epochs_min, patience=patience):
                    done = epoch
                    break
            assert done == stopped or (stopped is None and done == len(scores))


def test_nan_scores_do_not_choose():
    selection = Selection()
    assert selection.update(1, np.nan)
    assert not selection.update(2, np.nan)
    assert selection.update(3, -5.0)
    assert not selection.update(4, np.nan)
    assert (selection.best_epoch, selection.unimproved) == (3, 1)


def test_stops_by_patience():
    x, y = make_data()
    inputs = keras.Input((16, 4))
    model = keras.Model(inputs, keras.layers.Dense(3)(inputs))
    spec = SPEC | {"loss": "mse", "learning_rate": 0.0, "patience": 1, "train_epochs_max": 50}
    result = train(model, (x, y), spec, validation=(x, y), verbose=0)
    assert (result.stopped_by, result.best_epoch, len(result.history)) == ("patience", 1, 3)


def test_same_seed_same_numbers():
    runs = []
    for seed in (5, 5, 6):
        model = make_model()
        train(model, make_data(), SPEC | {"seed": seed}, verbose=0, epochs=2)
        runs.append(model.get_weights())
    assert same(runs[0], runs[1])
    assert not same(runs[0], runs[2])


@pytest.mark.parametrize("loss", ["poisson", "poisson_kl", "mse", "mse_udot"])
def test_losses_train(loss):
    result = train(make_model(), make_data(), SPEC | {"loss": loss}, verbose=0, epochs=3)
    assert result.history["loss"].is_monotonic_decreasing


def test_bce_logs_areas_and_selects_by_the_same_rule():
    x, y = make_data()
    y = (y > np.median(y)).astype("f4")
    inputs = keras.Input((16, 4))
    model = keras.Model(inputs, keras.layers.Dense(3, activation="sigmoid")(inputs))
    spec = SPEC | {"loss": "bce", "learning_rate": 0.1}
    result = train(model, (x, y), spec, validation=(x, y), verbose=0)
    last = result.history.iloc[-1]
    assert last["val_auroc"] > 0.7
    assert last["val_auprc"] > 0.5
    score = result.history["val_pearsonr"] + result.history["val_r2"] / 4
    assert result.best_score == score.max()


def test_averaged_weights_are_validated_kept_and_left_in_the_model(tmp_path):
    x, y = make_data()
    model = make_model(dropout=0.0)
    spec = SPEC | {"average_weights": 0.9}
    result = train(
        model, (x, y), spec, validation=(x, y), out_dir=tmp_path, verbose=0, restore_best=True
    )
    score = model.evaluate(x, y, batch_size=4, verbose=0, return_dict=True)
    best = result.history.iloc[result.best_epoch - 1]
    assert score["loss"] == pytest.approx(best["val_loss"], rel=1e-5)
    assert score["pearsonr"] == pytest.approx(best["val_pearsonr"], rel=1e-4)
    plain = make_model(dropout=0.0)
    other = train(plain, (x, y), SPEC, validation=(x, y), verbose=0)
    assert other.history["loss"].tolist() == pytest.approx(result.history["loss"].tolist())
    assert other.history["val_loss"].tolist() != result.history["val_loss"].tolist()


def test_the_best_weights_come_back(tmp_path):
    x, y = make_data()
    spec = SPEC | {"learning_rate": 0.3, "optimizer": "sgd", "momentum": 0.9}
    saved = {}

    def keep(model, folder):
        saved["best"] = state(model)
        (folder / "weights.txt").write_text("best")

    model = make_model()
    result = train(
        model,
        (x, y),
        spec,
        validation=make_data(6, seed=9),
        out_dir=tmp_path,
        verbose=0,
        save_best=keep,
        restore_best=True,
    )
    assert 0 < result.best_epoch < 4
    assert same(state(model), saved["best"])
    assert result.best_checkpoint.exists()


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision(policy):
    model = make_model(dtype=policy)
    result = train(model, make_data(), SPEC, verbose=0)
    scaled = type(model.optimizer).__name__ == "LossScaleOptimizer"
    assert scaled == (policy == "mixed_float16")
    assert result.history["loss"].iloc[-1] < result.history["loss"].iloc[0]
    assert {v.dtype for v in model.trainable_variables} == {"float32"}


def test_accumulation_and_warm_up_count_updates():
    spec = SPEC | {"gradient_accumulation": 2, "warmup_steps": 6, "train_epochs_max": 2}
    result = train(make_model(), make_data(24), spec, verbose=0)
    assert result.history["learning_rate"].tolist() == pytest.approx([0.005, 0.01])


def test_wrong_use_is_refused():
    with pytest.raises(TypeError, match="unknown option 'epoch'.*epochs"):
        train(make_model(), make_data(), SPEC, epoch=3)
    with pytest.raises(TypeError, match="received generator"):
        train(make_model(), (pair for pair in [make_data()]), SPEC)
    with pytest.raises(ValueError, match="same number of examples"):
        train(make_model(), (np.zeros((4, 16, 4)), np.zeros((5, 16, 3))), SPEC)
    with pytest.raises(TrainingError, match=r"\(bins, tracks\) \(16, 3\), the data hold .*5\)"):
        train(make_model(), make_data(tracks=5), SPEC)
    with pytest.raises(TrainingError, match="choose the head"):
        train(make_model(), make_data(), SPEC, validation=make_data(tracks=2))
    other = from_arrays(*make_data(tracks=4))
    with pytest.raises(TrainingError, match=r"the data hold \(16, 4\)"):
        train(make_model(), other, SPEC)
    with pytest.raises(TrainingError, match="num_gpu is 2, but the model was built on 1"):
        train(make_model(), make_data(), SPEC | {"num_gpu": 2})


def test_verbose_lines(capsys):
    train(make_model(), make_data(), SPEC, verbose=2, epochs=2)
    assert capsys.readouterr().out.count("Epoch") == 2
    train(make_model(), make_data(), SPEC, verbose=0, epochs=1)
    assert not capsys.readouterr().out


def test_tensorboard_is_never_required(tmp_path, caplog):
    caplog.set_level("INFO", logger="whelp")
    train(make_model(), make_data(), SPEC, verbose=0, epochs=1, tensorboard_dir=tmp_path / "tb")
    assert (tmp_path / "tb").exists() or "no TensorBoard log" in caplog.text


def test_order_of_arrays_is_a_function_of_seed_and_epoch():
    x, y = make_data(10)
    first, second = (ArrayBatches((x, y), 4, shuffle=True, seed=1) for _ in range(2))
    first.set_epoch(3)
    second.set_epoch(3)
    assert [len(first[i][0]) for i in range(3)] == [4, 4, 2]
    assert all((first[i][1] == second[i][1]).all() for i in range(3))
    second.set_epoch(4)
    assert not all((first[i][1] == second[i][1]).all() for i in range(3))


def test_remainders_for_several_devices():
    x, y = make_data(11)
    data = ArrayBatches((x, y), 4)
    training = DeviceBatches(data, 2, training=True)
    assert [len(training[i][0]) for i in range(len(training))] == [4, 4, 2]
    held_out = DeviceBatches(data, 2, training=False)
    sizes = [len(held_out[i][0]) for i in range(len(held_out))]
    weights = np.concatenate([held_out[i][2] for i in range(3)])
    assert sizes == [4, 4, 4]
    np.testing.assert_allclose(weights.ravel(), [12 / 11] * 11 + [0])
    with pytest.raises(ValueError, match="a batch of 4 does not divide among 3"):
        DeviceBatches(data, 3, training=True)
    tail = DeviceBatches(ArrayBatches((x[:9], y[:9]), 4), 2, training=True)
    assert len(tail) == 2


def test_record_is_json(tmp_path):
    train(make_model(), make_data(), SPEC, out_dir=tmp_path, verbose=0, epochs=1)
    with np.load(tmp_path / "checkpoint_last.npz") as arrays:
        record = json.loads(str(arrays["record"]))
    assert record["epoch"] == 1
    assert record["identity"]["learning_rate"] == 0.01


def test_batches_may_be_a_keras_dataset(tmp_path):
    data = Steps(lambda epoch, number, x, y: (x, y))
    result = train(make_model(), data, SPEC, validation=data, verbose=0, epochs=2)
    assert len(result.history) == 2


def test_open_options_of_a_dataset_come_from_the_specs():
    data = from_arrays(*make_data(), strand_pair=[1, 0, 2])
    spec = TrainSpec.parse(SPEC)

    class Model:
        spec = ModelSpec.parse(
            {
                "seq_length": 16,
                "activation": "relu",
                "augment_rc": True,
                "augment_shift": 3,
                "trunk": [{"name": "conv_dna", "filters": 4, "kernel_size": 3}],
                "head": {"name": "final", "units": 3},
            }
        )
        upper_triangle = False

    batching = training_batches(data, spec, Model()).batching
    assert (batching.batch_size, batching.seed, batching.shuffle) == (4, 5, True)
    assert batching.augment_rc
    assert max(batching.shifts) == 3
    held_out = validation_batches(data, spec).batching
    assert (held_out.batch_size, held_out.shuffle, held_out.augment_rc) == (4, False, False)
    chosen = training_batches(data.with_options(batch_size=2, augment_rc=False), spec, Model())
    assert (chosen.batching.batch_size, chosen.batching.augment_rc) == (2, False)


def test_a_trained_model_is_an_ordinary_keras_model(tmp_path):
    x, y = make_data()
    model = make_model()
    spec = SPEC | {"warmup_steps": 2, "agc_clip": 0.1, "average_weights": 0.9}
    train(model, (x, y), spec, verbose=0, epochs=1)
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    assert type(again.optimizer) is type(model.optimizer)
    wanted = model.evaluate(x, y, batch_size=4, verbose=0, return_dict=True)
    found = again.evaluate(x, y, batch_size=4, verbose=0, return_dict=True)
    assert found == pytest.approx(wanted, rel=1e-5)
    again.fit(x, y, batch_size=4, verbose=0)
