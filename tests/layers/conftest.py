"""Golden arrays of single layers, and how to compare with them."""

from collections.abc import Callable
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest


@pytest.fixture
def read_direct(golden: Path) -> Callable[[str], tuple[list, np.ndarray, list]]:
    """Reader of a golden layer: name -> (inputs, expected output, weights in Keras order)."""

    def read(name: str) -> tuple[list, np.ndarray, list]:
        folder = golden / "blocks" / "direct"
        with np.load(folder / f"{name}.npz") as arrays:
            inputs = [arrays[key] for key in arrays.files if key != "y"]
            expected = arrays["y"]
        with h5py.File(folder / f"{name}.h5") as file:
            groups = file["model_weights"].values()
            weights = [group[path][()] for group in groups for path in group.attrs["weight_names"]]
        return inputs, expected, weights

    return read


@pytest.fixture
def check_direct(read_direct: Callable) -> Callable[..., None]:
    """Checker of a layer against a golden: (layer, name) -> None, within the goldens' noise."""

    def check(layer: keras.layers.Layer, name: str, *, scale: float = 1.0) -> None:
        inputs, expected, weights = read_direct(name)
        inputs = [array * scale for array in inputs]
        layer(*inputs)
        layer.set_weights(weights)
        output = keras.ops.convert_to_numpy(layer(*inputs))
        assert output.shape == expected.shape
        assert np.abs(output - expected).max() <= 1e-5 * max(1.0, np.abs(expected).max())

    return check
