"""`whelp convert` of other libraries' files, and what `whelp inspect` then says of them."""

import hashlib
import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

_spec = importlib.util.spec_from_file_location(
    "small_enformer", Path(__file__).parents[1] / "docs" / "small_enformer.py"
)
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
write_enformer = _module.write_enformer


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A small model of enformer-pytorch, `model.safetensors`, with `params.json` beside it."""
    path = tmp_path / "model.safetensors"
    write_enformer(tmp_path / "params.json", path)
    return path


@pytest.fixture
def params(weights: Path) -> Path:
    """The parameter file that describes it."""
    path = weights.with_name("params.json")
    content = json.loads(path.read_text())
    content["model"]["provenance"] = {"licence": "a licence", "windows": "fold 3 held out"}
    path.write_text(json.dumps(content))
    return path


def facts(output: str) -> dict[str, str]:
    lines = [line.split("  ", 1) for line in output.splitlines() if "  " in line]
    return {name.strip(): value.strip() for name, value in lines}


def test_a_converted_file_says_where_it_comes_from(
    whelp: Callable, params: Path, weights: Path, tmp_path: Path
) -> None:
    import keras

    from whelp.loading import load

    converted, written = tmp_path / "enformer.keras", tmp_path / "enformer.json"
    options = ("--params", params, "--head", "all", "--params-out", written)
    result = whelp("convert", weights, converted, *options)
    assert result.exit_code == 0, result.output
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    expected = {
        "weights' source": "model.safetensors",
        "weights' library": "enformer-pytorch",
        "weights' sha256": digest,
        "weights' licence": "a licence",
        "weights' windows": "fold 3 held out",
        "heads": "head_human (7 tracks), head_mouse (3 tracks)",
    }
    for shown in (converted, written):
        result = whelp("inspect", shown, "--no-layers", "--head", "all")
        assert result.exit_code == 0, result.output
        assert facts(result.output).items() >= expected.items()
    mine = keras.models.load_model(converted).tensors()
    for name, value in load(params, weights, head="all").tensors().items():
        np.testing.assert_array_equal(np.asarray(mine[name]), np.asarray(value), err_msg=name)


def test_a_head_with_other_tracks_is_said_to_be_new(
    whelp: Callable, params: Path, weights: Path, tmp_path: Path
) -> None:
    content = json.loads(params.read_text())
    content["model"]["head_human"]["units"] = 5
    params.write_text(json.dumps(content))
    result = whelp("convert", weights, tmp_path / "a.keras", "--params", params, "--head", "all")
    assert result.exit_code == 0, result.output
    assert "head_human starts from random weights" in result.stderr
    result = whelp("convert", weights, tmp_path / "b.h5", "--params", params, "--trunk")
    assert result.exit_code == 0 and "random" not in result.stderr


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("code.pt", "wants to run posix.system: refused"),
        ("old.pt", "torch.load(path, weights_only=True)"),
        ("state.safetensors", "tensors of a library or model that whelp does not know"),
    ],
)
def test_files_that_are_refused(
    whelp: Callable, golden: Path, params: Path, tmp_path: Path, name: str, message: str
) -> None:
    target = tmp_path / "out.keras"
    result = whelp("convert", golden / "ports" / name, target, "--params", params)
    assert result.exit_code == 1
    assert message in result.stderr
    assert not target.exists()


def test_inspect_names_the_windows_of_each_training(whelp: Callable, params: Path) -> None:
    content = json.loads(params.read_text())
    windows = {"training": "windows.bed", "pretraining": "pretraining.bed"}
    content["model"]["provenance"] = {"windows": windows, "held_out": ["fold3", "fold4"]}
    params.write_text(json.dumps(content))
    params.with_name("windows.bed").write_text("chr1\t0\t9\ttrain\n")
    result = whelp("inspect", params, "--no-layers")
    assert result.exit_code == 0, result.output
    expected = {f"weights' windows, {name}": file for name, file in windows.items()}
    expected["weights' held_out"] = "fold3, fold4"
    assert facts(result.output).items() >= expected.items()


@pytest.mark.parametrize("name", ["numbers.index", "numbers", "."])
def test_checkpoints_by_any_of_their_names(
    whelp: Callable, golden: Path, params: Path, tmp_path: Path, name: str
) -> None:
    """A checkpoint of TensorFlow that is found, and is that of another model."""
    source, target = golden / "enformer" / name, tmp_path / "out.keras"
    result = whelp("convert", source, target, "--params", params)
    assert result.exit_code == 1
    assert "numbers.index holds 156 tensors of a library or model that whelp" in result.stderr


def test_another_model_and_half_a_file(
    whelp: Callable, params: Path, weights: Path, tmp_path: Path
) -> None:
    content = json.loads(params.read_text())
    content["model"]["trunk"][3]["repeat"] = 3
    params.write_text(json.dumps(content))
    result = whelp("convert", weights, tmp_path / "a.keras", "--params", params)
    assert result.exit_code == 1
    assert "transformer_tower.2.attention.query/kernel" in result.stderr
    half = tmp_path / "half.safetensors"
    half.write_bytes(weights.read_bytes()[:100_000])
    result = whelp("convert", half, tmp_path / "a.keras", "--params", params)
    assert result.exit_code == 1 and "Copy or download it again" in result.stderr


def test_names_on_the_hub(
    whelp: Callable, params: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    result = whelp("convert", "hf:lab/port", tmp_path / "a.keras", "--params", params)
    assert result.exit_code == 1 and "pip install whelp[hub]" in result.stderr
    missing: Any = whelp("convert", "lab/port", tmp_path / "a.keras", "--params", params)
    assert missing.exit_code == 2 and "does not exist" in missing.stderr


def test_a_model_of_another_kind_is_not_inspected(whelp: Callable, tmp_path: Path) -> None:
    import keras

    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save(tmp_path / "other.keras")
    result = whelp("inspect", tmp_path / "other.keras")
    assert result.exit_code == 1 and "expected a model of whelp" in result.stderr
