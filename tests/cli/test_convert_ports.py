"""`whelp convert` of other libraries' files, and what `whelp inspect` then says of them."""

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file


@pytest.fixture
def params(json_configs: Path, tmp_path: Path) -> Path:
    """Enformer's parameter file, for the small model of the goldens."""
    content = json.loads((json_configs / "models/enformer.json").read_text())
    model = content["model"]
    dna, _, tower, transformers, crop, last = model["trunk"]
    model["seq_length"] = 2048
    dna["filters"] = 48
    tower |= {"filters_init": 48, "filters_end": 96, "divisible_by": 8}
    transformers |= {"repeat": 2, "heads": 4, "num_position_features": 24}
    transformers["position_features"] = "enformer_pytorch"
    crop["cropping"] = 4
    last["filters"] = 192
    model["head_human"]["units"], model["head_mouse"]["units"] = 7, 3
    model["provenance"] = {"licence": "a licence", "windows": "fold 3 held out"}
    path = tmp_path / "params.json"
    path.write_text(json.dumps(content))
    return path


@pytest.fixture
def weights(golden: Path, tmp_path: Path) -> Path:
    """A state dict of enformer-pytorch in float16, each tensor under one of its names."""
    shapes = json.loads((golden / "enformer/state_dict.json").read_text())
    random = np.random.default_rng(0)
    tensors = {
        name: random.uniform(0.01, 0.1, shape).astype("float16")
        for name, shape in shapes.items()
        if not name.startswith("_trunk.")
    }
    save_file(tensors, tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


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
