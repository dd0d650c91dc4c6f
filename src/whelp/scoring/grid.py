"""How a model cuts a window into bins."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    from whelp.models import SequenceModel


class Grid(NamedTuple):
    """The bins of a model's predictions.

    Attributes:
        length: Length of a window, bp.
        crop: What the model leaves out on either side of it, bp.
        stride: Width of a bin, bp.
        bins: Bins of a prediction.
    """

    length: int
    crop: int
    stride: int
    bins: int

    @classmethod
    def of(cls, model: SequenceModel) -> Self:
        """Give the bins of a model."""
        crop = model.crop * model.stride
        return cls(int(model.spec.seq_length), crop, model.stride, model.target_length)
