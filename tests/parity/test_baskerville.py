"""An installed Baskerville, in the same process: its models and whelp's predict the same."""

import json
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import whelp
from whelp.models import Ensemble, SequenceModel
from whelp.weights import WeightsError

LENGTH = 2048
ADAPTERS = {
    "lora": {},
    "lora_full": {},
    "locon": {"conv_select": 2, "conv_latent": 4},
    "houlsby": {},
    "houlsby_se": {"conv_select": 2, "conv_latent": 4},
}
SPEC = {
    "seq_length": LENGTH,
    "augment_rc": True,
    "augment_shift": 3,
    "activation": "gelu",
    "norm_type": "batch",
    "bn_momentum": 0.9,
    "kernel_initializer": "he_normal",
    "l2_scale": 1e-6,
    "trunk": [
        {"name": "conv_dna", "filters": 12, "kernel_size": 11, "norm_type": None}
        | {"activation": "linear", "pool_size": 2},
        {"name": "res_tower", "filters_init": 16, "filters_mult": 1.2, "repeat": 3}
        | {"divisible_by": 4, "kernel_size": 5, "pool_size": 2, "num_convs": 1},
        {"name": "transformer_tower", "repeat": 2, "key_size": 8, "heads": 2}
        | {"num_position_features": 8, "dropout": 0.2, "mha_l2_scale": 1e-8},
        {"name": "unet_conv", "kernel_size": 3, "upsample_conv": True},
        {"name": "Cropping1D", "cropping": 8},
        {"name": "conv_nac", "filters": 20, "dropout": 0.1},
    ],
    "head_human": {"name": "final", "units": 4, "activation": "softplus"},
    "head_mouse": {"name": "final", "units": 2, "activation": "softplus"},
    "strand_pair": [[1, 0, 2, 3], [0, 1]],
    "verbose": False,
}
ONE_HEAD = {k: v for k, v in SPEC.items() if k != "head_mouse"} | {"strand_pair": [[1, 0, 2, 3]]}


@pytest.fixture(scope="module")
def baskerville() -> Any:
    pytest.importorskip("tf_keras", reason="tf-keras is not installed: make test-parity")
    pytest.importorskip("baskerville", reason="Baskerville is not installed: make test-parity")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Not skipped: an installation that lacks something it needs is to be mended.
        from baskerville import seqnn, transfer
    return {"SeqNN": seqnn.SeqNN, "transfer": transfer}


@pytest.fixture(scope="module")
def build(baskerville: Any) -> Callable[..., Any]:
    """Makes a SeqNN with weights from a seed, statistics of its norms among them."""

    def make(spec: dict[str, Any], seed: int = 0) -> Any:
        seqnn_model = baskerville["SeqNN"](json.loads(json.dumps(spec)))
        scatter(seqnn_model.models, seed)
        return seqnn_model

    return make


def scatter(models: list[Any], seed: int = 0) -> None:
    random = np.random.default_rng(seed)
    for model in models:
        for weight in model.weights:
            value = random.normal(0, 0.2, weight.shape)
            if "variance" in weight.name:
                value = random.uniform(0.5, 1.5, weight.shape)
            weight.assign(value + ("gamma" in weight.name))


@pytest.fixture(scope="module")
def sequence(dna: Callable[[int], np.ndarray]) -> np.ndarray:
    return dna(LENGTH)


def check(ours: Any, theirs: Any, sequence: np.ndarray, atol: float = 1e-5) -> None:
    expected = np.asarray(theirs(sequence))
    assert expected.std() > 0.01
    np.testing.assert_allclose(np.asarray(ours(sequence)), expected, rtol=0, atol=atol)


def test_heads_and_trunk(build, sequence) -> None:
    theirs = build(SPEC)
    model = whelp.from_baskerville(theirs)
    assert isinstance(model, SequenceModel)
    assert model.head == "head_human"
    check(model, theirs, sequence)
    every = whelp.from_baskerville(theirs, head="all")
    assert list(every.spec.heads) == ["head_human", "head_mouse"]
    assert every.spec.strand_pair == SPEC["strand_pair"]
    for name, single in zip(every.spec.heads, theirs.models, strict=True):
        check(lambda x, name=name: every(x)[name], single, sequence)
    check(whelp.from_baskerville(theirs, head="mouse"), theirs.models[1], sequence)
    check(whelp.from_baskerville(theirs, head="trunk"), theirs.model_trunk, sequence)


