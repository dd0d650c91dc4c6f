"""How targets were squashed: data say it, and what is trained on them says it, too."""

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import pytest

from whelp.adapters import load_adapter
from whelp.data import DataError
from whelp.fitting import transfer
from whelp.fitting.planning import params_for_tracks
from whelp.loading import load

QUICK = {"train_epochs_min": 1, "train_epochs_max": 1}
BRIEF: dict[str, Any] = {"evaluate": False, "report": False}


def squashed(data: Path, folder: Path, transform: str) -> Path:
    """A copy of a data directory that says how its targets were squashed."""
    shutil.copytree(data, folder)
    path = folder / "statistics.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "target_transform": transform}))
    return folder


def test_a_model_carries_the_transform_of_its_data(
    project: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Into its params.json, its adapter file and its .keras file, whatever the base said."""
    data = squashed(project.data, project.folder / "old_data", "old")
    params = project.params(train=QUICK, model={"target_transform": "new"})
    out = project.folder / "out"
    with caplog.at_level(logging.WARNING):
        run = transfer(params, data, out, weights=project.trunk, **BRIEF)
    assert "say that targets are squashed in the new way" in caplog.text
    assert run.model.spec.target_transform == "old"
    assert load(out / "params.json", out / "model_best.h5").spec.target_transform == "old"
    base = load(params, project.trunk, trunk=True)
    assert base.spec.target_transform == "new"
    assert load_adapter(base, out / "adapter.safetensors").spec.target_transform == "old"
    assert type(run.model).from_config(run.model.get_config()).spec.target_transform == "old"
    # What was written says the same, and is left as it is.
    text = (out / "params.json").read_text()
    transfer(out / "params.json", data, out, existing="replace", skip_train=True, **BRIEF)
    assert (out / "params.json").read_text() == text


def test_data_that_do_not_say_leave_the_word_to_the_parameters(project: Any) -> None:
    params = project.params(model={"target_transform": "old"})
    out = project.folder / "out"
    run = transfer(params, project.data, out, skip_train=True, **BRIEF)
    assert run.model.spec.target_transform == "old"
    written = json.loads((out / "params.json").read_text())
    del written["model"]["provenance"]
    assert written == json.loads(params.read_text())


def test_heads_of_two_transforms_are_refused(project: Any) -> None:
    folders = [
        squashed(project.data, project.folder / "one", "old"),
        squashed(project.other, project.folder / "two", "new"),
    ]
    head = {"head_b": {"name": "final", "units": 2, "activation": "softplus"}}
    with pytest.raises(DataError, match="squashed in the old way, those of .*two in the new way"):
        transfer(project.params(model=head), folders, project.folder / "out", **BRIEF)


def test_data_that_say_something_else_are_refused(project: Any) -> None:
    data = squashed(project.data, project.folder / "data", "newest")
    with pytest.raises(DataError, match="target_transform is 'newest', expected 'old' or 'new'"):
        transfer(project.params(), data, project.folder / "out", **BRIEF)


def test_a_new_head_forgets_the_transform_of_the_pretrained_one(project: Any) -> None:
    params = params_for_tracks(project.params(model={"target_transform": "old"}), 4)
    assert params.model.target_transform is None
