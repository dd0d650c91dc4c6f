"""Compiling a function of a model's variables, once for each shape of its arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras

Shape = tuple[int | None, ...]


def takes_any_size() -> bool:
    """Says whether a compiled function takes arrays of other sizes without more compiling."""
    return keras.backend.backend() != "jax"


def compiled(
    function: Callable[..., Any],
    variables: Sequence[keras.Variable],
    *,
    arguments: Sequence[Any] | None = None,
) -> Callable:
    """Compiles a function that computes with variables, on the backend in use.

    Later changes of the variables' values are seen. Under JAX the values are arguments of the
    compiled function, not constants in it, which would copy the model for every shape. On other
    backends than TensorFlow and JAX the function is returned as it is.

    Args:
      function: A function of arrays and lists of arrays, in `keras.ops`; it changes no variable.
      variables: The variables that it reads.
      arguments: `(shape, dtype)` of each argument, in lists as the arguments are, with None for
        sizes that differ from call to call: TensorFlow then traces the function once for all of
        them. JAX compiles for each shape.

    Returns:
      The compiled function.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        return _compiled_by_tensorflow(function, arguments)
    if backend == "jax":
        return _compiled_by_jax(function, list(variables))
    return function


def _compiled_by_tensorflow(
    function: Callable[..., Any], arguments: Sequence[Any] | None
) -> Callable:
    import tensorflow as tf

    if arguments is None:
        return tf.function(function, autograph=False)
    signature = [
        [tf.TensorSpec(*each) for each in one] if isinstance(one, list) else tf.TensorSpec(*one)
        for one in arguments
    ]
    return tf.function(function, autograph=False, input_signature=signature)


def _compiled_by_jax(function: Callable[..., Any], variables: list[keras.Variable]) -> Callable:
    import jax

    def pure(values: list[Any], *arguments: Any) -> Any:
        with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
            return function(*arguments)

    fast = jax.jit(pure)
    return lambda *arguments: fast([variable.value for variable in variables], *arguments)
