"""A small Enformer as enformer-pytorch saves it, and the parameter file that describes it."""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

ROOT = Path(__file__).parents[2]


def write_enformer(params: Path, weights: Path) -> None:
    """Writes both files: the released architecture with 96 channels, 16 bins and two transformers.

    Weights are random, in float16, and each stands under one of the package's two names for it.
    """
    content = json.loads((ROOT / "json_configs/models/enformer.json").read_text())
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
    params.write_text(json.dumps(content))
    shapes = json.loads((ROOT / "tests/golden/enformer/state_dict.json").read_text())
    random = np.random.default_rng(0)
    tensors = {
        name: random.uniform(0.01, 0.1, shape).astype("float16")
        for name, shape in shapes.items()
        if not name.startswith("_trunk.")
    }
    save_file(tensors, weights)
