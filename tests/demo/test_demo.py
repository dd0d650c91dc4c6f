"""The demo: its parameters, and one of its methods for real."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from whelp.cli.demo_runs import METHODS, begun, demo_params, with_recipe
from whelp.cli.main import main
from whelp.demo import demo_file
from whelp.specs import load_params


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.folder)
def test_parameters_are_those_of_the_shipped_file(method, json_configs: Path) -> None:
    params = demo_params(method, quick=False)
    loaded = load_params(params)
    assert loaded.train is not None and loaded.train.train_epochs_max == method.epochs
    if method.transfer is None:
        assert loaded.transfer is None
        return
    shipped = json.loads((json_configs / f"mini_borzoi_{method.folder}.json").read_text())
    assert params["model"] == shipped["model"]
    assert params["transfer"].items() <= {"conv_select": 4, **shipped["transfer"]}.items()
    changed = {"patience", "train_epochs_min", "train_epochs_max"} | set(method.train)
    for key in shipped["train"].keys() - changed:
        assert params["train"][key] == shipped["train"][key], key


@pytest.mark.parametrize("folder", ["lora", "locon4"])
def test_recipes_are_those_of_the_shipped_files(folder: str, json_configs: Path) -> None:
    method = with_recipe({method.folder: method for method in METHODS}[folder])
    shipped = load_params(json_configs / f"mini_borzoi_{folder}_recipe.json")
    mine = load_params(demo_params(method, quick=False))
    assert mine.train.model_dump(exclude={"patience"}) == shipped.train.model_dump(
        exclude={"patience"}
    )
    assert mine.transfer == shipped.transfer and mine.model == shipped.model


def test_demo_files_are_there() -> None:
    assert demo_file("mini_borzoi/trunk.h5").stat().st_size > 1e6
    with pytest.raises(FileNotFoundError, match="mini_borzoi"):
        demo_file("mini_borzoy")


@pytest.mark.slow
def test_demo_runs_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    arguments = ["demo", "--out-dir", str(tmp_path), "--quick", "--methods", "linear"]
    first = CliRunner().invoke(main, arguments)
    assert first.exit_code == 0, first.output
    assert "Linear" in first.stdout and "4,128" in first.stdout
    assert begun(METHODS[0], tmp_path) == "finished"
    files = {path.name for path in (tmp_path / "linear").iterdir()}
    assert files >= {"adapter.safetensors", "model_best.h5", "report.html", "run.json", "test"}
    page = (tmp_path / "report.html").read_text()
    assert "<svg" in page and "Linear" in page
    stamp = (tmp_path / "linear" / "log.csv").stat().st_mtime_ns
    second = CliRunner().invoke(main, arguments)
    assert second.exit_code == 0 and "finished before" in second.stdout
    assert (tmp_path / "linear" / "log.csv").stat().st_mtime_ns == stamp


def test_unknown_method_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["demo", "-o", str(tmp_path), "--methods", "linaer"])
    assert result.exit_code == 2 and "linear, lora, locon4" in result.output
