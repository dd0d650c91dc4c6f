"""Enformer as enformer-pytorch has it: the same trunk and heads from the same files."""

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import whelp

TRACKS = {"human": 7, "mouse": 3}
SMALL = {"dim": 96, "depth": 2, "heads": 4, "num_downsamples": 4, "dim_divisible_by": 8}
# The released width, with fewer and narrower convolutions before its 1,536 bins.
WIDE = {"dim": 1536, "depth": 1, "heads": 8, "num_downsamples": 3, "dim_divisible_by": 128}


@pytest.fixture(scope="module")
def package(torch: Any) -> Any:
    return pytest.importorskip(
        "enformer_pytorch", reason="enformer-pytorch is not installed: make test-parity"
    )


def parameters(json_configs: Path, sizes: dict[str, int], *, bins: int, kept: int) -> dict:
    """The released architecture with the package's sizes."""
    model = json.loads((json_configs / "models/enformer.json").read_text())["model"]
    dna, _, tower, transformers, crop, last = model["trunk"]
    dim, pools = sizes["dim"], sizes["num_downsamples"]
    model["seq_length"] = bins * 2**pools
    dna["filters"] = tower["filters_init"] = dim // 2
    tower |= {"filters_end": dim, "divisible_by": sizes["dim_divisible_by"], "repeat": pools - 1}
    features = {"num_position_features": dim // sizes["heads"]}
    transformers |= {"repeat": sizes["depth"], "heads": sizes["heads"], **features}
    crop["cropping"] = (bins - kept) // 2
    last["filters"] = 2 * dim
    for head, units in TRACKS.items():
        model[f"head_{head}"]["units"] = units
    return {"model": model}


def check(theirs: Any, ours: keras.Model, sequence: np.ndarray, torch: Any) -> None:
    """Trunk and heads within 1e-4, which is little beside the spread of the numbers."""
    outputs = {"trunk": ours.get_layer("trunk.activation").output, **ours.output}
    predicted = keras.Model(ours.input, outputs).predict(sequence, verbose=0)
    with torch.no_grad():
        heads, trunk = theirs(torch.from_numpy(sequence), return_embeddings=True)
    for name, expected in {"trunk": trunk, **{f"head_{h}": heads[h] for h in heads}}.items():
        assert expected.std() > 0.05
        np.testing.assert_allclose(predicted[name], expected.numpy(), rtol=0, atol=1e-4)


@pytest.mark.parametrize("ending", ["bin", "safetensors"])
def test_small_models(package, torch, randomise, dna, json_configs, tmp_path, ending) -> None:
    """As the package makes them for training: the gamma features are its own."""
    from safetensors.torch import save_model

    theirs = package.Enformer.from_hparams(**SMALL, output_heads=TRACKS, target_length=32)
    randomise(theirs, 5)
    path = tmp_path / f"model.{ending}"
    if ending == "bin":
        torch.save(theirs.state_dict(), path)
    else:
        save_model(theirs, str(path))
    params = parameters(json_configs, SMALL, bins=48, kept=32)
    params["model"]["trunk"][3]["position_features"] = "enformer_pytorch"
    check(theirs, whelp.load(params, path, head="all", trunk=False), dna(48 * 16), torch)


@pytest.mark.slow
def test_the_released_width(package, torch, randomise, dna, json_configs, tmp_path) -> None:
    """With the features of the released weights, of which the package keeps a table."""
    options = {**WIDE, "use_tf_gamma": True}
    theirs = package.Enformer.from_hparams(**options, output_heads=TRACKS, target_length=896)
    randomise(theirs, 6)
    torch.save(theirs.state_dict(), tmp_path / "model.bin")
    params = parameters(json_configs, WIDE, bins=1536, kept=896)
    ours = whelp.load(params, tmp_path / "model.bin", head="all", trunk=False)
    check(theirs, ours, dna(1536 * 8)[:1], torch)
