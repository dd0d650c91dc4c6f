"""What is no SeqNN, and what cannot go into one; with a real one see tests/parity."""

from types import SimpleNamespace

import pytest

import whelp
from whelp.weights import WeightsError

SPEC = {
    "seq_length": 64,
    "activation": "relu",
    "trunk": [{"name": "conv_block", "filters": 4, "kernel_size": 3}],
    "head_human": {"name": "final", "units": 2},
}


def test_something_else_is_refused():
    model = whelp.load({"model": SPEC})
    with pytest.raises(WeightsError, match=r"a baskerville\.seqnn\.SeqNN, received a Sequence.*no"):
        whelp.from_baskerville(model)
    with pytest.raises(WeightsError, match=r"a baskerville\.seqnn\.SeqNN, received a str"):
        whelp.to_baskerville(model, "model_best.h5")


def test_keras_3_in_the_place_of_keras_2():
    """Whose layers have other weights: nothing is read from them."""
    model = whelp.load({"model": SPEC})
    built = SimpleNamespace(
        **SPEC, model=model, models=[model], model_trunk=model, ensemble=None, strand_pair=[]
    )
    with pytest.raises(WeightsError, match=r"made of Keras 3.*tf-keras.*TF_USE_LEGACY_KERAS=1"):
        whelp.from_baskerville(built)


def test_averages_have_no_weights_to_give():
    model = whelp.ensemble(whelp.load({"model": SPEC}), rc=True)
    with pytest.raises(WeightsError, match="Expected a SequenceModel, received a Ensemble"):
        whelp.to_baskerville(model, None)
