"""Predictions of several references at a time, of some bins, and by models that share layers."""

import numpy as np
import pytest
from incremental_cases import (
    ATTENTION,
    CROP,
    LENGTH,
    ON_TENSORFLOW,
    TOWER,
    UNET,
    bases,
    build,
    close,
    shaken,
)

import whelp
from whelp.models import view
from whelp.scoring.incremental import Asked, IncrementalModel
from whelp.scoring.splicing import Change

BORZOI = [*TOWER, ATTENTION, UNET, UNET, CROP]


@pytest.fixture(scope="module")
def model():
    return build(BORZOI)


def questions(incremental: IncrementalModel, *, seed: int = 0, number: int = 3) -> list[Asked]:
    """For some references: themselves, a base, and what moves the end of the sequence."""
    rng = np.random.default_rng(seed)
    asked = []
    for _ in range(number):
        reference = incremental.reference(bases(rng, LENGTH))
        start = int(rng.integers(0, LENGTH - 40))
        base = Change(start, start + 1, bases(rng, 1))
        moved = Change(start + 30, LENGTH, bases(rng, LENGTH - start - 30))
        asked += [Asked(reference), Asked(reference, base), Asked(reference, moved)]
    return asked


def in_full(model, predict, asked: list[Asked]) -> np.ndarray:
    copies = []
    for one in asked:
        copy = one.reference.sequence.copy()
        if one.change is not None:
            copy[one.change.start : one.change.end] = one.change.bases
        copies.append(copy)
    return np.asarray(predict(model, np.stack(copies)))


def test_several_references_in_one_batch(model, predict):
    asked = questions(IncrementalModel(model, max_share=1))
    expected = in_full(model, predict, asked)
    for size in (1, 4, 16) if ON_TENSORFLOW else (4,):
        incremental = IncrementalModel(model, max_share=1, batch_size=size)
        places = [batch for batch, _ in incremental.batches(asked)]
        assert sorted(sum(places, [])) == list(range(9))
        assert max(map(len, places)) == min(size, 9)
        close(np.stack(incremental.predict(asked)), expected)


@pytest.mark.parametrize("tracks", [None, [2, 0]] if ON_TENSORFLOW else [[2, 0]])
def test_chosen_bins(model, predict, tracks):
    """Some bins of each, among them the outermost; another number for each; none at all."""
    seen = model if tracks is None else view(model, tracks=tracks)
    incremental = IncrementalModel(seen, max_share=1, batch_size=4 if ON_TENSORFLOW else 1)
    asked = questions(incremental, number=2)
    expected = in_full(model, predict, asked)
    expected = expected if tracks is None else expected[..., tracks]
    last = expected.shape[1] - 1
    wanted = [np.array(some) for some in ([0, last], [5], list(range(last)), [3, 4, 9])]
    wanted.append(np.array([], int))
    bins = [wanted[place % len(wanted)] for place in range(len(asked))]
    found = incremental.predict([one._replace(bins=b) for one, b in zip(asked, bins, strict=True)])
    for one, other, some in zip(found, expected, bins, strict=True):
        assert one.shape == (len(some), expected.shape[2])
        if len(some):
            assert np.abs(one - other[some]).max() <= 1e-5 * np.ptp(expected)
    tail = [call.operation.name for call in incremental._remainder._tail]
    assert any("crop" in name.lower() for name in tail) and len(tail) >= 3


def test_all_heads_of_chosen_bins():
    incremental = IncrementalModel(build(BORZOI, head="all"), max_share=1)
    reference = incremental.reference(np.zeros((LENGTH, 4)))
    whole, some = incremental.predict([Asked(reference), Asked(reference, bins=np.array([1, 7]))])
    for head, prediction in some.items():
        close(prediction, whole[head][[1, 7]])


LORA = {"mode": "adapter", "adapter": "lora_full", "adapter_latent": 2}
LOCON = {"mode": "adapter", "adapter": "locon", "conv_select": "all", "conv_latent": 2}


def test_what_models_share(predict):
    """Adapters behind the prefix leave it alone; convolutions with weights of their own do not."""
    base = IncrementalModel(build(BORZOI), max_share=1)
    adapted = whelp.adapt(build(BORZOI), LORA)
    for tensor in adapted.adapter_tensors().values():
        tensor.assign(np.random.default_rng(5).normal(size=tensor.shape))
    lora = IncrementalModel(adapted, max_share=1)
    locon = IncrementalModel(shaken(whelp.adapt(build(BORZOI), LOCON), seed=3), max_share=1)
    assert lora.share(base, references=1)
    assert not locon.share(base, references=1)
    x = bases(np.random.default_rng(2), LENGTH)
    one, same = base.reference(x), lora.reference(x)
    assert all(a is b for a, b in zip(one.activations, same.activations, strict=True))
    asked = [Asked(same), Asked(same, Change(99, 100, bases(np.random.default_rng(4), 1)))]
    close(np.stack(lora.predict(asked)), in_full(adapted, predict, asked))
    # One is kept: after another it is computed again.
    base.reference(bases(np.random.default_rng(3), LENGTH))
    assert base.reference(x).activations[0] is not one.activations[0]


def test_prefixes_are_compared_by_weights_and_wiring():
    prefix = IncrementalModel(build(BORZOI), max_share=1).prefix
    assert prefix.equals(IncrementalModel(build(BORZOI), max_share=1).prefix)
    others = [build(BORZOI), build(BORZOI, length=2 * LENGTH), build([*TOWER, ATTENTION, CROP])]
    kernel = others[0].tensors()["conv_dna.conv/kernel"]
    kernel.assign(np.asarray(kernel) * 1.001)
    for other in others:
        assert not prefix.equals(IncrementalModel(other, max_share=1).prefix)


def test_how_many_go_together():
    """What takes about a gigabyte, four at most, and at least one."""
    small = IncrementalModel(build(BORZOI))
    assert small.batch_size == 4
    # 2^28 values: of sequences of attention over 8,192 positions with 2 heads, one.
    wide = [{"name": "conv_nac", "filters": 4, "kernel_size": 3, "pool_size": 4}, ATTENTION]
    assert IncrementalModel(build(wide, length=1 << 15)).batch_size == 1
    assert IncrementalModel(build(wide, length=1 << 15), batch_size=3).batch_size == 3
