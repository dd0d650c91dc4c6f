"""Makes `pytorch.npz` and `state_dict.json` with the package enformer-pytorch (see README.md)."""

import json
from pathlib import Path

import numpy as np
import torch
from enformer_pytorch import Enformer
from make import values

HERE = Path(__file__).parent


def main():
    model = Enformer.from_hparams(
        dim=96,
        depth=2,
        heads=4,
        output_heads={"human": 7, "mouse": 3},
        target_length=8,
        dim_divisible_by=8,
    )
    state = {name: tensor for name, tensor in model.state_dict().items() if tensor.ndim}
    for name, tensor in state.items():
        if not name.startswith("_trunk."):
            is_scale = tensor.ndim == 1 and name.endswith(("weight", "running_var"))
            own = values(f"{name}/scale" if is_scale else name, tuple(tensor.shape))
            tensor.copy_(torch.from_numpy(own))
    model.eval()
    bases = np.random.default_rng(1).integers(0, 5, (2, 128 * 16)).astype("uint8")
    sequence = torch.from_numpy(np.eye(5, 4, dtype="float32")[bases])
    with torch.no_grad():
        outputs, trunk = model(sequence, return_embeddings=True)
    np.savez_compressed(HERE / "pytorch.npz", bases=bases, trunk=trunk, **outputs)
    shapes = {name: list(tensor.shape) for name, tensor in model.state_dict().items()}
    lines = ",\n".join(f"{json.dumps(name)}: {shape}" for name, shape in shapes.items())
    (HERE / "state_dict.json").write_text(f"{{\n{lines}\n}}\n")


if __name__ == "__main__":
    main()