def test_averages_slices_and_sums_predict_as_they_are(build, sequence) -> None:
    """Also after others were built in the session, so that names count from elsewhere."""
    theirs = build(SPEC, seed=1)
    theirs.build_slice([1, 0, 3], target_sum=False)
    check(whelp.from_baskerville(theirs), theirs, sequence)
    theirs.strand_pair = [[1, 0, 2]]
    theirs.build_ensemble(ensemble_rc=True, ensemble_shifts=[0, 2, -1])
    averaged = whelp.from_baskerville(theirs)
    assert isinstance(averaged, Ensemble)
    assert averaged.strand_pair == [1, 0, 2]
    check(averaged, theirs, sequence)
    plain = whelp.from_baskerville(theirs, head=0)
    assert plain.spec.strand_pair == SPEC["strand_pair"]
    check(plain, theirs.models[0], sequence)

    theirs = build(SPEC, seed=2)
    theirs.model = theirs.models[1]
    theirs.build_slice([1], target_sum=True)
    theirs.step(3)
    theirs.append_activation()
    check(whelp.from_baskerville(theirs), theirs, sequence)
    theirs.build_sad()
    check(whelp.from_baskerville(theirs), theirs, sequence, atol=1e-3)
    theirs.downcast()
    check(whelp.from_baskerville(theirs), theirs, sequence, atol=1)


def test_back_and_forth(build, sequence, tmp_path) -> None:
    """What was adapted here predicts the same there, and in what was built on it before."""
    theirs, other = build(SPEC), build(SPEC, seed=3)
    other.build_ensemble(ensemble_rc=True)
    whelp.to_baskerville(whelp.from_baskerville(theirs, head="all"), other)
    for mine, given in zip(other.models, theirs.models, strict=True):
        check(mine, given, sequence, atol=0)
    model = whelp.from_baskerville(theirs, head=0)
    tuned = whelp.adapt(model, {"mode": "adapter", "adapter": "locon", "conv_select": 3})
    random = np.random.default_rng(4)
    for variable in tuned.trainable_variables:
        variable.assign(variable + random.normal(0, 0.1, variable.shape))
    with pytest.raises(WeightsError, match=r"Fold them with whelp\.merge"):
        whelp.to_baskerville(tuned, theirs)
    merged = whelp.merge(tuned)
    before = np.asarray(theirs.models[1].layers[-2].kernel)
    whelp.to_baskerville(merged, theirs)
    check(tuned, theirs, sequence)
    np.testing.assert_array_equal(theirs.models[1].layers[-2].kernel, before)
    theirs.save(str(tmp_path / "model.h5"))
    again = whelp.load({"model": SPEC}, tmp_path / "model.h5")
    for name, value in merged.tensors().items():
        np.testing.assert_array_equal(np.asarray(again.tensors()[name]), np.asarray(value))


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_adapters_within(baskerville, build, sequence, adapter) -> None:
    """As hound_transfer.py puts them in."""
    theirs, transfer = build(ONE_HEAD), baskerville["transfer"]
    pair, latent = ONE_HEAD["strand_pair"][0], {"houlsby_latent": 8, "se_rank": 4}
    if adapter.startswith("lora"):
        transfer.add_lora(theirs.model, mode="full" if adapter == "lora_full" else "default")
    elif adapter == "locon":
        theirs.model = transfer.add_locon(theirs.model, pair, conv_select=2)
    elif adapter == "houlsby":
        theirs.model = transfer.add_houlsby(theirs.model, pair)
    else:
        theirs.model = transfer.add_houlsby_se(theirs.model, pair, conv_select=2, **latent)
    scatter([theirs.model])
    with pytest.raises(WeightsError, match=r"Give it as transfer=.*merge_lora"):
        whelp.from_baskerville(theirs)
    section = {"mode": "adapter", "adapter": adapter} | ADAPTERS[adapter]
    model = whelp.from_baskerville(theirs, transfer=section)
    assert model.adapter_tensors()
    check(model, theirs, sequence)
    if adapter == "lora":
        with pytest.raises(WeightsError, match="Fold its adapters first"):
            whelp.to_baskerville(whelp.merge(model), theirs)
        transfer.merge_lora(theirs.model)
        check(whelp.from_baskerville(theirs), theirs, sequence)
        check(whelp.merge(model), theirs, sequence)


