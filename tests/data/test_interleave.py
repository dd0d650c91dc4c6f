import numpy as np
import pytest

from whelp.data import DataError, InterleavedDataset, interleave, open_dataset


@pytest.fixture
def genomes(make_directory, toy_windows):
    human = make_directory(toy_windows(9, tracks=3), name="human")
    mouse = make_directory(toy_windows(14, tracks=2, seed=1), name="mouse")
    options = {"batch_size": 4, "shuffle": True}
    return {
        "head_human": open_dataset(human, **options),
        "head_mouse": open_dataset(mouse, **options),
    }


def test_a_batch_belongs_to_one_genome(genomes):
    data = interleave(genomes)
    assert len(data) == 2 + 3
    assert data.num_seqs == 23
    for number, (x, y, weight) in enumerate(data):
        active = data.head_of(number)
        assert x.shape == (4, 64, 4)
        assert y["head_human"].shape == (4, 4, 3)
        assert y["head_mouse"].shape == (4, 4, 2)
        for head in genomes:
            assert weight[head].shape == (4, 1)
            assert (weight[head] == (head == active)).all()
            assert y[head].any() == (head == active)


def test_every_genome_gives_its_own_epoch(genomes):
    data = interleave(genomes)
    data.set_epoch(3)
    given = {head: [] for head in genomes}
    for number, (x, y, _) in enumerate(data):
        head = data.head_of(number)
        given[head].append((x, y[head]))
    for head, alone in genomes.items():
        alone.set_epoch(3)
        for (x, y), (x0, y0) in zip(given[head], alone, strict=True):
            assert np.array_equal(x, x0)
            assert np.array_equal(y, y0)


def test_turns_are_a_function_of_the_epoch(genomes):
    data = interleave(genomes)
    turns = {}
    for epoch in [*range(8), 0]:
        data.set_epoch(epoch)
        order = tuple(data.head_of(number) for number in range(len(data)))
        assert turns.setdefault(epoch, order) == order
    assert len(set(turns.values())) > 2


def test_evaluation_takes_one_genome_after_the_other(genomes):
    data = interleave(genomes).with_options(shuffle=False)
    assert isinstance(data, InterleavedDataset)
    assert len(data) == 3 + 4
    heads = [data.head_of(number) for number in range(len(data))]
    assert heads == ["head_human"] * 3 + ["head_mouse"] * 4
    x, y, weight = data[2]
    assert len(x) == len(y["head_mouse"]) == len(weight["head_mouse"]) == 1


def test_defaults_reach_all_genomes(genomes):
    data = interleave(genomes).with_defaults(batch_size=2, augment_rc=True)
    assert data.batch_size == 4
    assert all(part.batching.augment_rc for part in data.datasets.values())


def test_sequences_of_different_lengths_are_refused(genomes, make_directory, toy_windows):
    longer = open_dataset(make_directory(toy_windows(4, length=128), name="longer"))
    with pytest.raises(DataError, match=r"human \(train\): 64 bp.*longer \(train\): 128 bp"):
        interleave({**genomes, "head_other": longer})
    with pytest.raises(DataError, match="there is no data set"):
        interleave({})
