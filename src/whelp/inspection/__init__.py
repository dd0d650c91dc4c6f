"""What a model is made of, what a transfer method would do to it, and the memory that takes."""

from whelp.inspection.facts import ModelFacts, layer_table, model_facts, touched_table
from whelp.inspection.memory import MemoryEstimate, estimate_memory
from whelp.inspection.saved import read_saved
from whelp.inspection.skeleton import skeleton
from whelp.inspection.work import Work, prediction_work, training_work

__all__ = [
    "MemoryEstimate",
    "Work",
    "ModelFacts",
    "estimate_memory",
    "layer_table",
    "model_facts",
    "prediction_work",
    "read_saved",
    "skeleton",
    "touched_table",
    "training_work",
]
