"""Arrays of models that were copied from one another."""

from __future__ import annotations

import keras


def own_arrays(model: keras.Model) -> keras.Model:
    """Gives a model arrays of its own, and returns it.

    On JAX a copied variable holds the very array of the one it was copied from, and Keras gives
    the arrays of a model away in each compiled step: after a step of one model the other's would
    be gone.
    """
    for variable in model.variables:
        variable.assign(keras.ops.copy(keras.ops.convert_to_tensor(variable)))
    return model
