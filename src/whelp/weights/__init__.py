"""Other people's checkpoints: the only package that knows their names for things."""

from whelp.weights.baskerville import has_adapters, load_baskerville, save_baskerville
from whelp.weights.errors import WeightsError
from whelp.weights.porting import PortError, Rule, port
from whelp.weights.ports import file_digest, find, is_port, load_port, provenance_of

__all__ = [
    "PortError",
    "Rule",
    "WeightsError",
    "file_digest",
    "find",
    "has_adapters",
    "is_port",
    "load_baskerville",
    "load_port",
    "port",
    "provenance_of",
    "save_baskerville",
]
