"""Gradients: worked out by hand, by differences, and over strands, shifts and replicates."""

import copy
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from whelp.genome import dna
from whelp.interpreting.gradients import (
    Differentiator,
    GradientError,
    GradientSettings,
    gradient_function,
    perturbed,
)
from whelp.interpreting.objectives import Objective
from whelp.models import SequenceModel
from whelp.scoring.gene_statistics import GeneBins
from whelp.specs import TargetsTable

TARGETS = """\
\tidentifier\tclip_soft\tscale\tsum_stat\tstrand_pair
0\tup+\t320\t0.5\tsum_sqrt\t1
1\tup-\t320\t0.5\tsum_sqrt\t0
2\topen\t0.3\t1\tsum\t2
"""
LENGTH = 512
MODEL: dict[str, Any] = {
    "seq_length": LENGTH,
    "activation": "gelu",
    "norm_type": "batch",
    "trunk": [
        {"name": "conv_dna", "filters": 8, "kernel_size": 7, "pool_size": 4},
        {
            "name": "res_tower",
            "filters_init": 8,
            "filters_end": 8,
            "kernel_size": 3,
            "pool_size": 4,
        },
        {"name": "Cropping1D", "cropping": 4},
    ],
    "head_a": {"name": "final", "units": 3, "activation": "softplus"},
}
BINS = LENGTH // 16 - 8


@pytest.fixture
def targets(tmp_path: Path) -> TargetsTable:
    (tmp_path / "targets.txt").write_text(TARGETS)
    return TargetsTable.read(tmp_path / "targets.txt")


def made_model(seed: int) -> SequenceModel:
    keras.utils.set_random_seed(seed)
    return SequenceModel(copy.deepcopy(MODEL))


@pytest.fixture(scope="module")
def model() -> SequenceModel:
    return made_model(3)


@pytest.fixture
def objective(targets: TargetsTable) -> Objective:
    """A gene on the - strand."""
    return Objective.for_tracks(targets, bins=BINS).for_gene(GeneBins(np.arange(3, 9), 1.0), "-")


@pytest.fixture
def known() -> np.ndarray:
    return np.random.default_rng(5).integers(0, 4, LENGTH).astype("uint8")


@pytest.fixture
def bases(known: np.ndarray) -> np.ndarray:
    known[100:110] = dna.UNKNOWN
    return known


def explain(models: Any, objective: Objective, bases: np.ndarray, **settings: Any) -> Any:
    models = models if isinstance(models, list) else [models]
    chosen = GradientSettings(**settings)
    return Differentiator(models, objective, settings=chosen).explain(bases, objective)


def test_linear_model_by_hand(tmp_path: Path) -> None:
    """Each base adds its weight to its bin: the gradient is the weight over the sum."""
    (tmp_path / "targets.txt").write_text("\tidentifier\tsum_stat\n0\ta\tsum\n")
    targets = TargetsTable.read(tmp_path / "targets.txt")
    weights = np.array([0.5, 1.0, 2.0, 4.0], "float32")[:, None]
    x = keras.Input((6, 4))
    dense = keras.layers.Dense(1, use_bias=False)
    model = keras.Model(x, dense(x))
    dense.set_weights([weights])
    objective = Objective.for_tracks(targets, bins=6, middle=4)
    function = gradient_function(model, objective.value)
    sequences = dna.one_hot(np.array([[0, 1, 2, 3, 3, 3], [3, 0, 0, 0, 1, 4]], "uint8"))
    values, gradients = function(sequences, objective.weights())
    # The middle bins hold 1 + 2 + 4 + 4 and 0.5 + 0.5 + 0.5 + 1.
    np.testing.assert_allclose(values, np.log([11 + 1, 2.5 + 1]), rtol=1e-6)
    wanted = np.zeros((2, 6, 4))
    wanted[0, 1:5], wanted[1, 1:5] = weights[:, 0] / 12, weights[:, 0] / 3.5
    np.testing.assert_allclose(gradients, wanted, rtol=1e-6)


def test_differences_of_a_whole_model(
    model: SequenceModel, objective: Objective, known: np.ndarray
) -> None:
    """Along a line through the sequence the number grows as the gradient says."""
    # Among unknown bases all positions are alike, and of equal ones pooling takes any.
    draws = np.random.default_rng(1)
    x = dna.one_hot(known)[None]
    function = gradient_function(model, objective.value)
    _, (gradient,) = function(x, objective.weights())
    for _ in range(3):
        way = draws.normal(size=x.shape).astype("float32")
        # Larger steps change which positions are pooled.
        step = 2e-4
        above, below = (
            float(np.asarray(objective.of(model(x + side * step * way, training=False)))[0])
            for side in (1, -1)
        )
        slope = float((gradient.astype(float) * way[0]).sum())
        assert slope == pytest.approx((above - below) / (2 * step), rel=0.02, abs=0.005)
    made = explain(model, objective, known)
    wanted = gradient - gradient.mean(axis=-1, keepdims=True)
    np.testing.assert_allclose(made.gradient, wanted, atol=1e-7)
    assert made.gradient.dtype == np.float32
    assert made.value == pytest.approx(float(np.asarray(objective.of(model(x)))[0]), rel=1e-5)


