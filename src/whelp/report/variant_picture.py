"""A variant, looked at: predicted tracks of both alleles, what changes, and the sequence logo."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from whelp.report import formats
from whelp.report.assays import assay, assay_colours
from whelp.report.figures import TEXT_SIZE, new_figure, style
from whelp.report.logos import Contributions, draw_logo, logo_words
from whelp.report.palette import LIGHT

_WIDTH = 1040
_ROWS = (26, 58, 40)
_SHARES = (5, 7)
_PIXELS = 400
_LEAST_BINS = 48


@dataclass(frozen=True)
class TrackChange:
    """Predicted coverage of one track, with either allele.

    Attributes:
        identifier: Name of the track in the targets table.
        description: Its description; what stands before the first colon is the assay.
        ref: Coverage with the reference allele, `(bins,)`, in the units of the data.
        alt: The same with the alternate allele.
        score: The score by which the variant was chosen.
    """

    identifier: str
    description: str
    ref: np.ndarray
    alt: np.ndarray
    score: float


@dataclass(frozen=True)
class VariantPicture:
    """A variant to be looked at.

    Attributes:
        name: Its identifier.
        chrom: Chromosome.
        position: Its first base, bp from 1.
        ref: Reference allele.
        alt: Alternate allele.
        start: Start of the first bin, bp from 0.
        bin_width: bp a bin.
        statistic: What the scores are.
        tracks: The tracks to be shown.
        logos: What the bases around the variant contribute, with either allele.
        gene: Name of the gene that it is scored for, if by gene.
        exons: The gene's exons, first and last base, bp from 0, half-open.
    """

    name: str
    chrom: str
    position: int
    ref: str
    alt: str
    start: int
    bin_width: int
    statistic: str
    tracks: Sequence[TrackChange]
    logos: Sequence[Contributions] = ()
    gene: str = ""
    exons: Sequence[tuple[int, int]] = ()

    @property
    def title(self) -> str:
        """Name, place and alleles; long alleles are cut."""
        alleles = ">".join(short_allele(allele) for allele in (self.ref, self.alt))
        gene = f" · {self.gene}" if self.gene else ""
        return f"{self.name} · {self.chrom}:{self.position:,} {alleles}{gene}"


def variant_figure(picture: VariantPicture) -> tuple[Figure, str]:
    """Draw what a variant changes: for each track the whole window, and the place of the change.

    Args:
        picture: The variant with at least one track.

    Returns:
        The figure and its alternative text.
    """
    colours = assay_colours(assay(track.description) for track in picture.tracks)
    with style():
        figure = new_figure(_WIDTH, 34 + len(picture.tracks) * (sum(_ROWS) + 26), tight=True)
        ratios = [*_ROWS, 26] * len(picture.tracks)
        grid = figure.add_gridspec(
            len(ratios), 2, height_ratios=ratios, width_ratios=_SHARES, hspace=0
        )
        for number, track in enumerate(picture.tracks):
            row = 4 * number
            _draw_label(figure.add_subplot(grid[row, :]), track, picture.statistic)
            colour = LIGHT[colours[assay(track.description)]]
            stretches = (0, len(track.ref)), _place_of_change(track, picture)
            for column, stretch in enumerate(stretches):
                pair = [figure.add_subplot(grid[row + 1 + at, column]) for at in range(2)]
                _draw_stretch(pair, track, picture, stretch, colour)
                _name_rows(pair, first=column == 0, last=track is picture.tracks[-1])
    words = "; ".join(
        f"{t.identifier} {picture.statistic} {formats.signed(t.score)}" for t in picture.tracks
    )
    return figure, f"Tracks with either allele of {picture.title}: {words}."


def logos_figure(picture: VariantPicture) -> tuple[Figure, str]:
    """Draw the logos of a variant's alleles below each other, on one scale.

    Args:
        picture: The variant, with logos.

    Returns:
        The figure and its alternative text.
    """
    with style():
        figure = new_figure(_WIDTH, 145 * len(picture.logos))
        rows = figure.subplots(len(picture.logos), 1, sharey=True, squeeze=False)[:, 0]
        limits = []
        for axes, shown in zip(rows, picture.logos, strict=True):
            draw_logo(axes, shown, (0, len(shown.bases)))
            axes.set_title(shown.name, pad=4)
            limits.append(axes.dataLim.intervaly)
            axes.set_ylabel(shown.unit)
        low, high = np.min(limits), np.max(limits)
        room = 0.08 * max(high - low, 1e-12)
        rows[0].set_ylim(low - room, high + room)
    words = " ".join(
        f"{shown.name}: {logo_words(shown, 0, len(shown.bases))}" for shown in picture.logos
    )
    return figure, words


def short_allele(allele: str) -> str:
    """An allele in a few letters."""
    return allele if len(allele) <= 8 else f"{allele[:3]}… ({len(allele)} bp)"


def _draw_label(axes: Axes, track: TrackChange, statistic: str) -> None:
    axes.axis("off")
    name = track.description.replace(":", " · ", 1)
    name = name if len(name) <= 78 else name[:77] + "…"
    axes.text(0, 0.2, f"{name} · {track.identifier}", fontweight="bold", transform=axes.transAxes)
    axes.text(
        1,
        0.2,
        f"{statistic} {formats.signed(track.score)}",
        ha="right",
        color=LIGHT["muted"],
        transform=axes.transAxes,
    )


def _place_of_change(track: TrackChange, picture: VariantPicture) -> tuple[int, int]:
    """The bins around the largest change; with the variant if that is near."""
    change = np.abs(track.alt - track.ref)
    place = int(change.argmax())
    variant = (picture.position - 1 - picture.start) // picture.bin_width
    near = abs(variant - place) <= _LEAST_BINS and 0 <= variant < len(change)
    first, last = (min(place, variant), max(place, variant)) if near else (place, place)
    around = max((_LEAST_BINS - (last - first)) // 2, _LEAST_BINS // 4)
    return max(0, first - around), min(len(change), last + around + 1)


def _draw_stretch(
    pair: Sequence[Axes],
    track: TrackChange,
    picture: VariantPicture,
    stretch: tuple[int, int],
    colour: str,
) -> None:
    """Draw coverage of both alleles above their difference."""
    first, last = stretch
    ref, alt = track.ref[first:last], track.alt[first:last]
    edges = picture.start + picture.bin_width * np.linspace(first, last, _steps(last - first) + 1)
    coverage, change = pair
    coverage.stairs(_extreme(ref), edges, fill=True, color=LIGHT["measured"], linewidth=0)
    coverage.stairs(_extreme(alt), edges, baseline=None, color=colour, linewidth=1.2)
    difference = _extreme(alt - ref)
    change.stairs(difference, edges, fill=True, color=colour, linewidth=0)
    change.axhline(0, color=LIGHT["rule"], linewidth=0.8)
    top = max(float(np.max(ref)), float(np.max(alt)), 1e-9)
    coverage.set_ylim(0, 1.12 * top)
    far = 1.12 * max(float(np.abs(difference).max()), 1e-9)
    change.set_ylim(-far, far)
    for start, end in picture.exons:
        change.axvspan(start, end, color=LIGHT["gold"], alpha=0.18, linewidth=0)
    for axes in pair:
        axes.set_xlim(edges[0], edges[-1])
        axes.axvline(
            picture.position - 0.5, color=LIGHT["ink"], linewidth=0.8, linestyle=(0, (2, 2))
        )
        axes.yaxis.set_major_locator(MaxNLocator(2, min_n_ticks=2))
        axes.tick_params(labelsize=TEXT_SIZE - 2)


def _name_rows(pair: Sequence[Axes], *, first: bool, last: bool) -> None:
    coverage, change = pair
    coverage.tick_params(axis="x", length=0, labelbottom=False)
    coverage.spines["bottom"].set_visible(False)
    change.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    change.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x / 1e3:,.10g}"))
    if last:
        change.set_xlabel("whole window, position in kb" if first else "largest change, in kb")
    if first:
        for axes, name in ((coverage, "coverage"), (change, "change")):
            axes.set_ylabel(name, rotation=0, ha="right", va="center", labelpad=8)


def _steps(bins: int) -> int:
    return -(-bins // -(-bins // _PIXELS))


def _extreme(values: np.ndarray) -> np.ndarray:
    """What stands farthest from zero in each of at most `_PIXELS` steps."""
    width = -(-len(values) // _PIXELS)
    padded = np.pad(values, (0, -len(values) % width)).reshape(-1, width)
    return np.take_along_axis(padded, np.abs(padded).argmax(axis=1)[:, None], axis=1)[:, 0]
