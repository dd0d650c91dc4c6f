"""Order, epochs and batches, of windows in memory and in files."""

import threading
import warnings

import numpy as np
import pytest

from whelp.data import open_dataset
from whelp.data.prefetch import Prefetcher
from whelp.data.stores import draw_from_buffer, read_ahead

IN_MEMORY, IN_FILES = 1 << 30, 2_000
BUDGETS = pytest.mark.parametrize("budget", [IN_MEMORY, IN_FILES])


@pytest.fixture
def toy(make_directory, toy_windows):
    """Directory of 26 windows in 7 files."""
    return make_directory(toy_windows(26))


def seen(data):
    """Numbers of the windows, batch by batch, of data that are not augmented."""
    return [y[:, 0, 0].astype(int).tolist() for _, y in data]


def flat(batches):
    return [number for batch in batches for number in batch]


def same(one, two):
    pairs = zip(one, two, strict=True)
    return all(np.array_equal(x1, x2) and np.array_equal(y1, y2) for (x1, y1), (x2, y2) in pairs)


@BUDGETS
def test_evaluation_keeps_order_and_the_last_batch(toy, budget):
    data = open_dataset(toy, batch_size=8, memory_budget=budget)
    assert data.in_memory == (budget == IN_MEMORY)
    assert [len(batch) for batch in seen(data)] == [8, 8, 8, 2]
    assert flat(seen(data)) == list(range(26))


@BUDGETS
def test_training_gives_every_window_at_most_once(toy, budget):
    data = open_dataset(toy, batch_size=8, shuffle=True, memory_budget=budget)
    for epoch in range(3):
        data.set_epoch(epoch)
        batches = seen(data)
        assert [len(batch) for batch in batches] == [8, 8, 8]
        assert len(set(flat(batches))) == 24
        assert flat(batches) != sorted(flat(batches))


@BUDGETS
def test_data_of_less_than_a_batch_are_one_smaller_batch(toy, budget):
    data = open_dataset(toy, batch_size=40, shuffle=True, memory_budget=budget)
    assert len(data) == 1
    assert sorted(flat(seen(data))) == list(range(26))


def test_the_last_batch_can_be_kept_or_dropped(toy):
    assert len(open_dataset(toy, batch_size=8, shuffle=True, drop_last=False)) == 4
    assert len(open_dataset(toy, batch_size=8, drop_last=True)) == 3


@BUDGETS
def test_an_epoch_is_a_function_of_its_number_and_the_seed(toy, budget):
    options = {"batch_size": 4, "shuffle": True, "augment_rc": True, "augment_shift": 3}
    data = open_dataset(toy, memory_budget=budget, **options)
    epochs = []
    for epoch in range(3):
        data.set_epoch(epoch)
        epochs.append(list(data))
    assert not same(epochs[0], epochs[1])
    fresh = open_dataset(toy, memory_budget=budget, **options)
    fresh.set_epoch(2)
    assert same(fresh, epochs[2])
    data.set_epoch(0)
    assert same(data, epochs[0])
    assert not same(open_dataset(toy, memory_budget=budget, seed=1, **options), epochs[0])


@BUDGETS
def test_every_window_has_changes_of_its_own(toy, budget):
    plain = open_dataset(toy, batch_size=26, memory_budget=budget)
    data = plain.with_options(augment_rc=True, augment_shift=[-1, 2])
    (x, y), (x0, y0) = data[0], plain[0]
    reversed_ = [not np.array_equal(a, b) for a, b in zip(y, y0, strict=True)]
    assert 4 < sum(reversed_) < 22
    for number, is_reversed in enumerate(reversed_):
        rows, tracks = x0[number], y0[number]
        if is_reversed:
            rows, tracks = rows[::-1, ::-1], tracks[::-1, [1, 0, 2]]
        right = np.concatenate([np.zeros((2, 4)), rows[:-2]])
        left = np.concatenate([rows[1:], np.zeros((1, 4))])
        assert np.array_equal(y[number], tracks)
        assert np.array_equal(x[number], right) or np.array_equal(x[number], left)


def test_files_in_memory_and_streamed_evaluate_the_same(toy):
    options = {"batch_size": 5, "augment_rc": True, "augment_shift": 3, "seed": 9}
    one = open_dataset(toy, memory_budget=IN_MEMORY, **options)
    assert same(one, open_dataset(toy, memory_budget=IN_FILES, **options))


