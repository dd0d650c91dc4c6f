"""What a fit is planned to take: work counted by hand, memory, advice where that is too little."""

from dataclasses import replace
from typing import Any

import pytest

from whelp.fitting.estimates import Estimate, estimate_training
from whelp.fitting.machine import Machine, available_memory, measure_machine
from whelp.fitting.planning import FitPlan, PlanError, params_for_tracks
from whelp.inspection import prediction_work, skeleton, training_work
from whelp.specs import SpecError, TransferSpec, load_params

LENGTH, WIDTH, FILTERS, TRACKS = 64, 5, 8, 3
PLAIN = {
    "seq_length": LENGTH,
    "trunk": [
        {"name": "conv_dna", "filters": FILTERS, "kernel_size": WIDTH, "norm_type": None},
    ],
    "activation": "relu",
    "head_a": {"name": "final", "units": TRACKS, "activation": "linear"},
}


def test_products_of_a_convolution_and_a_dense_layer() -> None:
    model = skeleton(load_params({"model": PLAIN}).model)
    forward = 2 * LENGTH * (WIDTH * 4 * FILTERS + FILTERS * TRACKS)
    assert prediction_work(model).products == forward
    assert training_work(model).products == 3 * forward


def test_a_frozen_beginning_is_passed_once() -> None:
    linear = TransferSpec.parse({"mode": "linear"})
    model = skeleton(load_params({"model": PLAIN}).model, transfer=linear)
    convolution, head = 2 * LENGTH * WIDTH * 4 * FILTERS, 2 * LENGTH * FILTERS * TRACKS
    assert training_work(model).products == convolution + 3 * head


def test_work_grows_with_what_is_trained(tiny: Any) -> None:
    spec = load_params({"model": tiny.MODEL}).model
    works = [
        training_work(skeleton(spec, transfer=TransferSpec.parse(section)))
        for section in ({"mode": "linear"}, tiny.LORA, {"mode": "full"})
    ]
    assert works[0].products < works[1].products < works[2].products
    assert works[0].traffic < works[1].traffic <= works[2].traffic


def test_this_machine_has_memory_and_speed() -> None:
    machine = measure_machine()
    assert machine.memory is not None and machine.memory > 2**28
    assert machine.products > 1e9 and machine.traffic > 1e8
    if not machine.is_gpu:
        assert machine.memory <= 1.5 * (available_memory() or 0)


def test_parameters_get_a_head_for_the_tracks(tiny: Any) -> None:
    two = {**tiny.MODEL, "head_b": {**tiny.MODEL["head_a"], "units": 9}, "strand_pair": [[1, 0, 2]]}
    source = {"model": two, "train": tiny.TRAIN}
    params = params_for_tracks(source, 7, head="b")
    assert list(params.model.heads) == ["head_b"] and params.model.head_units(0) == 7
    assert params.transfer is not None and params.transfer.adapter == "lora"
    assert not params.model.strand_pair
    assert source["model"]["head_b"]["units"] == 9
    with pytest.raises(SpecError, match="train"):
        params_for_tracks({"model": tiny.MODEL}, 7)


@pytest.fixture(scope="module")
def estimate(tiny: Any) -> Estimate:
    params = {"model": tiny.MODEL, "train": tiny.TRAIN, "transfer": tiny.LORA}
    return estimate_training(load_params(params))


def test_an_estimate_says_lengths_memory_and_time(tiny: Any, estimate: Estimate) -> None:
    assert (estimate.facts.target_length, estimate.facts.stride) == (tiny.BINS, tiny.BIN_WIDTH)
    assert (estimate.setting.method, estimate.setting.batch_size) == ("lora", 2)
    assert estimate.fits and estimate.alternatives == ()
    assert 0 < estimate.prediction_seconds < estimate.training_seconds < 1


def test_a_plan_adds_up_the_time_of_an_epoch(estimate: Estimate) -> None:
    plan = FitPlan({"train": 10, "valid": 4, "test": 3}, 3, 2, estimate)
    expected = 10 * estimate.training_seconds + 4 * estimate.prediction_seconds
    assert plan.epoch_seconds == pytest.approx(expected)
    plan.check_memory()


def test_too_little_memory_is_refused_with_advice(tiny: Any, estimate: Estimate) -> None:
    small = Machine("CPU, 2 cores", 20_000_000_000, 1e11, 1e10)
    large = replace(estimate.setting, memory=130_000_000_000)
    light = replace(large, method="linear", memory=7_000_000_000)
    short = replace(estimate, machine=small, setting=large, alternatives=(light,))
    told = r"130.0 GB \(lora, batch 2, float32.* has 20.0 GB.*would fit: linear, batch 2.* \(7.0 GB"
    with pytest.raises(PlanError, match=told):
        FitPlan({}, 3, 2, short).check_memory()


def test_what_fits_is_found(tiny: Any) -> None:
    from whelp.fitting.estimates import fitting_settings

    train = {**tiny.TRAIN, "batch_size": 8}
    params = load_params({"model": tiny.MODEL, "train": train, "transfer": {"mode": "full"}})
    roomy = Machine("GPU, test", 2**40, 1e11, 1e10)
    every = fitting_settings(params, "float32", roomy)
    assert [(s.method, s.precision) for s in every[:2]] == [
        ("full", "float32"),
        ("full", "mixed_bfloat16"),
    ]
    tight = replace(roomy, memory=every[0].memory - 1)
    found = fitting_settings(params, "float32", tight)
    assert found[0].method == "full" and found[0].batch_size == 4
    assert {"locon", "lora", "linear"} <= {setting.method for setting in found}
    assert all(setting.memory <= tight.memory for setting in found)
    assert all(
        s.precision == "float32"
        for s in fitting_settings(params, "float32", replace(roomy, device="CPU, 2 cores"))
    )
