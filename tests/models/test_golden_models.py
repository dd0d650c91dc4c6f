"""Whole models against the reference: heads, trunks, ensembles, views, and real predictions."""

import numpy as np
import pytest

from whelp.loading import load
from whelp.models import ensemble, view

NAMES = [
    "mini_borzoi",
    "mini_borzoi_batchsync",
    "mini_borzoi_noaug",
    "mini_borzoi_lite",
    "mini_borzoi_two_heads",
    "mini_enformer",
]
STRAND_PAIR = [1, 0, 3, 2, 4, 5]
TOLERANCE = 2e-5  # The set's README; measured here at most 4e-6.


def one_hot(index: np.ndarray) -> np.ndarray:
    return np.eye(5, dtype="float32")[index][..., :4]


def close(found, expected: np.ndarray, tolerance: float = TOLERANCE) -> bool:
    return np.abs(np.array(found) - expected).max() <= tolerance * max(1, np.abs(expected).max())


@pytest.fixture
def models(unpack):
    return unpack("models")


@pytest.mark.parametrize("name", NAMES)
def test_predictions(models, predict, name):
    arrays = np.load(models / f"{name}.npz")
    x = one_hot(arrays["x"])
    params = models / f"{name}.params.json"
    model = load(params, models / f"{name}.h5")
    assert close(predict(model, x), arrays["head0"])
    pairs = None if name == "mini_borzoi_noaug" else STRAND_PAIR
    made = {
        "head0_ens_rc_0_1_m1": ensemble(model, rc=True, shifts=[0, 1, -1], strand_pair=pairs),
        "head0_ens_rc": ensemble(model, rc=True, strand_pair=pairs),
        "head0_ens_0_1_m1": ensemble(model, shifts=[0, 1, -1]),
        "head0_slice_0_3": view(model, tracks=[0, 3]),
        "head0_slice_0_3_sum": view(model, tracks=[0, 3], sum_tracks=True),
        "head0_sad": view(model, sum_length=True),
        "head0_step4": view(model, step=4),
    }
    for key, other in made.items():
        assert close(predict(other, x), arrays[key]), key
    trunk = load(params, models / f"{name}.h5", head="trunk", trunk=True)
    assert close(predict(trunk, x), arrays["trunk"])
    if (models / f"{name}.trunk.h5").exists():
        alone = load(params, models / f"{name}.trunk.h5", head="trunk")
        assert close(predict(alone, x), arrays["trunk"])


def test_second_head(models):
    """By index and by name, and both heads of one model at once."""
    arrays = np.load(models / "mini_borzoi_two_heads.npz")
    x = one_hot(arrays["x"])
    params = models / "mini_borzoi_two_heads.params.json"
    path = models / "mini_borzoi_two_heads.head1.h5"
    for head in (1, "head_mouse", "mouse"):
        assert close(load(params, path, head=head)(x), arrays["head1"])
    both = load(params, head="all")
    assert set(both(x)) == {"head_human", "head_mouse"}


def test_softmax_pools_count_in_the_stride(models):
    """The reference says stride 1 and crop 8144 for this model."""
    model = load(models / "mini_enformer.params.json")
    assert (model.stride, model.target_length, model.crop) == (128, 96, 16)


def test_strand_pairs_must_fit_the_head(models):
    model = load(models / "mini_borzoi_two_heads.params.json", head=1)
    with pytest.raises(ValueError, match="4 tracks.*6 entries"):
        ensemble(model, rc=True, strand_pair=STRAND_PAIR)
    swapped = ensemble(model, rc=True, strand_pair=[1, 0, 2, 3])
    x = one_hot(np.random.default_rng(1).integers(0, 5, (1, 16384)))
    reverse = np.array(model(x[:, ::-1, ::-1]))[:, ::-1][..., [1, 0, 2, 3]]
    expected = (np.array(model(x)) + reverse) / 2
    assert close(swapped(x), expected, 1e-6)


def test_pretrained_model_on_real_windows(models, predict):
    """Real predictions for chr1:100000-231072 and chr1:740000-871072 of hg38."""
    from whelp.demo import demo_file

    arrays = np.load(models / "eval_model_preds.npz")
    model = load(demo_file("mini_borzoi/params.json"), demo_file("mini_borzoi/model.h5"))
    x = one_hot(arrays["seq_index"][:1])
    expected = arrays["head_human"][:1]
    assert (np.abs(predict(model, x) - expected) <= 1e-4 + 1e-4 * np.abs(expected)).all()
    trunk = load(
        demo_file("mini_borzoi/params.json"), demo_file("mini_borzoi/trunk.h5"), head="trunk"
    )
    first = predict(trunk, x)[:, :256]
    expected = arrays["trunk_win0_first256bins"]
    assert (np.abs(first - expected) <= 1e-4 + 1e-4 * np.abs(expected)).all()
