"""Data sets in `model.fit`, on the backend that KERAS_BACKEND names."""

import keras
import numpy as np
import pytest

from whelp.data import SetEpoch, from_arrays, interleave, open_dataset

BUDGETS = pytest.mark.parametrize("budget", [1 << 30, 2_000])


@pytest.fixture
def toy(make_directory, toy_windows):
    return make_directory(toy_windows(22))


def tiny_model():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((64, 4))
    outputs = keras.layers.Conv1D(3, 16, strides=16, activation="softplus", name="head")(inputs)
    model = keras.Model(inputs, outputs)
    model.compile("sgd", "mse")
    return model


def weights_after(model, data, epochs, first=0):
    callbacks = [SetEpoch(data)]
    model.fit(
        data,
        epochs=epochs,
        initial_epoch=first,
        callbacks=callbacks,
        shuffle=False,
        verbose=0,
    )
    return [np.array(weight) for weight in model.get_weights()]


def training_data(folder, budget):
    options = {"batch_size": 4, "shuffle": True, "augment_rc": True, "augment_shift": 2}
    return open_dataset(folder, memory_budget=budget, **options)


@BUDGETS
def test_training_is_repeated_exactly(toy, budget):
    one = weights_after(tiny_model(), training_data(toy, budget), 3)
    two = weights_after(tiny_model(), training_data(toy, budget), 3)
    for a, b in zip(one, two, strict=True):
        assert np.array_equal(a, b)


@BUDGETS
def test_resuming_between_epochs_meets_the_same_batches(toy, budget):
    whole = weights_after(tiny_model(), training_data(toy, budget), 4)
    first = tiny_model()
    weights_after(first, training_data(toy, budget), 2)
    resumed = tiny_model()
    resumed.set_weights(first.get_weights())
    for a, b in zip(whole, weights_after(resumed, training_data(toy, budget), 4, 2), strict=True):
        assert np.array_equal(a, b)


@BUDGETS
def test_fit_meets_the_batches_of_each_epoch(toy, budget):
    """Validation and looking ahead do not disturb the order."""
    data = training_data(toy, budget)
    expected = []
    for epoch in range(3):
        data.set_epoch(epoch)
        expected.append([float(x.sum() + y.sum()) for x, y in data])
    model = tiny_model()
    met = []
    data = training_data(toy, budget)
    give = data.batch

    def recorded(number):
        x, y = give(number)
        met.append((data.epoch, number, float(x.sum() + y.sum())))
        return x, y

    data.batch = recorded
    validation = open_dataset(toy, batch_size=8, memory_budget=budget)
    callbacks = [SetEpoch(data)]
    model.fit(
        data,
        validation_data=validation,
        epochs=3,
        callbacks=callbacks,
        shuffle=False,
        verbose=0,
    )
    assert {(epoch, number) for epoch, number, _ in met} == {
        (epoch, number) for epoch in range(3) for number in range(len(data))
    }
    assert all(total == expected[epoch][number] for epoch, number, total in met)


@BUDGETS
def test_epochs_move_on_without_a_callback(toy, budget):
    data = training_data(toy, budget)
    tiny_model().fit(data, epochs=3, shuffle=False, verbose=0)
    assert data.epoch == 3


def test_windows_in_memory_may_be_shuffled_by_keras_too(toy):
    tiny_model().fit(training_data(toy, 1 << 30), epochs=2, verbose=0)


@BUDGETS
def test_predictions_come_in_file_order(toy, budget):
    data = open_dataset(toy, batch_size=8, memory_budget=budget)
    model = tiny_model()
    x, _ = from_arrays(*data.arrays(), batch_size=22)[0]
    np.testing.assert_allclose(
        model.predict(data, verbose=0), model.predict(x, verbose=0), atol=1e-5
    )


def test_two_genomes_train_one_model(toy, make_directory, toy_windows):
    mouse = make_directory(toy_windows(10, tracks=2, seed=1), name="mouse")
    options = {"batch_size": 4, "shuffle": True}
    data = interleave(
        {"human": open_dataset(toy, **options), "mouse": open_dataset(mouse, **options)}
    )
    keras.utils.set_random_seed(0)
    inputs = keras.Input((64, 4))
    trunk = keras.layers.Conv1D(5, 16, strides=16, activation="relu")(inputs)
    heads = {
        name: keras.layers.Dense(units, activation="softplus", name=name)(trunk)
        for name, units in (("human", 3), ("mouse", 2))
    }
    model = keras.Model(inputs, heads)
    model.compile("sgd", {name: "mse" for name in heads})
    callbacks = [SetEpoch(data)]
    history = model.fit(data, epochs=3, callbacks=callbacks, shuffle=False, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    assert history.history["loss"][-1] < history.history["loss"][0]
    assert data.epoch == 3
