"""Fixtures shared by all tests. The backend is whatever KERAS_BACKEND says."""

import gc
import resource
import signal
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

HERE = Path(__file__).parent

# In the background of a shell Ctrl-C is ignored, also by processes that tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="module", autouse=True)
def _forget_programs() -> Iterator[None]:
    """Drops what a file's tests have compiled: kept, a whole run's would fill many gigabytes."""
    yield
    if "jax" in sys.modules:
        sys.modules["jax"].clear_caches()
    gc.collect()


@pytest.fixture(scope="session")
def golden() -> Path:
    """Folder of what the reference answers; each set in it has a README."""
    return HERE / "golden"


@pytest.fixture(scope="session")
def json_configs() -> Path:
    """Folder of the parameter files that are shipped with the repository."""
    return HERE.parent / "json_configs"


@pytest.fixture(scope="session")
def unpack(golden: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Unpacks a golden set that is kept as an archive, once a session, and gives its folder."""
    unpacked: dict[str, Path] = {}

    def folder(name: str) -> Path:
        if name not in unpacked:
            target = tmp_path_factory.mktemp(name)
            with tarfile.open(golden / f"{name}.tar.xz") as archive:
                archive.extractall(target, filter="data")
            unpacked[name] = target / name
        return unpacked[name]

    return folder


@pytest.fixture
def largest_file() -> Callable[[int], AbstractContextManager[None]]:
    """Limits the size of files, in bytes, as long as a `with` lasts: stands for a full disk."""

    @contextmanager
    def limited(size: int) -> Iterator[None]:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        # Python ignores the signal that comes with it; writing fails.
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return limited


@pytest.fixture(scope="session")
def predict() -> Callable[[Any, np.ndarray], np.ndarray]:
    """Predicts with a model: compiled as a whole on JAX, which is slow op by op, else called."""
    import keras

    if keras.backend.backend() == "jax":
        return lambda model, x: model.predict(x, verbose=0)
    return lambda model, x: np.asarray(model(x))
