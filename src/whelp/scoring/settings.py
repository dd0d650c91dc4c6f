"""How variants are scored."""

from __future__ import annotations

from dataclasses import dataclass

from whelp.scoring.errors import ScoreError
from whelp.scoring.statistics import check_statistics


@dataclass(frozen=True)
class ScoreSettings:
    """How variants are scored.

    Attributes:
        statistics: Names from `STATISTICS`.
        shifts: Shifts of the ensemble, bp; statistics are averaged over them.
        rc: Average predictions over both strands.
        stitch: Join the two predictions of an insertion or deletion at the variant; else each is
            compared and the statistics are averaged.
        cluster: Share of a window's length within which variants share a window; 0 for a window
            centred on each.
        old: Whether the targets were squashed in the old way (released Borzoi models); None to take
            the model's word for it, or the new way if it says nothing.
        merge_first: Merge strands in linear units before the statistics. Else the statistics of
            both strands are merged, as in Baskerville.
        pull: Deletions pull in the genome's bases at the end of the window; else N, as in
            Baskerville.
        unknown: What stands in all four columns of an N: 0 as in training, or 0.25 as in
            `borzoi_sed.py`.
        half: Scores are 16-bit floats, as Baskerville's; else 32-bit.
        batch_size: Sequences that are run at a time, at most; None for up to four, as many as take
            about a gigabyte.

    Raises:
        StatisticError: A statistic is not known.
        ScoreError: A number is out of its range.
    """

    statistics: tuple[str, ...] = ("logSUM",)
    shifts: tuple[int, ...] = (0,)
    rc: bool = False
    stitch: bool = True
    cluster: float = 0.0
    old: bool | None = None
    merge_first: bool = True
    pull: bool = True
    unknown: float = 0.0
    half: bool = False
    batch_size: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "statistics", check_statistics(self.statistics))
        if not self.shifts:
            raise ScoreError("expected at least one shift, such as 0; received none")
        if not 0 <= self.cluster < 1:
            raise ScoreError(
                "variants share a window within a share of its length, from 0 to less than 1; "
                f"received {self.cluster:g}"
            )