@BUDGETS
def test_batches_can_be_asked_for_in_any_order(toy, budget):
    data = open_dataset(toy, batch_size=8, shuffle=True, memory_budget=budget)
    expected = seen(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in (2, 0, 1, 1, 2, 0, -1, -3):
            assert data[number][1][:, 0, 0].astype(int).tolist() == expected[number]
    with pytest.raises(IndexError, match="there is no batch 3; the epoch has 3"):
        _ = data[3]


def test_stepping_back_in_files_is_warned_of(toy):
    data = open_dataset(toy, batch_size=4, shuffle=True, memory_budget=IN_FILES)
    with pytest.warns(UserWarning, match="Pass shuffle=False to fit"):
        for number in (5, 4, 3, 2):
            _ = data[number]


def test_looking_at_the_first_batches_does_not_begin_anew(toy):
    """As Keras does before an epoch."""
    begun = []

    def produce(epoch):
        begun.append(epoch)
        yield from range(6)

    batches = Prefetcher(produce)
    assert [batches.get(0, number) for number in (0, 1, 0, 1, 2, 3, 4, 5)] == [0, 1, *range(6)]
    assert begun == [0]
    assert batches.get(0, 0) == 0
    assert batches.get(1, 0) == 0
    assert begun == [0, 0, 1]
    with pytest.raises(IndexError, match="the epoch has only 6 batches"):
        batches.get(1, 6)


def test_threads_end_with_their_data(toy):
    before = threading.active_count()
    data = open_dataset(toy, batch_size=2, shuffle=True, memory_budget=IN_FILES)
    _ = data[0]
    assert threading.active_count() > before
    del data
    for _ in range(100):
        if threading.active_count() == before:
            break
        threading.Event().wait(0.05)
    assert threading.active_count() == before


def test_options_are_changed_or_filled_in(toy):
    data = open_dataset(toy, batch_size=4)
    assert data.with_defaults(batch_size=8, shuffle=True).batching.batch_size == 4
    assert data.with_defaults(batch_size=8, shuffle=True).batching.shuffle
    assert data.with_options(batch_size=8).batch_size == 8
    assert data.batch_size == 4
    assert open_dataset(toy).with_defaults(batch_size=8).batch_size == 8
    with pytest.raises(TypeError, match="no option 'batch'"):
        data.with_options(batch=8)


def test_keras_hooks_count_whole_epochs_only(toy):
    data = open_dataset(toy, batch_size=8, shuffle=True)
    data.on_epoch_end()
    assert data.epoch == 0
    data.on_epoch_begin()
    _ = data[0]
    data.on_epoch_end()
    assert data.epoch == 0
    data.on_epoch_begin()
    list(data)
    data.on_epoch_end()
    assert data.epoch == 1
    with pytest.raises(ValueError, match="epochs count from 0, received -1"):
        data.set_epoch(-1)


def test_the_buffer_obeys_the_memory_budget(toy):
    """A window takes 88 bytes; a buffer of one keeps the order of turns."""
    wide = open_dataset(toy, batch_size=13, shuffle=True, memory_budget=IN_FILES)
    tight = open_dataset(toy, batch_size=13, shuffle=True, memory_budget=80)
    other = open_dataset(toy, batch_size=13, shuffle=True, memory_budget=80, shuffle_buffer=1)
    assert same(tight, other)
    assert not same(tight, wide)


def test_sources_take_turns_in_a_fixed_order():
    sources = [iter("abc"), iter("d"), iter("ef"), iter("g")]
    assert "".join(read_ahead(sources, at_once=2)) == "adbecfg"
    sources = [iter("abc"), iter("d"), iter("ef"), iter("")]
    assert "".join(read_ahead(sources, at_once=1)) == "abcdef"


def test_a_buffer_mixes_but_loses_nothing():
    drawn = list(draw_from_buffer(range(1_000), 50, np.random.default_rng(0)))
    assert sorted(drawn) == list(range(1_000))
    assert drawn != sorted(drawn)
    # A buffer of n holds back, but no item comes more than n places early.
    assert all(item - place <= 50 for place, item in enumerate(drawn))
    assert list(draw_from_buffer(range(5), 1, np.random.default_rng(0))) == list(range(5))
