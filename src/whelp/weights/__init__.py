"""Other people's checkpoints: the only package that knows their names for things."""

from whelp.weights.baskerville import has_adapters, load_baskerville, save_baskerville
from whelp.weights.errors import WeightsError

__all__ = ["WeightsError", "has_adapters", "load_baskerville", "save_baskerville"]