def test_houlsby_that_the_parameters_name(build, sequence) -> None:
    spec = ONE_HEAD | {"adapter": "houlsby", "adapter_latent": 6}
    theirs, other = build(spec), build(spec, seed=3)
    model = whelp.from_baskerville(theirs)
    check(model, theirs, sequence)
    whelp.to_baskerville(model, other)
    check(other, theirs, sequence, atol=0)
    with pytest.raises(WeightsError, match=r"Build it from the params\.json.*adapter_latent"):
        whelp.to_baskerville(model, build(ONE_HEAD))


def test_what_does_not_fit_changes_nothing(build) -> None:
    theirs = build(ONE_HEAD)
    before = [weight.numpy() for weight in theirs.model.weights]
    model = whelp.from_baskerville(theirs)
    deeper = json.loads(json.dumps(ONE_HEAD))
    deeper["trunk"][2]["repeat"] = 3
    wider = ONE_HEAD | {"head_human": SPEC["head_human"] | {"units": 5}, "strand_pair": []}
    for spec, problem in (
        (deeper, "expected 3 multihead_attention layers.*found 2"),
        (wider, r"head_human\.dense/kernel.*\(20, 5\).*\(20, 4\)"),
    ):
        with pytest.raises(WeightsError, match=f"{problem}.*one params.json"):
            whelp.to_baskerville(whelp.load({"model": spec}), theirs)
    other_norms = whelp.load({"model": ONE_HEAD | {"norm_epsilon": 1e-5}})
    with pytest.raises(WeightsError, match='"norm_epsilon": 1e-05.*something else'):
        whelp.to_baskerville(other_norms, theirs)
    for weight, value in zip(theirs.model.weights, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), value)
    theirs.build_embed(2)
    with pytest.raises(WeightsError, match="one of its inner layers.*head=0"):
        whelp.from_baskerville(theirs)
    again = whelp.from_baskerville(theirs, head=0).tensors()
    for name, value in model.tensors().items():
        np.testing.assert_array_equal(np.asarray(again[name]), np.asarray(value))


def test_pretrained_mini_borzoi(baskerville, unpack: Callable[[str], Path]) -> None:
    """The golden model: the file that Baskerville restores, and what it predicted in 2.15."""
    folder = unpack("models")
    spec = json.loads((folder / "mini_borzoi.params.json").read_text())["model"]
    theirs = baskerville["SeqNN"](spec | {"verbose": False})
    theirs.restore(str(folder / "mini_borzoi.h5"))
    model = whelp.from_baskerville(theirs)
    loaded = whelp.load(folder / "mini_borzoi.params.json", folder / "mini_borzoi.h5")
    for name, value in loaded.tensors().items():
        np.testing.assert_array_equal(np.asarray(model.tensors()[name]), np.asarray(value))


@pytest.mark.usefixtures("baskerville")
def test_the_page_runs(unpack: Callable[[str], Path], tmp_path, monkeypatch) -> None:
    """The Python of tutorials/baskerville.md, on the golden model."""
    monkeypatch.chdir(tmp_path)
    for theirs, ours in (
        ("params.json", "mini_borzoi.params.json"),
        ("model_best.h5", "mini_borzoi.h5"),
    ):
        Path(theirs).symlink_to(unpack("models") / ours)
    page = Path(__file__).parents[2] / "tutorials/baskerville.md"
    blocks = re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.S)
    names: dict[str, Any] = {"sequence": np.eye(4, dtype="float32")[np.zeros((1, 16384), int)]}
    for block in blocks:
        exec(compile(block, page.name, "exec"), names)
    assert Path("tuned.h5").is_file()
    check(names["tuned"], names["seqnn_model"], names["sequence"])
