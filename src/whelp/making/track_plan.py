"""A track on its way into a targets table: its assay, depth and scale, and where they come from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from whelp.making.assays import (
    ASSAYS,
    SIGNAL_CLIP,
    SIGNAL_CLIP_SOFT,
    SIGNAL_SCALE,
    SIGNAL_STAT,
)
from whelp.making.coverage import BED_ENDINGS
from whelp.making.samples import Sample
from whelp.making.strands import Track
from whelp.making.totals import TrackTotals
from whelp.specs.targets import Target

ASSUMED_DEPTH = 30e6
"""Fragments of a track whose depth is not known, as Borzoi's authors assume."""

_SMALL_GENOME = 100e6
"""Bases below which files are perhaps cut from a larger genome."""


@dataclass(frozen=True)
class TrackPlan:
    """What a row of the table, or the two rows of a pair, follow from.

    Attributes:
        track: Name and files.
        assay: Name of the assay.
        source: Where it comes from: `given`, `name`, or `pair` (assumed).
        sample: What the user said about the track.
        totals: Of each file.
        depth: Fragments that the user gave, for this track or for all; None for none.
        signal: Whether the file holds fold changes or the like.
    """

    track: Track
    assay: str
    source: str
    sample: Sample
    totals: tuple[TrackTotals, ...]
    depth: float | None = None
    signal: bool = False

    @property
    def peaks(self) -> bool:
        """Whether the file is a list of intervals."""
        return self.track.files[0].name.lower().endswith(BED_ENDINGS)

    @property
    def total(self) -> float:
        """Summed coverage, of both strands."""
        return sum(total.total for total in self.totals)

    @property
    def counted(self) -> bool:
        """Whether the scale makes fragments of coverage."""
        return not (self.signal or self.peaks or self.sample.scale is not None)

    @property
    def scale(self) -> float:
        """Factor of the coverage, one for both strands."""
        if self.sample.scale is not None:
            return self.sample.scale
        if self.peaks:
            return 1.0
        if self.signal:
            return SIGNAL_SCALE
        return (self.depth or ASSUMED_DEPTH) / self.total

    def flipped(self) -> TrackPlan:
        """The same with the files of the strands exchanged."""
        track = replace(self.track, files=self.track.files[::-1])
        return replace(self, track=track, totals=self.totals[::-1])

    def rows(self, index: int) -> Iterator[Target]:
        """The rows of the table, from a number on."""
        signs = ("+", "-") if self.track.paired else ("",)
        assay = ASSAYS[self.assay]
        mean = self.signal or self.peaks
        words = self.sample.description or self.track.name
        for at, (sign, file) in enumerate(zip(signs, self.track.files, strict=True)):
            yield Target(
                index=index + at,
                identifier=f"{self.track.name}{sign}",
                file=str(file.absolute()),
                clip=SIGNAL_CLIP if mean else assay.clip,
                clip_soft=SIGNAL_CLIP_SOFT if mean else assay.clip_soft,
                scale=float(f"{self.scale:.6g}"),
                sum_stat=SIGNAL_STAT if mean else assay.sum_stat,
                strand_pair=index + (1 - at if sign else 0),
                description=f"{self.assay}:{words}",
                group=self.sample.group or None,
            )


def coverage_faults(plans: Iterable[TrackPlan]) -> list[str]:
    """Find tracks that no scale makes usable.

    Returns:
        What is wrong, a sentence a track.
    """
    faults = []
    for plan in plans:
        negative = [
            str(file)
            for file, total in zip(plan.track.files, plan.totals, strict=True)
            if total.total < 0
        ]
        if negative and not plan.signal:
            faults.append(
                f"{', '.join(negative)}: the values are negative, as some programs write the - "
                "strand; expected coverage of 0 and more. Turn the sign round, for instance by "
                "`bw_w5.py -s -1 IN.bw OUT.w5`"
            )
        elif plan.counted and plan.total <= 0:
            names = ", ".join(map(str, plan.track.files))
            faults.append(f"{names}: there is no coverage (the sum is {plan.total:g})")
    return faults


def assumptions(plans: Sequence[TrackPlan]) -> list[str]:
    """Say in words what was assumed."""
    return [*_assay_words(plans), *_scale_words(plans), *_value_words(plans)]


def _assay_words(plans: Sequence[TrackPlan]) -> Iterator[str]:
    for name in ASSAYS:
        told = [plan for plan in plans if plan.assay == name and plan.source == "name"]
        if told:
            yield f"{name} told from the names of {_names(told)}"
    assumed = [plan for plan in plans if plan.source == "pair"]
    if assumed:
        yield f"RNA assumed for strand pairs whose names tell no assay: {_names(assumed)}"


def _scale_words(plans: Sequence[TrackPlan]) -> Iterator[str]:
    unknown = [plan for plan in plans if plan.counted and plan.depth is None]
    if unknown:
        yield (
            f"{ASSUMED_DEPTH / 1e6:.0f} million fragments assumed for {_names(unknown)}, whose "
            f"depth is not known: scale = {ASSUMED_DEPTH:,.0f} / summed coverage (--depth or "
            "--samples give it)"
        )
    small = [plan for plan in unknown if sum(plan.totals[0].lengths.values()) < _SMALL_GENOME]
    if small:
        bases = sum(small[0].totals[0].lengths.values())
        yield (
            f"the chromosomes of {_names(small)} have {bases:,} bases in all: if that is a part of "
            "a larger genome, give the fragments in that part, or scales are too large"
        )
    signals = [plan for plan in plans if plan.signal and not plan.peaks]
    if signals:
        yield (
            f"no coverage but a signal (fold change, p-value) taken to be in {_names(signals)}: "
            f"means over bins, scale {SIGNAL_SCALE:g}"
        )
    peaks = [plan for plan in plans if plan.peaks]
    if peaks:
        yield f"intervals in {_names(peaks)}: the share of a bin that they cover, scale 1"


def _value_words(plans: Sequence[TrackPlan]) -> Iterator[str]:
    below = [plan for plan in plans if any(total.minimum < 0 for total in plan.totals)]
    if below:
        yield f"there are negative values in {_names(below)}; Poisson losses want none"
    odd = [plan for plan in plans if any(total.odd for total in plan.totals)]
    if odd:
        yield f"there are NaN or infinite values in {_names(odd)}; sums leave them out"


def _names(plans: Sequence[TrackPlan], most: int = 4) -> str:
    names = [plan.track.name for plan in plans]
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")
