"""Models: blocks of the JSON language, the graph builder, roles, and ensembles."""

from whelp.models.averaging import Ensemble, OutputView, ensemble, view
from whelp.models.roles import TRUNK, Role, Site, select_sites
from whelp.models.sequence_model import ALL_HEADS, SequenceModel, copy_tensors
from whelp.models.unfilled import complete, fill, without_values

__all__ = [
    "ALL_HEADS",
    "TRUNK",
    "Ensemble",
    "OutputView",
    "Role",
    "SequenceModel",
    "Site",
    "complete",
    "copy_tensors",
    "ensemble",
    "fill",
    "select_sites",
    "view",
    "without_values",
]
