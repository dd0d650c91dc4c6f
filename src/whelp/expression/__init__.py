"""Expression of genes: predicted against measured, over held-out genes."""

from typing import TYPE_CHECKING

from whelp.lazy import lazy_names

if TYPE_CHECKING:
    from whelp.expression.accuracy import GeneAccuracy as GeneAccuracy
    from whelp.expression.contrasts import Contrast as Contrast
    from whelp.expression.errors import ExpressionError as ExpressionError
    from whelp.expression.evaluation import GeneStudy as GeneStudy
    from whelp.expression.evaluation import evaluate_genes as evaluate_genes
    from whelp.expression.settings import ExpressionSettings as ExpressionSettings

_LAZY = {
    "Contrast": "contrasts",
    "ExpressionError": "errors",
    "ExpressionSettings": "settings",
    "GeneAccuracy": "accuracy",
    "GeneStudy": "evaluation",
    "evaluate_genes": "evaluation",
}
"""Public name -> the module of this package that defines it."""

__all__ = list(_LAZY)

__getattr__, __dir__ = lazy_names(__name__, _LAZY)
