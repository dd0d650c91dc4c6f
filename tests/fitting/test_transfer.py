"""From files to an adapted model: what is trained, written, refused and resumed."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from whelp.data import DataError
from whelp.fitting import (
    AssessmentSettings,
    EvaluationFiles,
    OutputFolderError,
    evaluate_files,
    read_run,
    train_from_files,
    transfer,
)
from whelp.loading import load
from whelp.specs import SpecError
from whelp.weights.errors import WeightsError

QUICK = {"train_epochs_min": 1, "train_epochs_max": 1}
BRIEF: dict[str, Any] = {"evaluate": False, "report": False}


def _one_hot(length: int) -> np.ndarray:
    return np.eye(4, dtype="float32")[np.random.default_rng(0).integers(0, 4, (2, length))]


def test_houlsby_se_is_rebuilt_from_its_params_json(project: Any, tiny: Any) -> None:
    method = {
        "mode": "adapter",
        "adapter": "houlsby_se",
        "adapter_latent": 4,
        "conv_select": "all",
        "conv_latent": 2,
    }
    out = project.folder / "out"
    out.mkdir()
    own = project.params(method, train=QUICK).rename(out / "params.json")
    run = transfer(own, project.data, out, weights=project.trunk, **BRIEF)
    written = json.loads(own.read_text())["model"]
    # The first of the 4 convolutions is left out; the reference counts the others.
    keys = {"adapter": "houlsby_se", "adapter_latent": 4, "se_rank": 2, "conv_select": 3}
    assert {key: written[key] for key in keys} == keys
    assert not (out / "model_best.mergeW.h5").exists()
    again = load(own, out / "model_best.h5")
    x = _one_hot(tiny.SEQ_LENGTH)
    expected = run.model.predict(x, verbose=0)
    np.testing.assert_allclose(again.predict(x, verbose=0), expected, atol=1e-6)
    # The rewritten file describes the same run.
    resumed = transfer(own, project.data, out, weights=project.trunk, resume=True, **BRIEF)
    assert len(resumed.training.history) == 1 and resumed.name == "houlsby_se"


def test_two_genomes_give_a_file_a_head(project: Any, tiny: Any) -> None:
    second = {"head_b": {"name": "final", "units": 2, "activation": "softplus"}}
    params = project.params(model=second, train=QUICK)
    out = project.folder / "out"
    run = transfer(params, [project.data, project.other], out, weights=project.whole, report=False)
    assert set(run.accuracy) == {"head_a", "head_b"}
    assert [len(table) for table in run.accuracy.values()] == [3, 2]
    merged = (out / "model1_best.mergeW.h5").read_bytes()
    assert merged == (out / "model1_best.h5").read_bytes()
    single = load(out / "params.json", out / "model1_best.h5", head=1)
    x = _one_hot(tiny.SEQ_LENGTH)
    mine, expected = single.predict(x, verbose=0), run.model.predict(x, verbose=0)["head_b"]
    np.testing.assert_allclose(mine, expected, atol=1e-5 * np.ptp(mine))
    assert load(out / "params.json", out / "model0_best.h5").output_shape[-1] == 3
    assert (out / "model1_check.h5").exists() and (out / "test_head_b" / "acc.txt").exists()


def test_head_first_then_adapters(project: Any) -> None:
    news = []
    params = project.params(train={**QUICK, "adapter_after": 1})
    out = project.folder / "out"
    run = transfer(params, project.data, out, weights=project.trunk, on_epoch=news.append, **BRIEF)
    assert [(item.phase, item.epoch) for item in news] == [("head", 1), ("main", 1)]
    assert (out / "head_first" / "log.csv").exists()
    # The adapters begin on the head that the first phase trained: the loss goes on from there.
    assert news[1].logs["val_loss"] < news[0].logs["val_loss"]
    assert run.facts.adapter_parameters > 0


@pytest.mark.parametrize("total_weight", [0.2, 1])
def test_an_evaluation_s_loss_has_the_json_s_settings(project: Any, total_weight: float) -> None:
    """The reference takes total_weight 1 whatever the JSON says."""
    from whelp.data import open_dataset
    from whelp.loading import save_weights
    from whelp.training.evaluation import evaluate
    from whelp.training.losses import PoissonMultinomial

    params = project.params(train={"total_weight": total_weight})
    model = load(params)
    save_weights(model, project.folder / "model.h5")
    files = EvaluationFiles(params, project.folder / "model.h5", project.data)
    assessed, _ = evaluate_files(files, project.folder / "eval", AssessmentSettings())
    loss = PoissonMultinomial(total_weight, weight_exp=1)
    expected = evaluate(model, open_dataset(project.data, "test"), loss=loss).attrs["loss"]
    assert assessed.accuracy.attrs["loss"] == pytest.approx(expected, rel=1e-6)


def test_the_base_makes_room_for_the_training(project: Any) -> None:
    import gc

    import keras

    from whelp.models import SequenceModel

    def alive() -> int:
        gc.collect()
        return sum(isinstance(thing, SequenceModel) for thing in gc.get_objects())

    class Count(keras.callbacks.Callback):
        def on_train_begin(self, logs: Any = None) -> None:
            counts.append(alive())

    before, counts = alive(), []
    params = project.params(train=QUICK)
    options = {"weights": project.trunk, "callbacks": [Count()], **BRIEF}
    transfer(params, project.data, project.folder / "out", **options)
    assert counts == [before + 1]


def test_whole_weights_give_their_head_where_it_fits(project: Any, tiny: Any) -> None:
    five = {"head_a": {**tiny.MODEL["head_a"], "units": 5}}
    wide = tiny.make_data(
        project.folder / "wide", tracks=tuple("abcde"), pairs=(0, 1, 2, 3, 4), seed=3
    )
    options: dict[str, Any] = {"weights": project.whole, "skip_train": True}
    run = transfer(project.params(model=five), wide, project.folder / "a", **options)
    pretrained = load({"model": tiny.MODEL | five}, project.whole)
    kernel = "head_a.dense/kernel"
    mine, theirs = run.model.tensors()[kernel], pretrained.tensors()[kernel]
    np.testing.assert_array_equal(np.asarray(mine), np.asarray(theirs))
    new = transfer(project.params(model=five), wide, project.folder / "b", trunk=True, **options)
    assert np.any(np.asarray(new.model.tensors()[kernel]) != np.asarray(theirs))


def test_whole_weights_with_another_head_can_be_refused(project: Any) -> None:
    with pytest.raises(WeightsError, match=r"head_a\.dense"):
        transfer(
            project.params(),
            project.data,
            project.folder / "out",
            weights=project.whole,
            trunk=False,
        )
    assert not (project.folder / "out").exists()


def test_training_from_scratch_reads_no_transfer_section(project: Any) -> None:
    out = project.folder / "out"
    run = train_from_files(project.params(train=QUICK), project.data, out, skip_train=True)
    assert run.facts.adapter_parameters == 0
    assert run.facts.trained_parameters > 0.9 * run.facts.total_parameters
    with pytest.raises(SpecError, match="transfer"):
        values = json.loads(project.params().read_text())
        del values["transfer"]
        transfer(values, project.data, out)


def test_earlier_runs_are_refused_resumed_or_replaced(project: Any) -> None:
    out = project.folder / "out"
    arguments = (project.params(train=QUICK), project.data, out)
    transfer(*arguments, weights=project.trunk, **BRIEF)
    record = read_run(out)
    assert record["status"] == "finished"
    with pytest.raises(OutputFolderError, match="--resume"):
        transfer(*arguments, weights=project.trunk)
    resumed = transfer(*arguments, weights=project.trunk, resume=True, **BRIEF)
    assert len(resumed.training.history) == 1
    other = project.params(train={**QUICK, "learning_rate": 1e-4}, name="other.json")
    with pytest.raises(OutputFolderError, match="differs in train"):
        transfer(other, project.data, out, weights=project.trunk, resume=True)
    (out / "notes.txt").write_text("mine")
    transfer(other, project.data, out, weights=project.trunk, existing="replace", **BRIEF)
    assert read_run(out)["identity"]["train"]["learning_rate"] == 1e-4
    assert (out / "notes.txt").read_text() == "mine"


def test_options_are_checked(project: Any) -> None:
    arguments = (project.params(), project.data, project.folder / "out")
    with pytest.raises(TypeError, match="unknown option 'wieghts'"):
        transfer(*arguments, wieghts=project.trunk)
    with pytest.raises(ValueError, match="mixed_bfloat16"):
        transfer(*arguments, precision="bfloat16")
    with pytest.raises(FileNotFoundError):
        transfer(*arguments, weights=Path("nowhere.h5"))
    with pytest.raises(DataError, match="no data directory"):
        transfer(project.params(), [], project.folder / "out")
