"""Lets tests here, and the processes they start, share toys and what JAX has compiled."""

import os
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

CACHE = {
    "jax_persistent_cache_min_compile_time_secs": 0,
    "jax_persistent_cache_min_entry_size_bytes": -1,
}


@pytest.fixture(scope="session", autouse=True)
def _compile_once(tmp_path_factory):
    """The same toys are trained again and again; XLA takes seconds to compile each."""
    if os.environ.get("KERAS_BACKEND") != "jax":
        yield
        return
    import jax

    settings = {"jax_compilation_cache_dir": str(tmp_path_factory.mktemp("jax")), **CACHE}
    before = {key: getattr(jax.config, key) for key in settings}
    for key, value in settings.items():
        jax.config.update(key, value)
        os.environ[key.upper()] = str(value)
    yield
    for key, value in before.items():
        jax.config.update(key, value)
        del os.environ[key.upper()]
