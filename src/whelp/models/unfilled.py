"""Models whose variables get one value, the right one: no numbers are drawn to be overwritten."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import keras
from keras.src.backend.common import global_state
from numpy.typing import NDArray

_WAITING = "uninitialized_variables"


@contextmanager
def without_values() -> Iterator[None]:
    """Lets layers that are made inside have variables with shapes and no values.

    Keras would give them random ones as soon as training begins anywhere in the process. These it
    forgets, so that they stay as they are until `complete`.
    """
    waiting = list(global_state.get_global_attribute(_WAITING) or [])
    try:
        with keras.StatelessScope(initialize_variables=False):
            yield
    finally:
        global_state.set_global_attribute(_WAITING, waiting)


def fill(variable: keras.Variable, make: Callable[[], NDArray]) -> None:
    """Gives a variable a value: at once where it has one already, else when `complete` is called.

    Args:
      variable: The variable.
      make: Makes an array of its shape.
    """
    if variable._value is None:
        variable._initializer = lambda shape, dtype: keras.ops.convert_to_tensor(make(), dtype)
    else:
        variable.assign(make())


def complete(model: keras.Model) -> None:
    """Gives variables without a value theirs: what `fill` said, or as their layers initialise."""
    for variable in model.variables:
        if variable._value is None:
            variable._deferred_initialize()
