"""Replicates on the folds of a data set: their data, training, accuracy and its spread."""

from typing import TYPE_CHECKING

from whelp.lazy import lazy_names

if TYPE_CHECKING:
    from whelp.folds.errors import FoldsError
    from whelp.folds.run import set_up_folds, train_folds, train_replicates
    from whelp.folds.settings import FoldsSettings, GenesAsked, Replicate
    from whelp.folds.summary import FoldsResult, summarize_folds

__all__ = [
    "FoldsError",
    "FoldsResult",
    "FoldsSettings",
    "GenesAsked",
    "Replicate",
    "set_up_folds",
    "summarize_folds",
    "train_folds",
    "train_replicates",
]

_HOMES = {
    "FoldsError": "errors",
    "FoldsResult": "summary",
    "FoldsSettings": "settings",
    "GenesAsked": "settings",
    "Replicate": "settings",
    "set_up_folds": "run",
    "summarize_folds": "summary",
    "train_folds": "run",
    "train_replicates": "run",
}

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
