"""Fine-tune pretrained sequence-to-function models of DNA on new tracks.

The public names are imported when first used, so `import whelp` is quick and imports no Keras. If
no Keras backend is chosen (environment variable KERAS_BACKEND), an installed one is: TensorFlow,
else JAX, else PyTorch.
"""

import importlib
from typing import TYPE_CHECKING, Any

from whelp._keras_setup import prepare_keras

if TYPE_CHECKING:
    from whelp.data import open_dataset as open_dataset
    from whelp.eqtls.benchmark import EqtlSettings as EqtlSettings
    from whelp.eqtls.benchmark import benchmark_eqtls as benchmark_eqtls
    from whelp.expression import ExpressionSettings as ExpressionSettings
    from whelp.expression import evaluate_genes as evaluate_genes
    from whelp.fitting import TrackInput as TrackInput
    from whelp.fitting import fit as fit
    from whelp.fitting import transfer as transfer
    from whelp.folds import FoldsSettings as FoldsSettings
    from whelp.folds import train_folds as train_folds
    from whelp.interpreting.attributions import attribute as attribute
    from whelp.interpreting.mutagenesis import MutationSettings as MutationSettings
    from whelp.interpreting.mutation_plan import MutationPlan as MutationPlan
    from whelp.interpreting.regions import Flanks as Flanks
    from whelp.interpreting.saturation import ism as ism
    from whelp.loading import adapt as adapt
    from whelp.loading import load as load
    from whelp.loading import load_adapter as load_adapter
    from whelp.loading import load_weights as load_weights
    from whelp.loading import merge as merge
    from whelp.loading import save_adapter as save_adapter
    from whelp.loading import save_weights as save_weights
    from whelp.loading import unmerge as unmerge
    from whelp.models import ensemble as ensemble
    from whelp.predicting.arrays import predict as predict
    from whelp.predicting.settings import PredictSettings as PredictSettings
    from whelp.scoring.score import score as score
    from whelp.scoring.settings import ScoreSettings as ScoreSettings
    from whelp.seqnn import from_baskerville as from_baskerville
    from whelp.seqnn import to_baskerville as to_baskerville
    from whelp.specs import load_params as load_params
    from whelp.training import losses as losses
    from whelp.training import metrics as metrics
    from whelp.training import schedules as schedules
    from whelp.training.evaluation import evaluate as evaluate
    from whelp.training.trainer import train as train

__version__ = "0.1.0"

_LAZY = {
    "EqtlSettings": "whelp.eqtls.benchmark",
    "ExpressionSettings": "whelp.expression",
    "Flanks": "whelp.interpreting.regions",
    "FoldsSettings": "whelp.folds",
    "MutationPlan": "whelp.interpreting.mutation_plan",
    "MutationSettings": "whelp.interpreting.mutagenesis",
    "PredictSettings": "whelp.predicting.settings",
    "ScoreSettings": "whelp.scoring.settings",
    "TrackInput": "whelp.fitting",
    "adapt": "whelp.loading",
    "attribute": "whelp.interpreting.attributions",
    "benchmark_eqtls": "whelp.eqtls.benchmark",
    "ensemble": "whelp.models",
    "evaluate": "whelp.training.evaluation",
    "evaluate_genes": "whelp.expression",
    "fit": "whelp.fitting",
    "from_baskerville": "whelp.seqnn",
    "ism": "whelp.interpreting.saturation",
    "load": "whelp.loading",
    "load_adapter": "whelp.loading",
    "load_params": "whelp.specs",
    "load_weights": "whelp.loading",
    "merge": "whelp.loading",
    "open_dataset": "whelp.data",
    "predict": "whelp.predicting.arrays",
    "save_adapter": "whelp.loading",
    "save_weights": "whelp.loading",
    "score": "whelp.scoring.score",
    "to_baskerville": "whelp.seqnn",
    "train": "whelp.training.trainer",
    "train_folds": "whelp.folds",
    "transfer": "whelp.fitting",
    "unmerge": "whelp.loading",
}
"""Public function -> the module that defines it."""

_LAZY_MODULES = {
    "losses": "whelp.training.losses",
    "metrics": "whelp.training.metrics",
    "schedules": "whelp.training.schedules",
}
"""Public name of a module -> the module."""

__all__ = [*sorted(_LAZY), *sorted(_LAZY_MODULES), "__version__"]

prepare_keras()


def __getattr__(name: str) -> Any:
    """Import a public name on first use (PEP 562)."""
    if name in _LAZY:
        value = getattr(importlib.import_module(_LAZY[name]), name)
    elif name in _LAZY_MODULES:
        value = importlib.import_module(_LAZY_MODULES[name])
    else:
        raise AttributeError(
            f"module 'whelp' has no attribute {name!r}; it has {', '.join(__all__)}"
        )
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, imported or not."""
    return __all__
