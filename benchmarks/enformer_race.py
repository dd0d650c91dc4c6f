"""Enformer at full size, beside enformer-pytorch: seconds of a pass, memory, differences.

    python benchmarks/enformer_race.py FOLDER --backends jax tensorflow

Needs PyTorch and enformer-pytorch beside whelp. Weights are random, from a fixed seed, and kept in
FOLDER (1 GB). Every side runs in a process of its own, one after the other. The least of its passes
counts, but not the first, which compiles. "read" is the most that reading the file added to a
process in which the backend had run already, in sizes of the weights.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from processes import RSS_UNIT, run
from rich.console import Console
from rich.table import Table

PARAMS = Path(__file__).parents[1] / "json_configs" / "models" / "enformer.json"
LENGTH = 196_608
WEIGHTS = 4 * 251_221_292
HEADS = ("human", "mouse")


def sequence() -> np.ndarray:
    """One window, one-hot, with some N."""
    bases = np.random.default_rng(0).integers(0, 5, (1, LENGTH))
    return np.eye(5, 4, dtype="float32")[bases]


def package_model() -> Any:
    """The released Enformer of enformer-pytorch."""
    os.environ.setdefault("USE_TF", "0")
    from enformer_pytorch import Enformer

    return Enformer.from_hparams(use_tf_gamma=True).eval()


def make(folder: Path) -> None:
    """Write random weights, norms and all."""
    import torch

    torch.manual_seed(0)
    model = package_model()
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            if tensor.ndim == 1:
                tensor.add_(0.1 * torch.randn_like(tensor))
            elif "to_out" in name:
                tensor.copy_(torch.randn_like(tensor) * tensor.shape[1] ** -0.5)
        for name, tensor in model.named_buffers():
            if name.endswith("running_var"):
                tensor.copy_(0.5 + torch.rand_like(tensor))
    torch.save(model.state_dict(), folder / "model.bin")


def measure_torch(folder: Path, repeats: int) -> dict[str, float]:
    """Read and run enformer-pytorch."""
    import torch

    model = package_model()
    model.load_state_dict(torch.load(folder / "model.bin", weights_only=True))
    x = torch.from_numpy(sequence())

    def forward() -> dict[str, np.ndarray]:
        with torch.inference_mode():
            return {head: track.numpy() for head, track in model(x).items()}

    return {"seconds": _timed(forward, repeats, folder / "torch.npz")}


def measure_whelp(folder: Path, repeats: int) -> dict[str, float]:
    """Read and run whelp's."""
    from keras import ops

    import whelp

    # The backend is awake before memory is looked at.
    ops.convert_to_numpy(ops.matmul(ops.ones((64, 64)), ops.ones((64, 64))))
    whelp.load({"model": _tiny()})
    bare = _peak()
    model = whelp.load(PARAMS, folder / "model.bin", head="all", trunk=False)
    read = (_peak() - bare) / WEIGHTS
    x = sequence()

    def forward() -> dict[str, np.ndarray]:
        found = model.predict(x, verbose=0)
        return {head: found[f"head_{head}"] for head in HEADS}

    seconds = _timed(forward, repeats, folder / f"{os.environ['KERAS_BACKEND']}.npz")
    return {"seconds": seconds, "read": read}


def _tiny() -> dict[str, Any]:
    head = {"name": "final", "units": 1}
    trunk = [{"name": "conv_dna", "filters": 2}]
    return {"seq_length": 64, "activation": "relu", "trunk": trunk, "head_human": head}


def _timed(forward: Callable[[], dict[str, np.ndarray]], repeats: int, path: Path) -> float:
    """The least seconds of some passes behind a first one, whose outputs are kept."""
    np.savez(path, **forward())
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        forward()
        seconds.append(time.perf_counter() - start)
    return min(seconds, default=float("nan"))


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT


def differences(folder: Path, backend: str) -> str:
    """Largest difference from the package's tracks, and their spread."""
    with np.load(folder / "torch.npz") as theirs, np.load(folder / f"{backend}.npz") as ours:
        apart = max(float(np.abs(theirs[head] - ours[head]).max()) for head in HEADS)
        spread = min(float(theirs[head].std()) for head in HEADS)
    return f"{apart:.1e} (of a deviation of {spread:.2f})"


def measured(side: str, args: argparse.Namespace) -> dict[str, float]:
    """Measure a side in a process of its own."""
    words = [sys.executable, __file__, args.folder, "--repeats", args.repeats, "--measure", side]
    backend = {} if side in ("make", "torch") else {"KERAS_BACKEND": side}
    done = run([str(word) for word in words], env=backend)
    if side == "make":
        return {}
    return {"peak": done.peak_mb, **json.loads(done.output.splitlines()[-1])}


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--backends", nargs="+", default=["jax", "tensorflow"])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--measure")
    return parser.parse_args()


def main() -> None:
    """Measure all sides, and print a table."""
    args = parse()
    args.folder.mkdir(parents=True, exist_ok=True)
    if args.measure == "make":
        make(args.folder)
    elif args.measure == "torch":
        print(json.dumps(measure_torch(args.folder, args.repeats)))
    elif args.measure:
        print(json.dumps(measure_whelp(args.folder, args.repeats)))
    else:
        if not (args.folder / "model.bin").exists():
            measured("make", args)
        table = Table("side", "seconds a pass", "MB, peak", "read", "largest difference")
        found = measured("torch", args)
        table.add_row("enformer-pytorch", f"{found['seconds']:.1f}", f"{found['peak']:,.0f}")
        for backend in args.backends:
            found = measured(backend, args)
            numbers = (f"{found['seconds']:.1f}", f"{found['peak']:,.0f}", f"{found['read']:.2f}")
            table.add_row(f"whelp on {backend}", *numbers, differences(args.folder, backend))
        Console().print(table)


if __name__ == "__main__":
    main()