def test_both_strands(model: SequenceModel, targets: TargetsTable, known: np.ndarray) -> None:
    """The other strand of the sequence, with the gene on it, is explained the same."""
    whole = Objective.for_tracks(targets, bins=BINS)
    here = whole.for_gene(GeneBins(np.arange(3, 9), 1.0), "-")
    there = whole.for_gene(GeneBins(np.arange(BINS - 9, BINS - 3), 1.0), "+")
    both = Differentiator([model], whole, settings=GradientSettings(rc=True))
    one = both.explain(known, here)
    other = both.explain(dna.reverse_complement(known), there)
    assert one.value == pytest.approx(other.value, rel=1e-6)
    turned = dna.reverse_complement_one_hot(other.gradient)
    np.testing.assert_allclose(turned, one.gradient, atol=1e-6)


def test_shifts_replicates_and_batches(objective: Objective, bases: np.ndarray) -> None:
    models = [made_model(3), made_model(4)]
    together = explain(models, objective, bases, shifts=(0, 3, -2), batch_size=2)
    values, gradients = [], []
    for model in models:
        function = gradient_function(model, objective.value)
        for shift in (0, 3, -2):
            x = dna.one_hot(dna.shift(bases, shift))[None]
            value, (gradient,) = function(x, objective.weights())
            values.append(float(value[0]))
            back = np.roll(gradient, -shift, axis=0)
            back[slice(-shift, None) if shift > 0 else slice(0, -shift)] *= shift == 0
            gradients.append(back - back.mean(axis=-1, keepdims=True))
    assert together.value == pytest.approx(np.mean(values), rel=1e-6)
    np.testing.assert_allclose(together.gradient, np.mean(gradients, axis=0), atol=1e-6)


def test_smoothed(model: SequenceModel, objective: Objective, bases: np.ndarray) -> None:
    settings = GradientSettings("smooth_grad", samples=3, batch_size=2)
    smooth = Differentiator([model], objective, settings=settings)
    made = smooth.explain(bases, objective, number=1)
    again = smooth.explain(bases, objective, number=1)
    np.testing.assert_array_equal(made.gradient, again.gradient)
    assert not np.array_equal(smooth.explain(bases, objective).gradient, made.gradient)
    draws = np.random.RandomState(43)
    copies = np.stack([perturbed(bases, 0.9, draws) for _ in range(3)])
    function = gradient_function(model, objective.value)
    values, gradients = function(dna.one_hot(copies), objective.weights())
    assert made.value == pytest.approx(values.mean(), rel=1e-6)
    wanted = gradients.mean(axis=0)
    np.testing.assert_allclose(
        made.gradient, wanted - wanted.mean(axis=-1, keepdims=True), atol=1e-6
    )


def test_perturbed() -> None:
    bases = np.random.RandomState(0).choice(5, 40_000, p=[0.4, 0.1, 0.1, 0.3, 0.1]).astype("uint8")
    made = perturbed(bases, 0.9, np.random.RandomState(1))
    known = bases != dna.UNKNOWN
    np.testing.assert_array_equal(made[~known], bases[~known])
    share = np.bincount(bases[known]) / known.sum()
    drawn = 0.4 / 3
    assert (made != bases)[known].mean() == pytest.approx(drawn * (1 - (share**2).sum()), rel=0.05)
    np.testing.assert_allclose(np.bincount(made[known]) / known.sum(), share, atol=0.01)
    unknown = np.full(9, dna.UNKNOWN)
    np.testing.assert_array_equal(perturbed(unknown, 0.25, np.random.RandomState(1)), unknown)


def test_settings_out_of_range(model: SequenceModel, objective: Objective) -> None:
    for options, text in (
        ({"method": "ism"}, "'grad_input' or 'smooth_grad'; received 'ism'"),
        ({"shifts": ()}, "at least one shift"),
        ({"sample_prob": 0.2}, "received 0.2"),
        ({"samples": 0}, "samples is 1 or more"),
    ):
        with pytest.raises(GradientError, match=text):
            GradientSettings(**options)
    with pytest.raises(GradientError, match="a shift of 300 bp"):
        Differentiator([model], objective, settings=GradientSettings(shifts=(0, 300)))
    with pytest.raises(GradientError, match="received none"):
        Differentiator([], objective, settings=GradientSettings())
    longer = SequenceModel({**copy.deepcopy(MODEL), "seq_length": 1024})
    with pytest.raises(GradientError, match="received 2 kinds of models"):
        Differentiator([model, longer], objective, settings=GradientSettings())


def test_other_backends_are_refused(objective: Objective) -> None:
    code = (
        "import keras\n"
        "from whelp.interpreting.gradients import gradient_function\n"
        "x = keras.Input((6, 4))\n"
        "gradient_function(keras.Model(x, keras.layers.Dense(1)(x)), lambda x, weights: x)\n"
    )
    environment = {**os.environ, "KERAS_BACKEND": "numpy"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert "the backend here is 'numpy'. Set the environment" in done.stderr
