"""How predicted and measured expression of genes are compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from whelp.expression.errors import ExpressionError
from whelp.scoring.groups import split_contrast


@dataclass(frozen=True)
class ExpressionSettings:
    """How predicted and measured expression of genes are compared.

    Attributes:
        span: Take everything from a gene's first to its last exon, and not its exons.
        pseudo_quantile: Quantile of each track's coverage of genes (those with any) that is added
            to all of them before logarithms, from 0 to 1; None to add nothing.
        contrasts: Pairs of groups of tracks, as `A:B`, names from the column `group` of the targets
            table, whose log2 fold change over genes is compared.
        min_shown: Share of a gene that has to lie in the windows; others are left out.
        min_change: Measured log2 fold change from which on a gene counts as up, or down if it is
            negative.
        rc: Average predictions over both strands.
        shifts: Shifts in bp to average predictions over.
        old: Whether the targets were squashed in the old way; None to take the word of the data and
            the model, or the new way if neither says.
        as_reference: Do all that `hound_eval_genes.py` does, its faults included, for comparisons:
            predict every other window only, keep the exons that genes share, count a bin as often
            as exons of a gene lie in it, round predictions to 16 bits, and let one gene of which a
            track has no variation to correlate make the track's mean within genes undefined.

    Raises:
        ExpressionError: A quantile or share is not from 0 to 1, or a change not above 0.
        whelp.scoring.errors.ScoreError: A contrast is not of the form `A:B`.
    """

    span: bool = False
    pseudo_quantile: float | None = None
    contrasts: Sequence[str] = ()
    min_shown: float = 0.0
    min_change: float = 1.0
    rc: bool = False
    shifts: Sequence[int] = (0,)
    old: bool | None = None
    as_reference: bool = False

    def __post_init__(self) -> None:
        quantile = self.pseudo_quantile
        if quantile is not None and not 0 <= quantile <= 1:
            raise ExpressionError(f"pseudo_quantile must be from 0 to 1; received {quantile}")
        if not 0 <= self.min_shown <= 1:
            raise ExpressionError(f"min_shown must be from 0 to 1; received {self.min_shown}")
        for contrast in self.contrasts:
            split_contrast(contrast)
        if not self.min_change > 0:
            raise ExpressionError(
                f"min_change, a log2 fold change, must be above 0; received {self.min_change}"
            )
