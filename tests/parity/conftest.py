"""The original packages as the truth: tests here want them installed, see `make test-parity`."""

import contextlib
import importlib.util
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

# Before Keras: TensorFlow and PyTorch share a process in this order alone, and of the packages
# `transformers` would import TensorFlow.
os.environ.setdefault("USE_TF", "0")
# Baskerville is written for Keras 2.
if importlib.util.find_spec("tf_keras"):
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
with contextlib.suppress(ImportError):
    import borzoi_pytorch  # noqa: F401
    import enformer_pytorch  # noqa: F401


@pytest.fixture(scope="session")
def torch() -> Any:
    """PyTorch with a fixed seed."""
    module = pytest.importorskip("torch", reason="PyTorch is not installed: make test-parity")
    module.manual_seed(0)
    return module


@pytest.fixture(scope="session")
def randomise(torch: Any) -> Callable[[Any, int], None]:
    """Gives a PyTorch model weights from a seed, statistics and scales of its norms among them."""

    def fill(model: Any, seed: int) -> None:
        random = torch.Generator().manual_seed(seed)

        def normal(tensor: Any, scale: float, centre: float = 0.0) -> None:
            tensor.copy_(centre + scale * torch.randn(tensor.shape, generator=random))

        with torch.no_grad():
            for name, tensor in model.state_dict().items():
                if not tensor.is_floating_point():
                    continue
                if name.endswith("running_var"):
                    tensor.copy_(0.5 + torch.rand(tensor.shape, generator=random))
                elif tensor.ndim == 1:
                    normal(tensor, 0.1, 1.0 if _scales(model, name) else 0.0)
                else:
                    normal(tensor, tensor[0].numel() ** -0.5)
        model.eval()

    return fill


def _scales(model: Any, name: str) -> bool:
    """Whether a vector is the scale of a norm."""
    owner, _, kind = name.rpartition(".")
    return kind == "weight" and "Norm" in type(model.get_submodule(owner)).__name__


@pytest.fixture(scope="session")
def dna() -> Callable[[int], np.ndarray]:
    """One-hot DNA, `(2, length, 4)`, with some N."""

    def make(length: int) -> np.ndarray:
        bases = np.random.default_rng(length).integers(0, 5, (2, length))
        return np.eye(5, 4, dtype="float32")[bases]

    return make
