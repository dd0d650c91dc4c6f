"""Errors of checkpoints."""


class WeightsError(ValueError):
    """A checkpoint cannot be read, or does not fit the model.

    The message names the file, the layer, what was expected and what was found.
    """
